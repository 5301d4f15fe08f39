"""Nights that fail or are late, as alerts: the callbacks of the DAGs, and the check of the hour."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import pendulum

from kpi.alerts.notifier import notify
from kpi.alerts.reading import AMBER, FAILED, LATE, RED, Alert
from kpi.alerts.telling import tell
from kpi.core import local_days
from kpi.core.connections import ETL, Session, session
from kpi.core.errors import InputError
from kpi.core.settings import Settings, settings
from kpi.core.templates import renderer
from kpi.figures.run_dates import business_date, now

log = logging.getLogger(__name__)

NIGHT = "kpi_daily"
# Two nights missing are no slow one any more.
_RED_AFTER = timedelta(days=2)


def night_failed(context: Mapping[str, Any]) -> None:
    """Raise an alert for the run's DAG and day, and tell it; a task's on_failure_callback.

    However many tasks of a run fail, there is one alert; a date or param that a person got wrong is none. It is told
    even when it cannot be kept, as the database may be what failed. Nothing is raised: a callback must not hide the
    task's own error.
    """
    if isinstance(context.get("exception"), InputError):
        return
    try:
        kpi_settings = settings()
        alert = Alert(
            FAILED,
            context["ti"].dag_id,
            RED,
            _day_of(context, kpi_settings),
            message=_said(context),
        )
        try:
            with session(ETL) as etl, etl.transaction():
                _keep(etl, alert, kpi_settings)
            tell(context, kpi_settings)
        except Exception as error:
            log.warning("The alert could not be kept, so it is told and forgotten: %s", error)
            notify([alert], context, kpi_settings)
    except Exception:
        log.exception("No alert was raised for this failure.")


def night_mended(context: Mapping[str, Any]) -> None:
    """End the alerts that the run's DAG failed for the run's day or earlier days; an on_success_callback."""
    try:
        kpi_settings, day = settings(), business_date(context)
        with session(ETL) as etl, etl.transaction():
            ended = _end(etl, FAILED, context["ti"].dag_id, day, kpi_settings)
        if ended:
            tell(context, kpi_settings)
    except Exception:
        log.exception("The alert of an earlier failure could not be ended.")


def due_day(instant: datetime, zone: str, due_at: time) -> date:
    """Return the local day whose figures are to be there at an instant (naive UTC): yesterday, once it is `due_at`."""
    local = pendulum.instance(instant, tz="UTC").in_timezone(zone)
    return local.date() - timedelta(days=1 if local.time() >= due_at else 2)


def missing_since(last_good: date | None, due: date) -> date | None:
    """Return the first day that is late, None when none is; a database without any complete day is new, not late."""
    if last_good is None or last_good >= due:
        return None
    return last_good + timedelta(days=1)


def look_for_late_nights(instant: datetime, settings: Settings) -> date | None:
    """Keep one alert as long as nights are late, and end it; return the first day that is missing, None without."""
    due = due_day(instant, settings.timezone, settings.night_due_at)
    with session(ETL) as etl, etl.transaction():
        last_good: date | None = etl.value(
            renderer(settings)("alerts/last_done_day.sql"), {"last": due}
        )
        since = missing_since(last_good, due)
        if last_good is not None:
            _end(etl, LATE, NIGHT, last_good, settings)
        if since is not None:
            _keep(
                etl,
                Alert(LATE, NIGHT, RED if due - since >= _RED_AFTER else AMBER, since),
                settings,
            )
    return since


def _keep(etl: Session, alert: Alert, settings: Settings) -> None:
    columns = ("kind", "code", "since_on", "level", "message")
    etl.run(
        renderer(settings)("alerts/night.sql"), {name: getattr(alert, name) for name in columns}
    )


def _end(etl: Session, kind: str, code: str, last: date, settings: Settings) -> int:
    today = local_days.local_date(now(), settings.timezone)
    values = {"kind": kind, "code": code, "last": last, "until_on": today}
    return etl.run(renderer(settings)("alerts/night_over.sql"), values)


def _day_of(context: Mapping[str, Any], settings: Settings) -> date:
    """Return the run's local day; one whose date is wrong failed for that, and is about today."""
    try:
        return business_date(context)
    except Exception:
        return local_days.local_date(now(), settings.timezone)


def _said(context: Mapping[str, Any]) -> str:
    error = context.get("exception") or "it ended without an error of its own; see its log"
    return f"{context['ti'].task_id}: {error}"
