"""The business date and the clock of a run: one function each, used by every task.

`date` stands for the partition key, which Airflow gives scheduled runs of kpi_daily: the local day that just ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import jinja2

from kpi.core import local_days
from kpi.core.errors import InputError
from kpi.core.settings import settings
from kpi.figures.slices import Scopes
from kpi.vocabulary import SCOPE_TYPES


def now() -> datetime:
    """Return the present instant, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


@jinja2.pass_context
def business_date(context: Mapping[str, Any]) -> date:
    """Return the local day that a run is for: its param `date`, else its partition key.

    Raises InputError when there is neither, when it is no date, or when the day has not begun yet.
    """
    text = (context.get("params") or {}).get("date") or _partition_key(context)
    if not text:
        raise InputError(
            "This run has no date; trigger it with the param date (YYYY-MM-DD), or let the schedule give it one."
        )
    day = local_days.parse_day(str(text))
    today = local_days.local_date(now(), settings().timezone)
    if day > today:
        raise InputError(
            f"The date {day} lies in the future (today is {today} in {settings().timezone}); "
            "give a day that has begun."
        )
    return day


def captured_at(context: Mapping[str, Any]) -> datetime | None:
    """Return the run's clock, the param `captured_at`, as naive UTC; None when none was given."""
    text = (context.get("params") or {}).get("captured_at")
    return local_days.parse_instant(str(text)) if text else None


def requested_scopes(context: Mapping[str, Any]) -> Scopes:
    """Return the scopes that a run is restricted to by its params `scope_types` and `scope_ids`; all without them."""
    params = context.get("params") or {}
    types = tuple(params.get("scope_types") or ())
    # All types ticked restrict nothing.
    types = () if set(types) == set(SCOPE_TYPES) else types
    return Scopes(types, tuple(int(scope_id) for scope_id in params.get("scope_ids") or ()))


def _partition_key(context: Mapping[str, Any]) -> str | None:
    key: str | None = context.get("partition_key")
    return key
