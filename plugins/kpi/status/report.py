"""The status of an instant: reads, judges, and never fails for want of a database."""

from __future__ import annotations

import logging
import zoneinfo
from datetime import datetime
from importlib.metadata import version

import mysql.connector

from kpi.core import airflow_settings, local_days
from kpi.core.connections import READ, session
from kpi.core.errors import KpiError
from kpi.core.settings import Settings
from kpi.status import judgement, reading
from kpi.status.judgement import Item

log = logging.getLogger(__name__)


def status(instant: datetime, settings: Settings) -> list[Item]:
    """Return the items at an instant, naive UTC; those that a missing database or old schema hides are left out."""
    items = [_zone_data(), _package()]
    try:
        with session(READ) as read:
            last, problem = reading.schema_problem(read, settings)
            items.append(judgement.schema(last, problem))
            if not problem:
                return judgement.judged(reading.state(read, settings, instant), settings) + items
    except (KpiError, mysql.connector.Error) as error:
        log.warning("The status could not be read: %s", error)
        items.append(judgement.unreachable())
    return items


def _zone_data() -> Item:
    try:
        local_days.require_current_zone_data()
        problem = ""
    except local_days.ZoneDataError as error:
        problem = str(error)
    # With a search path the system's files count, and say no version.
    system = ", ".join(zoneinfo.TZPATH)
    return judgement.zone_data(system or f"tzdata {version('tzdata')}", problem)


def _package() -> Item:
    findings = airflow_settings.findings(version("apache-airflow"))
    return judgement.package(airflow_settings.running_on(), findings)
