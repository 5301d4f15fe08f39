"""What a backfill may compute: the plan of a range, or one sentence that says why there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from kpi.core.errors import InputError
from kpi.figures.backfills import Bounds, planned


def jan(day: int) -> date:
    return date(2026, 1, day)


BOUNDS = Bounds(today=jan(21), first=jan(3), last_captured=jan(20))
RETAINED = replace(BOUNDS, dropped=((jan(3), jan(5)), (jan(9), jan(9))))


def test_a_range_is_planned_in_chunks() -> None:
    assert planned(jan(3), jan(20), BOUNDS, chunk_days=7) == [
        (jan(3), jan(9)),
        (jan(10), jan(16)),
        (jan(17), jan(20)),
    ]
    assert planned(jan(7), jan(7), BOUNDS, chunk_days=31) == [(jan(7), jan(7))]


@pytest.mark.parametrize(
    ("first", "last", "bounds", "what", "way_out"),
    [
        (
            *(jan(8), jan(7), BOUNDS),
            "begins on 2026-01-08 and ends on 2026-01-07, before it begins",
            "exchange the two dates",
        ),
        (
            *(jan(7), jan(22), BOUNDS),
            "ends on 2026-01-22, in the future (today is 2026-01-21)",
            "end it on a day that has begun",
        ),
        (
            *(jan(7), jan(8), replace(BOUNDS, last_captured=None)),
            "Nothing has been captured yet",
            "let kpi_daily run",
        ),
        (
            *(jan(7), jan(21), BOUNDS),
            "ends on 2026-01-21, but the source was last captured for 2026-01-20",
            "end it there, or let kpi_daily run for the days after it",
        ),
        (
            *(jan(2), jan(8), BOUNDS),
            "begins on 2026-01-02, but 2026-01-03 is the first day that can be computed",
            "begin it there, or set KPI_CALENDAR_START",
        ),
        (
            *(jan(5), jan(8), RETAINED),
            "rows from 2026-01-03 to 2026-01-05 were removed by retention",
            "choose days outside, or trigger with into_dropped",
        ),
        (
            *(jan(9), jan(9), RETAINED),
            "rows from 2026-01-09 to 2026-01-09 were removed by retention",
            "into_dropped",
        ),
        # One inside the range, which both ends lie outside of.
        (
            *(jan(8), jan(10), RETAINED),
            "rows from 2026-01-09 to 2026-01-09 were removed by retention",
            "into_dropped",
        ),
    ],
)
def test_a_range_that_cannot_be_computed_is_refused(
    first: date, last: date, bounds: Bounds, what: str, way_out: str
) -> None:
    with pytest.raises(InputError) as refused:
        planned(first, last, bounds, chunk_days=31)
    message = str(refused.value)
    assert what in message
    assert way_out in message
    assert message.endswith(".")
    assert "\n" not in message


def test_the_first_thing_wrong_is_told() -> None:
    """Dates that are upside down are so whatever else is wrong."""
    with pytest.raises(InputError, match="exchange the two dates"):
        planned(date(2999, 1, 2), date(2999, 1, 1), replace(BOUNDS, last_captured=None), 31)


def test_the_bounds_themselves_can_be_computed() -> None:
    bounds = replace(BOUNDS, last_captured=BOUNDS.today)
    assert planned(bounds.first, bounds.today, bounds, 31) == [(bounds.first, bounds.today)]


@pytest.mark.parametrize(("first", "last"), [(jan(6), jan(8)), (jan(10), jan(20))])
def test_days_beside_the_removed_ones_can_be_computed(first: date, last: date) -> None:
    assert planned(first, last, RETAINED, 31) == [(first, last)]


def test_removed_days_can_be_computed_when_asked_for() -> None:
    assert planned(jan(3), jan(9), RETAINED, 31, into_dropped=True) == [(jan(3), jan(9))]
    with pytest.raises(InputError, match="is the first day that can be computed"):
        planned(jan(2), jan(9), RETAINED, 31, into_dropped=True)
