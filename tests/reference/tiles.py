"""The tile cache: for each scope and target the figures of the latest day, week, month, window."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from .rollups import Values

PERIODS = ("D", "W", "M", "R")
Tile = dict[str, tuple[date, dict[str, Any]] | None]


def tile_rows(stored: Mapping[tuple[str, date], Values]) -> dict[tuple[str, int, str, int], Tile]:
    """Return (scope…, target…) → for each period (date_id, figures by metric), or None.

    `stored` is the whole of kpi_value: (period, date_id) → rows. The date is one for all pairs, the
    latest that has any row.
    """
    found: dict[tuple[str, int, str, int], Tile] = {}
    for period in PERIODS:
        dates = [day for (kind, day), rows in stored.items() if kind == period and rows]
        if not dates:
            continue
        latest = max(dates)
        for key, row in stored[period, latest].items():
            tile = found.setdefault(key[:4], dict.fromkeys(PERIODS))
            _, figures = tile[period] or (latest, {})
            figures[key[4]] = dict(
                zip(("value", "numerator", "denominator", "sample_size", "extra"), row, strict=True)
            )
            tile[period] = (latest, figures)
    return found
