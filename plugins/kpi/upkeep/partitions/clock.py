"""Is today today? A wrong clock would make partitions for years that nobody needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from kpi.core.connections import Session
from kpi.core.errors import InputError
from kpi.core.statements import script
from kpi.vocabulary import FACT_TABLES

EARLIEST = date(2020, 1, 1)
# Runs of a month or of a week are dated at its end, up to 31 days ahead.
MOST_DAYS_APART = 62


def require_plausible(admin: Session, today: date) -> None:
    """Refuse a day that the database contradicts; raises InputError before anything is written.

    It must lie after 2019, in kpi_time, and within two months of the last day computed (by the ledger, or by the
    facts where the ledger is empty).
    """
    if today < EARLIEST:
        raise InputError(
            f"Today is {today}, before {EARLIEST}, so the clock is wrong; set the clock of the machine that runs "
            "Airflow, or give the param date."
        )
    queries = script("partitions/clock.sql")
    if not admin.value(queries["days of the calendar"], {"today": today}):
        raise InputError(
            f"Today is {today}, a day that kpi_time has not; set the clock of the machine that runs Airflow if that is "
            "wrong, else trigger kpi_time_dimension, then this DAG again."
        )
    where, newest = _last_day(admin, queries)
    if newest is not None and abs((today - newest).days) > MOST_DAYS_APART:
        raise InputError(
            f"Today is {today}, more than {MOST_DAYS_APART} days from {newest}, the last day in {where}; set the clock "
            "of the machine that runs Airflow if today is wrong, delete the rows if they are, or trigger kpi_daily "
            "first if it did not run for long."
        )


def _last_day(admin: Session, queries: Mapping[str, str]) -> tuple[str, date | None]:
    recorded = admin.value(queries["last day computed"])
    if recorded is not None:
        return "kpi_run", recorded
    last_days = [(admin.value(queries[f"last day in {table}"]), table) for table in FACT_TABLES]
    newest, table = max(((day, table) for day, table in last_days if day), default=(None, ""))
    return table, newest
