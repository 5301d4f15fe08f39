"""The business date and the clock of a run."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from kpi.core.errors import InputError
from kpi.figures import run_dates


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half past midnight in Casablanca on the 15th, still the 14th in UTC."""
    monkeypatch.setattr(run_dates, "now", lambda: datetime(2026, 2, 14, 23, 30))


def context(date: str | None = None, key: str | None = None, **params: Any) -> dict[str, Any]:
    return {"params": {"date": date, **params}, "partition_key": key}


def test_the_param_date_goes_before_the_partition_key() -> None:
    assert run_dates.business_date(context("2026-02-01", "2026-02-03")) == date(2026, 2, 1)


def test_the_partition_key_is_the_date_of_a_scheduled_run() -> None:
    assert run_dates.business_date(context(key="2026-02-03")) == date(2026, 2, 3)


@pytest.mark.parametrize("nothing", [{}, {"params": None}, context(), context("", ""), context("")])
def test_a_run_without_date_is_refused(nothing: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="This run has no date; trigger it with the param date"):
        run_dates.business_date(nothing)


def test_the_day_that_has_begun_locally_is_allowed() -> None:
    assert run_dates.business_date(context("2026-02-15")) == date(2026, 2, 15)


def test_a_day_that_has_not_begun_is_refused() -> None:
    with pytest.raises(InputError) as error:
        run_dates.business_date(context("2026-02-16"))
    assert str(error.value) == (
        "The date 2026-02-16 lies in the future (today is 2026-02-15 in Africa/Casablanca); "
        "give a day that has begun."
    )


def test_the_text_none_is_no_date() -> None:
    # What `{{ partition_key }}` renders to in a run without one.
    with pytest.raises(InputError, match="The date 'None' is not a day"):
        run_dates.business_date(context("None"))


def test_the_clock_is_the_param_captured_at_in_utc() -> None:
    given = context(captured_at="2026-02-16T02:30:00+01:00")
    assert run_dates.captured_at(given) == datetime(2026, 2, 16, 1, 30)


@pytest.mark.parametrize("nothing", [{}, context(), context(captured_at=None)])
def test_without_a_clock_there_is_none(nothing: dict[str, Any]) -> None:
    assert run_dates.captured_at(nothing) is None
