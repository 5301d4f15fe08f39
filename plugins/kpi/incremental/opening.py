"""The open day: the local day whose rows follow the history change by change, and the sums that changes add to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime

from kpi.core.connections import ETL, Session, attempted, session
from kpi.core.locks import lock, lock_name
from kpi.core.settings import Settings
from kpi.core.statements import script, statement
from kpi.core.steps import Runner, Step

log = logging.getLogger(__name__)


def is_open(etl: Session, day: date) -> bool:
    """Tell whether the rows of a local day follow the history, so that a change can be added to them."""
    return bool(etl.value(script("changes/open_day.sql")["is open"], {"day": day}))


def mark_unfinished(etl: Session) -> None:
    """Say in the session's transaction that what a change did not reach by itself is still to be computed."""
    etl.run(script("changes/open_day.sql")["unfinished"])


def mark_finished(etl: Session, day: date) -> None:
    """Say in the session's transaction that all that is told by a day follows the history."""
    etl.run(script("changes/open_day.sql")["finished"], {"day": day})


def open_day(day: date, steps: Sequence[Step], settings: Settings) -> bool:
    """Keep the sums behind a day's rows, and open it; False when a whole capture came after those rows.

    `steps` are those of roads/opening.sql. The day's facts and rollups have just been computed by their own tasks.
    """
    values = {"as_of": day, "first": day, "last": day}
    opening = script("changes/open_day.sql")
    computed_since = statement("ledger/computed_since_capture.sql")

    def once() -> bool:
        with (
            session(ETL) as etl,
            lock(etl, lock_name(etl.schema, "incremental"), settings.lock_wait_seconds),
            lock(etl, lock_name(etl.schema, "capture"), settings.lock_wait_seconds),
            etl.transaction(),
        ):
            if not etl.value(computed_since, {"day": day}):
                return False
            Runner(etl, values).run(steps)
            etl.run(opening["close"])
            now = datetime.now(UTC).replace(tzinfo=None)
            etl.run(opening["open"], {"day": day, "now": now})
            return True

    return attempted(once, settings.write_attempts)
