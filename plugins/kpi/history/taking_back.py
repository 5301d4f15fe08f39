"""Taking back the last capture of all learners: the history as it was before it, and the days whose figures rest on it.

The SQL is include/sql/capture/take_back.sql; what a capture keeps for it, macros/before.sql. Captures of some learners
made since stand on it and are taken back along with it; a later capture of all learners makes it final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from kpi.core import ledger
from kpi.core.connections import ETL, Session, attempted, session
from kpi.core.errors import InputError
from kpi.core.ledger import Written
from kpi.core.locks import lock, lock_name
from kpi.core.settings import Settings
from kpi.core.statements import statement
from kpi.core.steps import Runner, Step, When
from kpi.history.capture import last_capture


@dataclass(frozen=True)
class Kept:
    """The capture that can be taken back; instants are naive UTC, `run_id` is the ledger's last row before it."""

    captured_at: datetime
    day: date
    previous: datetime | None
    run_id: int
    made_at: datetime


@dataclass(frozen=True)
class TakenBack:
    """What was, or would be, taken back: rows put back and removed by table, and the days to compute again."""

    capture: Kept
    days: tuple[date, ...]
    written: dict[str, Written] = field(default_factory=dict)


def chosen(captured_at: datetime | None, kept: Kept | None) -> Kept:
    """Return the capture to take back; raises InputError unless the instant names the last one."""
    if kept is None:
        raise InputError(
            "No capture can be taken back: the last one was, or it was made by an older version of the package; "
            "let kpi_daily capture first."
        )
    last = f"the last one, for {kept.day}, is captured_at {kept.captured_at}+00:00"
    if captured_at is None:
        raise InputError(f"This run names no capture; give the instant of the last one: {last}.")
    if captured_at != kept.captured_at:
        raise InputError(
            f"The capture of {captured_at}+00:00 cannot be taken back, as only the last one can: {last}; "
            "give that instant, or correct the source and let the next night capture it."
        )
    return kept


def take_back(
    captured_at: datetime | None,
    steps: Sequence[Step],
    settings: Settings,
    by: ledger.Author,
    *,
    dry_run: bool = False,
) -> TakenBack:
    """Restore the history from before a capture, named by its instant (naive UTC), or only say what would be done.

    `steps` are those of capture/take_back.sql; all of it is one transaction. Figures are left to the caller. Raises
    InputError when the instant is not that of the last capture.
    """
    started = datetime.now(UTC).replace(tzinfo=None)

    def once() -> TakenBack:
        with (
            session(ETL) as etl,
            lock(etl, lock_name(etl.schema, "incremental"), settings.lock_wait_seconds),
            lock(etl, lock_name(etl.schema, "capture"), settings.lock_wait_seconds),
        ):
            kept = chosen(captured_at, _kept(etl))
            built_since = statement("ledger/days_since.sql")
            days = tuple(day for (day,) in etl.rows(built_since, {"run_id": kept.run_id}))
            done = TakenBack(kept, days)
            with etl.transaction():
                _restore(etl, done, steps)
                if dry_run:
                    etl.rollback()
                else:
                    _record(etl, done, by, started)
            return done

    return attempted(once, settings.write_attempts)


def _kept(etl: Session) -> Kept | None:
    rows = etl.rows(statement("capture/kept.sql"))
    last = last_capture(etl)
    if not rows or last is None or rows[0][0] != last.captured_at:
        return None
    return Kept(*rows[0])


def _restore(etl: Session, done: TakenBack, steps: Sequence[Step]) -> None:
    when: When = "first" if done.capture.previous is None else "later"
    affected = Runner(etl, vars(done.capture), when=when).run(steps)
    for step, rows in affected.items():
        if step.table and step.counts:
            counted = Written(**{step.counts: rows})
            done.written[step.table] = done.written.get(step.table, Written()) + counted


def _record(etl: Session, done: TakenBack, by: ledger.Author, started: datetime) -> None:
    message = (
        f"took back the capture of {done.capture.captured_at} UTC, and those of some learners since"
    )
    entries = [
        ledger.Entry(
            table,
            None,
            done.capture.day,
            written,
            watermark=done.capture.captured_at,
            state="TAKEN_BACK",
            message=message,
        )
        for table, written in done.written.items()
    ]
    ledger.record_all(etl, entries, by, started)
