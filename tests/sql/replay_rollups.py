"""The rollups of a world in a real warehouse and in the reference, and how the two differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.reference import rollups
from tests.reference.rollups import Past, Values
from tests.reference.tiles import tile_rows
from tests.sql.replay import PAIR, Replay, differences

# A rollup reaches as far as the longest window: the days whose R rows a day is in.
REACH = timedelta(days=max(rollups.WINDOWS.values()) - 1)
SCOPE_AND_TARGET = """
INNER JOIN kpi_scope
  ON kpi_scope.id = fact.scope_id
INNER JOIN kpi_target
  ON kpi_target.id = fact.target_id
"""
VALUES = f"""
SELECT
  fact.period, fact.date_id, {PAIR}, kpi_metric.code,
  value_num, numerator, denominator, sample_size, extra_json
FROM kpi_value AS fact
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
{SCOPE_AND_TARGET}
WHERE fact.period <> 'D'
"""
STATES = f"""
SELECT fact.period, fact.date_id, {PAIR}, domain, state_code, state_ordre, count
FROM kpi_state_count AS fact
{SCOPE_AND_TARGET}
WHERE fact.period <> 'D'
"""
PERCENTILES = f"""
SELECT fact.period, fact.date_id, {PAIR}, measure_code, p50, p75, p90, sample_size
FROM kpi_percentiles AS fact
{SCOPE_AND_TARGET}
WHERE fact.period <> 'D'
"""
GAPS = f"""
SELECT fact.period, fact.date_id, {PAIR}, expected_count, done_count, gap, coverage_pct
FROM kpi_plan_gap AS fact
{SCOPE_AND_TARGET}
"""
TILES = f"""
SELECT
  {PAIR},
  day_on, day_figures, week_on, week_figures, month_on, month_figures, rolling_on, rolling_figures
FROM kpi_tile_cache AS fact
{SCOPE_AND_TARGET}
"""
# The query of each table, and how many of its columns are the key.
QUERIES = {
    "kpi_value": (VALUES, 7),
    "kpi_state_count": (STATES, 8),
    "kpi_percentiles": (PERCENTILES, 7),
    "kpi_plan_gap": (GAPS, 6),
}

Stored = dict[tuple[str, date], Mapping[tuple[Any, ...], Any]]


@dataclass
class RollupReplay(Replay):
    """A replay that rolls up too, and keeps what each table must hold, by period and date.

    Nothing but what was rolled up may change: the tables are compared as a whole.
    """

    past: Past = field(init=False)
    kept: dict[str, Stored] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing done."""
        self.past = Past(self.history, self.world.calendar)
        self.kept = {table: {} for table in QUERIES}

    def compute(self, day: date) -> list[str]:
        """Compute a day's facts and its rollups on both sides; return how the rollups differ."""
        return self.compute_late([day])

    def compute_late(self, days: Sequence[date]) -> list[str]:
        """Compute the facts of some days, then roll them up in their order, as after a pause of kpi_rollup."""
        for day in days:
            self.warehouse.facts(day)
            self.past.compute(day)
        for day in days:
            self.warehouse.rollup(day, takes_missed=True)
        for day in days:
            self._roll_up(day)
        return [
            f"after {days[-1]}: {line}" for line in (*self.differences(), *self.tile_differences())
        ]

    def _roll_up(self, day: date) -> None:
        for kind in ("W", "M"):
            _, last = rollups.bounds(kind, day)
            of_period = (self.past, kind, day)
            self.kept["kpi_value"][kind, last] = rollups.value_rows(*of_period)
            self.kept["kpi_state_count"][kind, last] = rollups.state_rows(*of_period)
            self.kept["kpi_percentiles"][kind, last] = rollups.percentile_rows(*of_period)
            self.kept["kpi_plan_gap"][kind, last] = rollups.plan_rows(*of_period)
        for later in self.past.done_days(day, day + REACH):
            self.kept["kpi_value"]["R", later] = rollups.rolling_rows(self.past, later)

    def differences(self) -> list[str]:
        """Return how the stored rows of W, M and R differ from those kept."""
        lines = []
        for table, (query, size) in QUERIES.items():
            found = {row[:size]: plain(row[size:]) for row in self.warehouse.rows(query)}
            expected = {
                (*period, *key): plain(row)
                for period, rows in self.kept[table].items()
                for key, row in rows.items()
            }
            lines += differences(table, found, expected)
        return lines

    def tile_differences(self) -> list[str]:
        """Return how the tile cache differs from what kpi_value must hold."""
        found = {row[:4]: plain(row[4:]) for row in self.warehouse.rows(TILES)}
        stored: dict[tuple[str, date], Values] = {
            ("D", day): rows for day, rows in self.past.values.items()
        }
        stored |= self.kept["kpi_value"]  # type: ignore[arg-type]
        expected = {
            key: plain([part for on in tile.values() for part in on or (None, None)])
            for key, tile in tile_rows(stored).items()
        }
        return differences("kpi_tile_cache", found, expected)


def plain(value: Any) -> Any:
    """Write numbers by their value and JSON by its content, so that 1, 1.0 and true differ as said.

    A text that MySQL gives for a JSON column is read; no other column compared holds a text.
    """
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float | Decimal):
        return f"{Decimal(value).normalize():f}"
    if isinstance(value, str) and value.startswith("{"):
        return plain(json.loads(value, parse_float=Decimal))
    if isinstance(value, dict):
        inside = (f"{name}: {plain(value[name])}" for name in sorted(value))
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, list | tuple):
        return tuple(plain(one) for one in value)
    return value
