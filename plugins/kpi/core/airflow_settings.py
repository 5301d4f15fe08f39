"""The settings of the Airflow that runs the package: those that would make it wrong, silent or hard to read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from airflow.configuration import conf

from kpi import __version__
from kpi.core.errors import KpiError

log = logging.getLogger(__name__)

PACKAGE = Path(__file__).resolve().parents[1]
BUILT_FOR = "3.3."
LONGEST_SQL = 150_000  # characters; the longest script of a task has 126,000
# Three facts of a night side by side, and one for a change of the day.
FEWEST_TASKS = 4


class Finding(NamedTuple):
    """What is wrong with a setting and the way out, in French and English; `stops` what would write."""

    stops: bool
    fr: str
    en: str


def running_on() -> str:
    """Return the versions of the package and of the Airflow that runs it."""
    return f"{__version__}, Airflow {version('apache-airflow')}"


def require_fit(package: Path = PACKAGE) -> None:
    """Log the versions and what is wrong with the settings; raises KpiError for what would make the package wrong."""
    log.info("KPI package %s", running_on())
    for finding in findings(version("apache-airflow"), package):
        if finding.stops:
            raise KpiError(finding.en)
        log.warning(finding.en)


def findings(airflow: str, package: Path = PACKAGE) -> list[Finding]:
    """Return what is wrong with the settings of this process's Airflow, of that version; the package lies there."""
    return [*_files(package), *_versions(airflow), *_scheduling(), *_display()]


def _files(package: Path) -> Iterator[Finding]:
    folder = conf.get("core", "plugins_folder", fallback="")
    loaded = bool(folder) and Path(folder).resolve() in package.parents
    if loaded and not (package / ".airflowignore").exists():
        yield Finding(
            True,
            f"Il manque {package}/.airflowignore : le calendar.py du paquet prendrait la place de celui de Python ; "
            "copiez ce fichier avec le paquet, puis redémarrez Airflow.",
            f"{package}/.airflowignore is missing, so the package's calendar.py would take the place of Python's; "
            "copy that file along with the package, then restart Airflow.",
        )


def _versions(airflow: str) -> Iterator[Finding]:
    if not airflow.startswith(BUILT_FOR):
        yield Finding(
            False,
            f"Airflow {airflow} n'est pas celui pour lequel le paquet est écrit ({BUILT_FOR}x) ; "
            "essayez-le d'abord sur une copie de la base KPI.",
            f"Airflow {airflow} is not the one that the package is written for ({BUILT_FOR}x); "
            "try it on a copy of the KPI database first.",
        )


def _scheduling() -> Iterator[Finding]:
    tasks = conf.getint("core", "parallelism")
    # 0 is no limit.
    if 0 < tasks < FEWEST_TASKS:
        yield Finding(
            False,
            f"AIRFLOW__CORE__PARALLELISM={tasks} : les faits d'une nuit attendraient leur tour ; "
            f"mettez {FEWEST_TASKS} ou plus.",
            f"AIRFLOW__CORE__PARALLELISM={tasks}: the facts of a night would wait for each other; "
            f"set {FEWEST_TASKS} or more.",
        )
    if not conf.getboolean("scheduler", "use_job_schedule"):
        yield Finding(
            False,
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE=False : aucune nuit ne commence d'elle-même ; mettez True.",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE=False: no night begins by itself; set True.",
        )


def _display() -> Iterator[Finding]:
    shown = conf.getint("core", "max_templated_field_length")
    if shown < LONGEST_SQL:
        yield Finding(
            False,
            f"AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH={shown} : Airflow coupe le SQL qu'il montre ; mettez 500000.",
            f"AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH={shown}: Airflow cuts the SQL that it shows; set 500000.",
        )
