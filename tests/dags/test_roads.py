"""Forty nights on several roads: each gives the rows that the nights gave one by one when they were live.

Compared are all rows of all tables that hold figures, with every column but ids of rows and instants of writing.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.dags.airflow_process import AirflowProcess
from tests.dags.conftest import Operated
from tests.dags.running_airflow import Run, RunningAirflow
from tests.golden import forty_nights
from tests.golden.forty_nights import DAYS, LONG_DAY, NIGHTS, SHORT_DAY
from tests.golden.reading import Rows, computed_rows, history, wipe_computed
from tests.snapshot import Snapshot
from tests.warehouse import Warehouse

AT_ONCE = 3
SCHEDULED = DAYS[-9:]  # through the scheduler, which takes some thirty processes a night
SECONDS = 1500.0  # for all nights through the scheduler
pytestmark = [pytest.mark.long, pytest.mark.timeout(2 * SECONDS)]


@dataclass
class Nights:
    """The warehouse of the forty nights, and what it held when they were live."""

    warehouse: Warehouse
    live: dict[str, Rows]
    complete: Snapshot
    before_the_last: Snapshot

    def wipe(self) -> None:
        """Leave the history of all nights, and no figure."""
        self.complete.restore_history()
        wipe_computed(self.warehouse)

    def begin_with(self, days: list[date]) -> None:
        """Leave the history of all nights, and the figures of the first days, computed by ranges."""
        self.wipe()
        self.warehouse.fact_range(days[0], days[-1])
        self.warehouse.rollup(days[0], days[-1])

    def differences(self) -> dict[str, tuple[list, list]]:
        """Return, for each table that differs from the live road's, some rows missing and some too many."""
        found = computed_rows(self.warehouse)
        return {
            table: (_some(set(rows) - set(found[table])), _some(set(found[table]) - set(rows)))
            for table, rows in self.live.items()
            if rows != found[table]
        }


def _some(rows: set[tuple[object, ...]]) -> list[str]:
    return sorted(map(str, rows))[:5]


@pytest.fixture(scope="module")
def nights(module_warehouse: Warehouse) -> Nights:
    """The live road: each night captured, computed and rolled up before the next day begins."""
    for night in range(NIGHTS - 1):
        _play(module_warehouse, night)
    before_the_last = Snapshot(module_warehouse, "before")
    _play(module_warehouse, NIGHTS - 1)
    live = computed_rows(module_warehouse)
    return Nights(module_warehouse, live, Snapshot(module_warehouse, "complete"), before_the_last)


def _play(warehouse: Warehouse, night: int) -> None:
    warehouse.load_source(forty_nights.source(night))
    warehouse.night(DAYS[night], forty_nights.captured_at(night))
    warehouse.rollup(DAYS[night])


@pytest.fixture(scope="module")
def scheduled(
    nights: Nights, sql_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAirflow]:
    """A real Airflow on the nights' warehouse, with kpi_daily and kpi_rollup unpaused."""
    variables = {"KPI_SQL_DIR": str(sql_dir), "KPI_SOURCE_ADAPTER": "contract"}
    for name, values in nights.warehouse.connections.items():
        variables[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(values)
    with RunningAirflow(tmp_path_factory.mktemp("running"), variables) as started:
        started.unpause("kpi_daily", "kpi_rollup")
        yield started


def test_the_nights_are_worth_computing(nights: Nights) -> None:
    """Every table, period and metric has rows, of both odd days too, and the session its closing week."""
    assert {LONG_DAY, SHORT_DAY} < set(DAYS)
    assert all(nights.live.values())
    rows = nights.warehouse.rows
    [(codes,)] = rows("SELECT COUNT(*) FROM kpi_metric")
    assert rows("SELECT COUNT(DISTINCT metric_id) FROM kpi_value") == [(codes,)]
    for table in ("kpi_value", "kpi_state_count", "kpi_percentiles"):
        days = rows(f"SELECT DISTINCT date_id FROM {table} WHERE period = 'D' ORDER BY 1")
        assert [day for (day,) in days] == DAYS, table
    closing = rows(
        "SELECT DISTINCT period, date_id FROM kpi_value INNER JOIN kpi_scope "
        "ON kpi_scope.id = scope_id AND scope_type = 'SESSION' AND ref_id = 1 "
        "WHERE period = 'W' AND date_id >= '2026-03-01'"
    )
    assert closing == [("W", date(2026, 3, 1))]
    versions = rows(
        "SELECT COUNT(*) FROM kpi_src_realisation WHERE valid_to < '9999-01-01' AND origin = 'CAPTURED'"
    )
    assert versions[0][0] > 1000


def test_one_range_of_kpi_backfill(nights: Nights, airflow: AirflowProcess) -> None:
    nights.wipe()
    run = Operated(airflow, nights.warehouse).run(
        "kpi_backfill", {"date_from": str(DAYS[0]), "date_to": str(DAYS[-1])}
    )
    assert run.state == "success", run.failures
    assert nights.differences() == {}


def test_day_by_day_in_random_order(nights: Nights) -> None:
    half = NIGHTS // 2
    nights.begin_with(DAYS[:half])
    for day in random.Random(40).sample(DAYS[half:], NIGHTS - half):
        nights.warehouse.facts(day)
        nights.warehouse.rollup(day)
    assert nights.differences() == {}


def test_airflows_own_backfill_in_reverse(nights: Nights, scheduled: RunningAirflow) -> None:
    """Nights through a real scheduler, three at once; each day's event starts kpi_rollup once."""
    assert SHORT_DAY in SCHEDULED
    nights.begin_with(DAYS[: -len(SCHEDULED)])
    before = history(nights.warehouse)
    scheduled.command(
        *("backfill", "create", "--dag-id", "kpi_daily"),
        *("--from-date", str(SCHEDULED[0]), "--to-date", f"{SCHEDULED[-1]}T23:59"),
        *("--max-active-runs", str(AT_ONCE), "--run-backwards"),
    )
    daily, rollup = scheduled.settle(SECONDS)
    assert [run.partition_key for run in sorted(daily, key=_start)] == [*map(str, SCHEDULED[::-1])]
    assert {run.kind for run in daily} == {"backfill"}
    assert at_once(daily) == AT_ONCE
    assert sorted(str(run.partition_key) for run in rollup) == [*map(str, SCHEDULED)]
    assert scheduled.tried_again() == []
    assert history(nights.warehouse) == before, "a backfill captures nothing"
    assert nights.differences() == {}


def test_one_day_again(nights: Nights, scheduled: RunningAirflow) -> None:
    """A day backfilled through the REST API, then cleared: what was wrong in its rows and periods is mended."""
    nights.complete.restore()
    day = LONG_DAY
    spoil(nights.warehouse, day)
    scheduled.backfill("kpi_daily", day, day)
    daily, rollup = scheduled.settle(SECONDS)
    assert [(run.kind, run.partition_key) for run in daily] == [("backfill", str(day))]
    assert [run.partition_key for run in rollup] == [str(day)]
    assert nights.differences() == {}
    would = functools.partial(scheduled.would_backfill, "kpi_daily", f"{day}T00:00", f"{day}T23:59")
    assert would("none") == [], "the day has a run"
    assert would("completed") == [str(day)]

    spoil(nights.warehouse, day)
    scheduled.clear(daily[0])
    daily, rollup = scheduled.settle(SECONDS)
    assert daily == []
    assert [run.partition_key for run in rollup] == [str(day)]
    assert nights.differences() == {}


def test_which_days_airflows_backfill_takes(scheduled: RunningAirflow) -> None:
    """A last day needs a time, since its partition begins at 01:30."""
    would = functools.partial(scheduled.would_backfill, "kpi_daily", "2026-01-01T00:00")
    assert would("2026-01-02T00:00", "none") == ["2026-01-01"]
    assert would("2026-01-02T23:59", "none") == ["2026-01-01", "2026-01-02"]


def test_a_backfill_overlaps_the_nightly_run(nights: Nights, scheduled: RunningAirflow) -> None:
    """The last night captures and computes its day while a backfill computes that day and those before."""
    nights.before_the_last.restore()
    nights.warehouse.load_source(forty_nights.source(NIGHTS - 1))
    captured_at = f"{forty_nights.captured_at(NIGHTS - 1)}+00:00"
    nightly = scheduled.trigger("kpi_daily", str(DAYS[-1]), captured_at=captured_at)
    scheduled.backfill("kpi_daily", DAYS[-6], DAYS[-1], run_backwards=True)
    daily, rollup = scheduled.settle(SECONDS)
    [live_run] = [run for run in daily if run.run_id == nightly]
    backfilled = [run for run in daily if run.kind == "backfill"]
    assert [run.partition_key for run in sorted(backfilled, key=_start)] == [
        *map(str, DAYS[:-7:-1])
    ]
    assert at_once([live_run, *backfilled]) > 1
    assert {run.partition_key for run in rollup} == set(map(str, DAYS[-6:]))
    assert scheduled.tried_again() == []
    assert nights.differences() == {}


def spoil(warehouse: Warehouse, day: date) -> None:
    """Make rows of a day, of its week and month and of windows that hold it wrong; take others away."""
    sunday = day + timedelta(days=6 - day.weekday())
    window = (day, day + timedelta(days=29))
    changes: list[tuple[str, tuple[date, ...]]] = [
        ("UPDATE kpi_value SET value_num = value_num / 2 WHERE period = 'D'", (day, day)),
        ("DELETE FROM kpi_state_count WHERE period = 'D' AND scope_id % 2 = 0", (day, day)),
        ("UPDATE kpi_percentiles SET sample_size = 99 WHERE period = 'D'", (day, day)),
        ("DELETE FROM kpi_state_count WHERE period = 'W'", (sunday, sunday)),
        ("UPDATE kpi_value SET value_num = 1 WHERE period = 'M'", (day, day.replace(day=28))),
        ("DELETE FROM kpi_value WHERE period = 'R' AND scope_id % 2 = 1", window),
    ]
    for change, dates in changes:
        warehouse.execute(f"{change} AND date_id BETWEEN %s AND %s", dates)
    warehouse.execute("DELETE FROM kpi_plan_gap WHERE period = 'W' AND date_id = %s", (sunday,))
    warehouse.execute("DELETE FROM kpi_tile_cache WHERE scope_id % 2 = 0")


def at_once(runs: list[Run]) -> int:
    """Return how many of the runs were under way at the busiest moment."""
    return max(
        sum(other.started <= run.started < other.ended for other in runs)  # type: ignore[operator]
        for run in runs
    )


def _start(run: Run) -> str:
    return str(run.started)
