"""What a range backfill may compute, and in which chunks; pure (design, "DAGs": kpi_backfill)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kpi.core import periods
from kpi.core.errors import InputError


@dataclass(frozen=True)
class Bounds:
    """The local days that can be computed: from the first the history and kpi_time cover to the last captured.

    `last_captured` is None before the first capture. `dropped` are the ranges of days whose rows retention removed.
    `history_cut` is the first day that the history covers since retention cut it, None when it never did.
    """

    today: date
    first: date
    last_captured: date | None
    dropped: tuple[tuple[date, date], ...] = ()
    history_cut: date | None = None


def planned(
    first: date, last: date, bounds: Bounds, chunk_days: int, into_dropped: bool = False
) -> list[tuple[date, date]]:
    """Return the chunks, (first day, last day), that a range of local days is computed in, none over a month's end.

    Raises InputError, before anything is written, when the range is upside down, lies in the future, begins before the
    first day that can be computed, goes on after the last captured one, or holds days whose rows retention removed
    (unless `into_dropped` asks for those).
    """
    if first > last:
        raise InputError(
            f"The range begins on {first} and ends on {last}, before it begins; exchange the two dates."
        )
    if last > bounds.today:
        raise InputError(
            f"The range ends on {last}, in the future (today is {bounds.today}); end it on a day that has begun."
        )
    if bounds.last_captured is None:
        raise InputError("Nothing has been captured yet; let kpi_daily run for one night first.")
    if last > bounds.last_captured:
        raise InputError(
            f"The range ends on {last}, but the source was last captured for {bounds.last_captured}; "
            f"end it there, or let kpi_daily run for the days after it first."
        )
    _require_kept(first, last, bounds, into_dropped)
    return periods.chunks(first, last, chunk_days)


def _require_kept(first: date, last: date, bounds: Bounds, into_dropped: bool) -> None:
    if bounds.history_cut is not None and first < bounds.history_cut:
        raise InputError(
            f"The range begins on {first}, but the history before {bounds.history_cut} was removed by retention; "
            "begin it there, and raise KPI_RETENTION_MONTHS_HISTORY to keep more from now on."
        )
    if first < bounds.first:
        raise InputError(
            f"The range begins on {first}, but {bounds.first} is the first day that can be computed "
            "(the history or kpi_time has nothing before it); begin it there, or set KPI_CALENDAR_START."
        )
    for dropped_first, dropped_last in bounds.dropped:
        if first <= dropped_last and last >= dropped_first and not into_dropped:
            raise InputError(
                f"The rows from {dropped_first} to {dropped_last} were removed by retention; choose days outside, "
                "or trigger with into_dropped to compute them again from the history."
            )
