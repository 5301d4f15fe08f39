"""A server may be set to anything: sessions of the package set what figures depend on, on every road."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from kpi.core.connections import ADMIN, ETL, READ, SOURCE, session
from kpi.core.servers import COLLATION
from kpi.incremental.watcher import _opened
from kpi.ui import reading
from mysql_accounts import connect
from mysql_server import PrivateServer

from tests.conftest import FIRST_DAY, LAST_DAY
from tests.golden import school
from tests.golden.reading import contents, history
from tests.sql import old_facts
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

DAYS = [school.day_of(night) for night in range(2)]
WRITTEN = ("kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_plan_gap", "kpi_tile_cache")
REJECTS = "SELECT relation, source_key, field, reason, detail FROM kpi_reject ORDER BY 1, 2, 3, 4"

# What figures depend on, and what sessions set it to.
PINNED = {
    "time_zone": "+00:00",
    "transaction_isolation": "READ-COMMITTED",
    "character_set_client": "utf8mb4",
    "character_set_results": "utf8mb4",
    "collation_connection": COLLATION,
    "sql_mode": "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO",
    "sql_select_limit": "18446744073709551615",
    "max_join_size": "18446744073709551615",
    "sql_big_selects": "ON",
    "sql_safe_updates": "OFF",
    "sql_auto_is_null": "OFF",
    "max_execution_time": "0",
    "div_precision_increment": "4",
    "windowing_use_high_precision": "ON",
    "default_week_format": "0",
    "lc_time_names": "en_US",
    "group_concat_max_len": "1048576",
    "max_sort_length": "1024",
    "cte_max_recursion_depth": "1000",
    "foreign_key_checks": "ON",
    "unique_checks": "ON",
    "completion_type": "NO_CHAIN",
    "default_tmp_storage_engine": "InnoDB",
    "wait_timeout": "28800",
    "net_write_timeout": "600",
}
# As a server might have them for all who log in: each of the above otherwise, and what else may be odd.
ODD = {
    "time_zone": "'+05:00'",
    "transaction_isolation": "'SERIALIZABLE'",
    "collation_connection": "'utf8mb4_bin'",
    "sql_mode": "'ANSI,PIPES_AS_CONCAT,NO_UNSIGNED_SUBTRACTION'",
    "sql_select_limit": "2",
    "max_join_size": "1",
    "sql_safe_updates": "1",
    "sql_auto_is_null": "1",
    "max_execution_time": "1",
    "div_precision_increment": "0",
    "windowing_use_high_precision": "0",
    "default_week_format": "3",
    "lc_time_names": "'ar_MA'",
    "group_concat_max_len": "4",
    "max_sort_length": "4",
    "cte_max_recursion_depth": "1",
    "foreign_key_checks": "0",
    "unique_checks": "0",
    "completion_type": "'CHAIN'",
    "default_tmp_storage_engine": "'MEMORY'",
    "default_storage_engine": "'MyISAM'",
    "default_collation_for_utf8mb4": "'utf8mb4_general_ci'",
    "sql_require_primary_key": "1",
    "sql_generate_invisible_primary_key": "1",
    "sql_notes": "0",
    "wait_timeout": "5",
    "net_write_timeout": "2",
    "innodb_lock_wait_timeout": "2",
    "tmp_table_size": "1024",
    "max_heap_table_size": "16384",
    "join_buffer_size": "128",
    "sort_buffer_size": "32768",
    "auto_increment_increment": "7",
    "explicit_defaults_for_timestamp": "0",
    "optimizer_switch": "'derived_merge=off,semijoin=off,derived_condition_pushdown=off'",
    "init_connect": "'SET NAMES latin1'",
}


@pytest.fixture(scope="module")
def odd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    small = {"innodb-buffer-pool-size": "64M", "innodb-redo-log-capacity": "64M"}
    with PrivateServer(tmp_path_factory.mktemp("odd"), options=small, bound=True) as started:
        yield started


@pytest.fixture(scope="module")
def usual(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    return new_warehouse("usual")


@pytest.fixture(scope="module")
def apart(new_warehouse: Callable[..., Warehouse], odd_server: PrivateServer) -> Warehouse:
    """A usual server whose source lies on the odd one, read in small batches."""
    return new_warehouse("odd_apart", odd_server.root_uri, stream_batch_rows=50)


@pytest.fixture(scope="module")
def odd(usual: Warehouse, apart: Warehouse, odd_server: PrivateServer) -> Iterator[Warehouse]:
    """All on the odd server, from the bootstrap on."""
    made = Warehouse(odd_server.root_uri, "t_odd", usual.settings).create()
    made.create_contract_source()
    for warehouse in (made, apart):
        warehouse.source("DO 0")  # root's sessions are open, and stay as they are
    with connect(odd_server.root_uri) as root, root.cursor() as cursor:
        for name, value in ODD.items():
            cursor.execute(f"SET GLOBAL {name} = {value}")
    yield made.bootstrap(FIRST_DAY, LAST_DAY)
    made.close()


def played(warehouse: Warehouse) -> dict[str, Any]:
    """Play nights, roll them up, and a change during the day; return all that is to be the same."""
    warehouse.use()
    for night, day in enumerate(DAYS):
        warehouse.load_source(old_facts.source(night))  # three learners
        warehouse.night(day)
    warehouse.rollup(DAYS[0], DAYS[-1])
    found: dict[str, Any] = contents(warehouse, WRITTEN) | history(warehouse)
    found["kpi_reject"] = warehouse.rows(REJECTS)
    today = DAYS[-1] + timedelta(days=1)
    noon = datetime.combine(today, time(12))
    assert warehouse.open_day(today)
    warehouse.source(
        "UPDATE realisation SET progress_pct = 12.5, changed_at = %s "
        "WHERE domain = 'MICRO_COMPETENCE' AND ref_id = 1 AND learner_id = 2",
        [noon],
    )
    warehouse.changed(2)
    assert warehouse.refresh(noon + timedelta(seconds=3))
    after = contents(warehouse, WRITTEN)
    return found | {f"{table} after a change": rows for table, rows in after.items()}


@pytest.fixture(scope="module")
def expected(usual: Warehouse, odd: Warehouse) -> dict[str, Any]:
    found = played(usual)
    assert all(found.values())
    return found


@pytest.mark.parametrize("which", ["odd", "apart"])
def test_an_odd_server_gives_the_rows_of_a_usual_one(
    expected: dict[str, Any], which: str, request: pytest.FixtureRequest
) -> None:
    """KPI database and source on it; or only the source, which is then read over the wire."""
    found = played(request.getfixturevalue(which))
    for name, rows in expected.items():
        assert found[name] == rows, name


def variables(rows: list[tuple[Any, ...]]) -> dict[str, str]:
    return {name: value for name, value in rows if name in PINNED}


@pytest.mark.parametrize("conn_id", [SOURCE, ETL, ADMIN, READ])
def test_each_session_is_set_up(odd: Warehouse, conn_id: str) -> None:
    odd.use()
    with session(conn_id) as opened:
        assert variables(opened.rows("SHOW SESSION VARIABLES")) == PINNED
        assert opened.value("SELECT 1 / 3") is not None


def test_the_dashboards_session_is_set_up(odd: Warehouse) -> None:
    odd.use()
    reading.close()
    try:
        with reading.borrowed() as link:
            found = variables(link.session.rows("SHOW SESSION VARIABLES"))
    finally:
        reading.close()
    assert found == PINNED | {"max_execution_time": f"{reading.SECONDS_OF_A_QUERY * 1000:.0f}"}


def test_the_watchers_session_is_set_up(odd: Warehouse) -> None:
    odd.use()

    async def shown() -> list[tuple[Any, ...]]:
        async with _opened(READ) as opened:
            return opened.rows("SHOW SESSION VARIABLES")

    assert variables(asyncio.run(shown())) == PINNED


def test_the_server_is_odd(odd: Warehouse, odd_server: PrivateServer) -> None:
    """Of all that sessions set, nothing was so by itself."""
    with connect(odd_server.root_uri) as root, root.cursor() as cursor:
        cursor.execute(
            "SET SESSION sql_select_limit = 1000, max_execution_time = 0, sql_big_selects = 1"
        )
        cursor.execute("SHOW GLOBAL VARIABLES")
        found = {name: value for name, value in cursor.fetchall() if name in PINNED}
    same = {name for name, value in found.items() if value == PINNED[name]}
    assert same <= {"character_set_client", "character_set_results"}
