"""Changes through a real Airflow: from the source's commit to the row, by the watcher and by events of others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from kpi.core import local_days
from kpi.core.settings import Settings
from mysql_server import PrivateServer

from tests.dags.running_airflow import SERVICES, RunningAirflow
from tests.golden import school
from tests.sql.test_property_incremental import written
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

LEARNER, CHANGES = 4, 6
# Watchers begin when the DAG's file is read after the DAG was unpaused, and runs of its kind count as made by schedule.
QUICK = {
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__MAX_DAGRUNS_TO_CREATE_PER_LOOP": "10",
}


@pytest.fixture(scope="module")
def today() -> date:
    return local_days.local_date(datetime.now(UTC).replace(tzinfo=None), "Africa/Casablanca")


@pytest.fixture(scope="module")
def live(server: PrivateServer, contract_settings: Settings, today: date) -> Iterator[Warehouse]:
    """The small school, captured a minute ago for the day that has ended."""
    made = Warehouse(server.root_uri, "t_live", contract_settings, keeps_scripts=True).create()
    made.create_contract_source()
    made.bootstrap(today - timedelta(days=70), today + timedelta(days=40))
    made.load_source(school.source(0))
    yesterday = today - timedelta(days=1)
    made.night(yesterday, datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=1))
    made.rollup(yesterday)
    yield made
    made.close()


@pytest.fixture(scope="module")
def airflow(
    live: Warehouse, sql_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAirflow]:
    variables = {"KPI_SQL_DIR": str(sql_dir), "KPI_SOURCE_ADAPTER": "contract", **QUICK}
    for conn_id, values in live.connections.items():
        variables[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(values)
    home = tmp_path_factory.mktemp("live")
    with RunningAirflow(home, variables, (*SERVICES, "triggerer")) as started:
        started.unpause("kpi_incremental")
        yield started


def work_on(live: Warehouse, learner: int, progress: float, noted: bool = True) -> None:
    """Let the LMS write a learner's progress, and its trigger the change."""
    now = datetime.now(UTC).replace(tzinfo=None)
    live.source(
        "UPDATE realisation SET progress_pct = %s, changed_at = %s, last_activity_at = %s "
        "WHERE domain = 'MICRO_COMPETENCE' AND ref_id = 1 AND learner_id = %s",
        [progress, now, now, learner],
    )
    if noted:
        live.changed(learner)


def shown(live: Warehouse, learner: int, day: date) -> float | None:
    found = live.rows(
        "SELECT value_num FROM kpi_value INNER JOIN kpi_metric ON kpi_metric.id = metric_id "
        "INNER JOIN kpi_scope ON kpi_scope.id = scope_id INNER JOIN kpi_target ON kpi_target.id = target_id "
        "WHERE scope_type = 'APPRENANT' AND kpi_scope.ref_id = %s AND target_type = 'MICRO_COMPETENCE' "
        "AND kpi_target.ref_id = 1 AND date_id = %s AND period = 'D' AND code = 'PROGRESSION_MOY'",
        [learner, day],
    )
    return float(found[0][0]) if found else None


def seconds_until(met: Callable[[], bool], at_most: float) -> float:
    begun = time.monotonic()
    while not met():
        assert time.monotonic() < begun + at_most, f"not within {at_most:.0f} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def idle(airflow: RunningAirflow) -> bool:
    return all(run.state not in ("queued", "running") for run in airflow.runs("kpi_incremental"))


def test_a_change_is_shown(live: Warehouse, airflow: RunningAirflow, today: date) -> None:
    """The first run opens the day; each change is then in the figures after one short run by the watcher."""
    work_on(live, LEARNER, 50.0)
    opened = seconds_until(lambda: shown(live, LEARNER, today) == 50.0, 400)
    taken = []
    for number in range(1, CHANGES + 1):
        seconds_until(lambda: idle(airflow), 120)
        work_on(live, LEARNER, 50.0 + number)
        taken.append(seconds_until(lambda: shown(live, LEARNER, today) == 50.0 + number, 60))  # noqa: B023
    sql = live.rows(
        "SELECT TIMESTAMPDIFF(MICROSECOND, MIN(started_at), MAX(finished_at)) FROM kpi_run "
        "WHERE scopes IS NOT NULL GROUP BY run_id ORDER BY MIN(id) DESC LIMIT %s",
        [CHANGES],
    )
    print(
        f"\nopened after {opened:.1f} s; from the source's commit to the row: median {median(taken):.2f} s, "
        f"longest {max(taken):.2f} s; of it SQL {median(float(one) for (one,) in sql) / 1e6:.2f} s"
    )
    seconds_until(lambda: idle(airflow), 120)
    assert written(live, today) == {}


def test_events_that_name_learners(live: Warehouse, airflow: RunningAirflow, today: date) -> None:
    """Six at once through the REST API: Airflow leaves some of them for the next event, and loses none."""
    found = airflow.call("GET", "/api/v2/assets", params={"name_pattern": "kpi_changes"})
    [asset] = found["assets"]
    learners = range(6, 12)
    for learner in learners:
        work_on(live, learner, 61.0, noted=False)
        event = {"asset_id": asset["id"], "extra": {"learner_ids": [learner]}}
        airflow.call("POST", "/api/v2/assets/events", json=event)

    def all_shown() -> bool:
        if not idle(airflow):
            return False
        if all(shown(live, learner, today) == 61.0 for learner in learners):
            return True
        live.changed(LEARNER)  # the watcher's next event
        seconds_until(
            lambda: live.rows("SELECT id FROM kpi_change WHERE done_at IS NULL") == [], 60
        )
        return False

    seconds_until(all_shown, 300)
    seconds_until(lambda: idle(airflow), 120)
    assert written(live, today) == {}
