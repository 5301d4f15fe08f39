"""Thresholds: as of the latest day whose facts are complete, which figures are beyond, and which are no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kpi.core.connections import ETL, attempted, session
from kpi.core.locks import lock, lock_name
from kpi.core.settings import Settings
from kpi.core.steps import Runner, Step, create_temporary
from kpi.core.templates import renderer

# How far back it is looked for when a figure began to be beyond; days go by whole months after 90.
LOOK_BACK = timedelta(days=92)


@dataclass(frozen=True)
class LookedAt:
    """What an evaluation did to kpi_alert as of a local day; `beyond` are the figures beyond a threshold that day."""

    day: date
    beyond: int
    raised: int
    ended: int


def look(script: Sequence[Step], yesterday: date, settings: Settings) -> LookedAt | None:
    """Bring the alerts of kind THRESHOLD up to date; None when no day up to yesterday is complete.

    It is always the latest complete day that counts, so an old day computed again raises no old alert.
    """

    def once() -> LookedAt | None:
        with (
            session(ETL) as etl,
            lock(etl, lock_name(etl.schema, "alerts"), settings.lock_wait_seconds),
        ):
            day: date | None = etl.value(
                renderer(settings)("alerts/last_done_day.sql"), {"last": yesterday}
            )
            if day is None:
                return None
            create_temporary(etl, script)
            values = {"first": day - LOOK_BACK, "last": day}
            with etl.transaction():
                done = Runner(etl, values).run(script)
            counts = {step.counts: rows for step, rows in done.items() if step.counts}
            return LookedAt(day, **counts)

    return attempted(once, settings.write_attempts)
