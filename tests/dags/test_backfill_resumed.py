"""kpi_backfill interrupted and gone on with: chunks that were done stay done. And two of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from environment import environment
from kpi.core.locks import lock_name
from mysql_accounts import connect

from tests.dags.airflow_process import AirflowProcess
from tests.dags.conftest import Operated
from tests.dags.resuming import Instance, Instances, clear_and_go_on, run_and_stop
from tests.golden import school
from tests.golden.reading import Rows, contents
from tests.warehouse import FACTS

pytestmark = pytest.mark.long

DAYS = [school.day_of(night) for night in range(5)]
RANGE = {"date_from": str(DAYS[0]), "date_to": str(DAYS[-1])}
WRITTEN = (*FACTS, "kpi_plan_gap", "kpi_tile_cache")
CHUNKS = {"KPI_BACKFILL_CHUNK_DAYS": "3", "KPI_LOCK_WAIT_SECONDS": "1"}
DONE, DONE_AGAIN = Instance("success", 1), Instance("success", 2)


@pytest.fixture(scope="module")
def history(operated: Operated) -> Operated:
    """Five nights captured."""
    for night, day in enumerate(DAYS):
        operated.warehouse.load_source(school.source(night))
        operated.warehouse.capture(day)
    operated.warehouse.dimensions()
    return operated


@pytest.fixture(scope="module")
def right(history: Operated) -> dict[str, Rows]:
    """What the tables hold when all days are computed undisturbed."""
    wipe(history)
    history.warehouse.fact_range(DAYS[0], DAYS[-1])
    history.warehouse.rollup(DAYS[0], DAYS[-1])
    return contents(history.warehouse, WRITTEN)


@pytest.fixture
def nothing_computed(history: Operated, right: dict[str, Rows]) -> Operated:
    assert all(right.values())
    wipe(history)
    return history


def wipe(operated: Operated) -> None:
    for table in WRITTEN:
        operated.warehouse.execute(f"DELETE FROM {table}")
    operated.warehouse.execute(r"DELETE FROM kpi_run WHERE table_name NOT LIKE 'kpi\_src\_%'")


def runs(operated: Operated) -> Counter[tuple[str, str]]:
    """How often the ledger says that each day of a table was written."""
    rows = operated.warehouse.rows(
        "SELECT table_name, date_to FROM kpi_run WHERE period = 'D' AND state = 'DONE'"
    )
    return Counter((table, str(day)) for table, day in rows)


def of(found: Instances, beginning: str) -> Instances:
    return {name: one for name, one in found.items() if name.startswith(beginning)}


@contextmanager
def holding(operated: Operated, table: str, day: object) -> Iterator[None]:
    """Hold the lock of a day's slice, as a writer that hangs would."""
    name = lock_name(operated.warehouse.name, table, "D", day)
    with connect(operated.warehouse.root_uri) as session, session.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (name,))
        assert cursor.fetchone() == (1,)
        yield


def test_only_the_chunk_that_failed_is_done_again(
    nothing_computed: Operated, right: dict[str, Rows]
) -> None:
    with holding(nothing_computed, "kpi_value", DAYS[3]):
        run = nothing_computed.run("kpi_backfill", RANGE, CHUNKS)
    assert run.state == "failed"
    assert "was not free within 1 s" in run.message
    once = Counter({(table, str(day)): 1 for table in FACTS for day in DAYS})
    failed = Counter({("kpi_value", str(day)): 1 for day in DAYS[3:]})
    assert runs(nothing_computed) == once - failed
    assert nothing_computed.warehouse.rows("SELECT * FROM kpi_value WHERE period <> 'D'") == []

    found = nothing_computed.airflow.call(
        *(clear_and_go_on, "kpi_backfill", run.run_id),
        *(nothing_computed.environment | CHUNKS, ("failed", "upstream_failed")),
    )
    assert of(found, "check") == {"check": DONE}
    assert of(found, "facts.") == {
        f"facts.{table}[{number}]": DONE_AGAIN if (table, number) == ("kpi_value", 1) else DONE
        for table in FACTS
        for number in range(2)
    }
    assert {one.state for one in found.values()} == {"success"}
    assert runs(nothing_computed) == once
    assert contents(nothing_computed.warehouse, WRITTEN) == right


def test_a_run_that_was_stopped_goes_on_where_it_stood(
    nothing_computed: Operated, right: dict[str, Rows]
) -> None:
    """What was not begun when the run was marked failed is skipped, and has to be cleared too."""
    asked = nothing_computed.environment | CHUNKS
    run_id, stopped = nothing_computed.airflow.call(
        *(run_and_stop, "kpi_backfill", RANGE, asked, "facts.", 3)
    )
    states = Counter(one.state for one in stopped.values())
    assert states["skipped"] > 5
    done = {name for name, one in of(stopped, "facts.").items() if one.state == "success"}
    assert len(done) == 3
    before = runs(nothing_computed)
    assert sum(before.values()) > 0

    found = nothing_computed.airflow.call(
        *(clear_and_go_on, "kpi_backfill", run_id, asked, ("failed", "upstream_failed", "skipped"))
    )
    assert {one.state for one in found.values()} == {"success"}
    assert {name for name in of(found, "facts.") if found[name] == stopped[name]} == done
    assert runs(nothing_computed) == Counter(
        {(table, str(day)): 1 for table in FACTS for day in DAYS}
    )
    assert contents(nothing_computed.warehouse, WRITTEN) == right


# -- two runs at once


@pytest.fixture
def other_airflow(tmp_path: Path, sql_dir: Path) -> Iterator[AirflowProcess]:
    names = (name for name in environment() if name.startswith("AIRFLOW__CORE__"))
    chosen = {
        **{name: environment()[name] for name in names},
        "KPI_SQL_DIR": str(sql_dir),
        "KPI_SOURCE_ADAPTER": "contract",
    }
    with AirflowProcess(tmp_path, chosen) as started:
        yield started


def test_two_overlapping_runs_at_once(
    nothing_computed: Operated, other_airflow: AirflowProcess, right: dict[str, Rows]
) -> None:
    """Each in an Airflow of its own, as two workers; both end and the rows are right."""
    conf = [
        {"date_from": str(DAYS[first]), "date_to": str(DAYS[last])}
        for first, last in ((0, 3), (1, 4))
    ]
    both = [
        airflow.start("kpi_backfill", of_range, nothing_computed.environment)
        for airflow, of_range in zip((nothing_computed.airflow, other_airflow), conf, strict=True)
    ]
    outcomes = [future.result(timeout=120) for future in both]
    assert [one.state for one in outcomes] == ["success", "success"], outcomes
    assert contents(nothing_computed.warehouse, WRITTEN) == right
    times = zip(DAYS, (1, 2, 2, 2, 1), strict=True)
    assert runs(nothing_computed) == Counter(
        {(table, str(day)): often for day, often in times for table in FACTS}
    )
