"""The open day: the local day whose rows follow the history change by change, and the sums that changes add to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime

from kpi.connections import ETL, Session, attempted, session
from kpi.locks import lock, lock_name
from kpi.settings import Settings
from kpi.steps import Runner, Step

log = logging.getLogger(__name__)

# Whether today's rows were computed whole after the last capture of all learners had ended.
_COMPUTED_SINCE = """
SELECT COUNT(DISTINCT computed.table_name, computed.period) = 3
FROM kpi_run AS computed
WHERE
  computed.table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
  AND computed.period = 'D'
  AND computed.date_to = %(day)s
  AND computed.state = 'DONE'
  AND computed.scopes IS NULL
  AND computed.started_at >= (
    SELECT MAX(captured.finished_at)
    FROM kpi_run AS captured
    WHERE
      captured.table_name = 'kpi_src_realisation'
      AND captured.state = 'DONE'
      AND captured.scopes IS NULL
  )
"""


def is_open(etl: Session, day: date) -> bool:
    """Tell whether the rows of a local day follow the history, so that a change can be added to them."""
    return bool(
        etl.value(
            "SELECT COUNT(*) FROM kpi_open_day WHERE date_id = %(day)s AND is_finished = 1",
            {"day": day},
        )
    )


def open_day(day: date, steps: Sequence[Step], settings: Settings) -> bool:
    """Keep the sums behind a day's rows, and open it; False when a whole capture came after those rows.

    `steps` are those of roads/opening.sql. The day's facts and rollups have just been computed by their own tasks.
    """
    values = {"as_of": day, "first": day, "last": day}

    def once() -> bool:
        with (
            session(ETL) as etl,
            lock(etl, lock_name(etl.schema, "incremental"), settings.lock_wait_seconds),
            lock(etl, lock_name(etl.schema, "capture"), settings.lock_wait_seconds),
            etl.transaction(),
        ):
            if not etl.value(_COMPUTED_SINCE, {"day": day}):
                return False
            Runner(etl, values).run(steps)
            etl.run("DELETE FROM kpi_open_day")
            etl.run(
                "INSERT INTO kpi_open_day (date_id, opened_at) VALUES (%(day)s, %(now)s)",
                {"day": day, "now": datetime.now(UTC).replace(tzinfo=None)},
            )
            return True

    return attempted(once, settings.write_attempts)
