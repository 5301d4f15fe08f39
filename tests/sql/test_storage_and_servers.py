"""Storage modes give the same figures, one server and two the same history, in little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

import pytest
from kpi.core.connections import ETL, SOURCE, same_server, session, source_session
from kpi.core.steps import steps
from mysql_server import PrivateServer

from tests.faults.processes import Job, run
from tests.golden import school
from tests.golden.reading import contents, figures, history
from tests.warehouse import FACTS, Warehouse

pytestmark = pytest.mark.long

DAYS = [school.day_of(night) for night in range(4)]
WRITTEN = (*FACTS, "kpi_plan_gap", "kpi_tile_cache")
MANY = 20_000  # realisations
BATCH = 1_000


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    small = {"innodb-buffer-pool-size": "64M", "innodb-redo-log-capacity": "64M"}
    with PrivateServer(tmp_path_factory.mktemp("lms"), options=small, bound=True) as started:
        yield started


@pytest.fixture(scope="module")
def partitioned(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Four nights on one server with partitioned facts: what the others are compared with."""
    return played(new_warehouse("plain"))


@pytest.fixture(scope="module")
def apart(new_warehouse: Callable[..., Warehouse], other_server: PrivateServer) -> Warehouse:
    """The same nights with the source on a server of its own, read in very small batches."""
    return played(new_warehouse("apart", other_server.root_uri, stream_batch_rows=7))


def played(warehouse: Warehouse) -> Warehouse:
    for night, day in enumerate(DAYS):
        warehouse.load_source(school.source(night))
        warehouse.night(day)
    return warehouse


@pytest.fixture(scope="module")
def with_keys(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The same nights in the other storage mode."""
    return played(new_warehouse("keys", storage="foreign_keys"))


def test_storage_modes_give_the_same_figures(partitioned: Warehouse, with_keys: Warehouse) -> None:
    constraints = (
        "SELECT COUNT(*) FROM information_schema.referential_constraints "
        "WHERE constraint_schema = DATABASE()"
    )
    parts = (
        "SELECT COUNT(DISTINCT table_name) FROM information_schema.partitions "
        "WHERE table_schema = DATABASE() AND partition_name IS NOT NULL"
    )
    assert (with_keys.rows(constraints), with_keys.rows(parts)) == ([(13,)], [(0,)])
    assert (partitioned.rows(constraints), partitioned.rows(parts)) == ([(0,)], [(4,)])

    for day in DAYS:
        found = figures(with_keys, day)
        assert all(found.values())
        assert found == figures(partitioned, day), day


def test_partitioned_facts_lie_in_the_partition_of_their_month(partitioned: Warehouse) -> None:
    partitioned.use()
    partitioned.facts(date(2026, 3, 1))
    for table in FACTS:
        [(february,)] = partitioned.rows(f"SELECT COUNT(*) FROM {table} PARTITION (p202602)")
        [(march,)] = partitioned.rows(f"SELECT COUNT(*) FROM {table} PARTITION (p202603)")
        [(all_rows,)] = partitioned.rows(f"SELECT COUNT(*) FROM {table}")
        assert february + march == all_rows, table
        assert february
        assert march or table == "kpi_percentiles", "on 2026-03-01 nothing was finished"


def test_one_server_and_two_give_the_same_history(partitioned: Warehouse, apart: Warehouse) -> None:
    apart.use()
    with session(SOURCE) as source, session(ETL) as etl:
        assert not same_server(source, etl)
    for table, rows in history(apart).items():
        assert rows, table
        assert rows == history(partitioned)[table], table
    for what_was_found in (
        "SELECT relation, source_key, field, reason, detail FROM kpi_reject ORDER BY 1, 2, 3, 4",
        "SELECT table_name, date_to, rows_inserted, rows_updated, rows_deleted, rows_unchanged, "
        "rows_rejected, rows_reopened, watermark FROM kpi_run WHERE period IS NULL ORDER BY id",
    ):
        assert apart.rows(what_was_found) == partitioned.rows(what_was_found) != []
    for day in DAYS:
        assert figures(apart, day) == figures(partitioned, day), day


def test_text_of_any_language_crosses_servers_whole(apart: Warehouse) -> None:
    apart.use()
    label = "Développement web — تطوير الويب 🎓"
    module = "target_type = 'MODULE' AND ref_id = 1"
    apart.source(f"UPDATE target SET label = %s WHERE {module}", (label,))
    apart.capture(DAYS[-1], datetime(2026, 2, 17, 3))
    apart.dimensions()
    assert apart.rows(f"SELECT label FROM kpi_target WHERE {module}") == [(label,)]


def test_a_change_crosses_servers(apart: Warehouse, partitioned: Warehouse) -> None:
    """A refresh during the day reads the source where it is: on a session of its own, or on that of the writer."""
    today = DAYS[-1] + timedelta(days=1)
    noon = datetime.combine(today, time(12))
    found = []
    for warehouse in (partitioned, apart):
        warehouse.use()
        with session(ETL) as etl, source_session(etl) as source:
            assert (source is etl) == (warehouse is partitioned)
        assert warehouse.open_day(today)
        warehouse.source(
            "UPDATE realisation SET progress_pct = 12.5, changed_at = %s "
            "WHERE domain = 'MICRO_COMPETENCE' AND ref_id = 1 AND learner_id = 4",
            [noon],
        )
        warehouse.changed(4)
        (done,) = warehouse.refresh(noon + timedelta(seconds=3))
        assert done.written["kpi_value"].updated
        found.append(figures(warehouse, today))
        warehouse.facts(today)
        assert figures(warehouse, today) == found[-1]
    assert found[0] == found[1]


def test_memory_stays_bounded_across_two_servers(apart: Warehouse) -> None:
    """In batches of 1,000, 20,000 rows take some MB; as one batch they take a multiple."""
    apart.use()
    apart.empty()
    apart.load_source({})
    fill_source(apart)
    inserts = "SHOW GLOBAL STATUS LIKE 'Com_insert'"
    [(_, before)] = apart.rows(inserts)
    grown_in_batches = memory_of_capture(apart, 4, BATCH)
    [(_, after)] = apart.rows(inserts)
    assert int(after) - int(before) > MANY // BATCH, "one INSERT a batch"
    assert apart.rows("SELECT COUNT(*) FROM kpi_src_realisation") == [(MANY,)]

    grown_at_once = memory_of_capture(apart, 5, MANY)
    assert grown_in_batches < 16e6
    assert grown_in_batches * 2 < grown_at_once


def memory_of_capture(warehouse: Warehouse, hour: int, batch_rows: int) -> int:
    """Capture in a process of its own; return how many bytes it grew by at its height."""
    settings = warehouse.settings.model_copy(update={"stream_batch_rows": batch_rows})
    script = steps(warehouse.render("capture/capture.sql"))
    night = (DAYS[-1], datetime(2026, 2, 17, hour))
    return run(Job(warehouse.connections, settings, script, night=night)).memory


def fill_source(warehouse: Warehouse) -> None:
    """Make learners with realisations of a thousand UAs each, MANY together."""
    numbers = (
        "WITH RECURSIVE number AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM number WHERE n < "
    )
    learners, uas, pairs = (f"{numbers}{count} - 1)" for count in (MANY // 1000, 1000, MANY))
    for insert in (
        "INSERT INTO scope (scope_type) VALUES ('GLOBAL')",
        "INSERT INTO target (target_type) VALUES ('GLOBAL')",
        "SET SESSION cte_max_recursion_depth = 1000000",
        f"INSERT INTO scope (scope_type, ref_id) {learners} SELECT 'APPRENANT', n FROM number",
        f"INSERT INTO target (target_type, ref_id) {uas} SELECT 'UA', n FROM number",
        "INSERT INTO realisation (domain, ref_id, learner_id, state_code, state_order, created_at) "
        f"{pairs} SELECT 'UA', n % 1000, n DIV 1000, 'TODO', 1, '2026-01-01 08:00' FROM number",
    ):
        warehouse.source(insert)


def test_storage_modes_give_the_same_ranges_and_rollups(
    partitioned: Warehouse, with_keys: Warehouse
) -> None:
    """Under the accounts of docs/accounts.sql, as all that a warehouse does."""
    found = []
    for warehouse in (partitioned, with_keys):
        warehouse.use()
        for table in WRITTEN:
            warehouse.execute(f"DELETE FROM {table}")
        warehouse.execute("DELETE FROM kpi_run WHERE period IS NOT NULL")
        warehouse.fact_range(DAYS[0], DAYS[-1])
        warehouse.rollup(DAYS[0], DAYS[-1])
        found.append(contents(warehouse, WRITTEN))
        periods = warehouse.rows("SELECT period, COUNT(*) FROM kpi_value GROUP BY 1 ORDER BY 1")
        assert [period for period, _ in periods] == ["D", "W", "M", "R"]
    for table in WRITTEN:
        assert len(found[0][table]) > 200
        assert found[1][table] == found[0][table], table
