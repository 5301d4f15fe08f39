"""The migrations make the seed's tables in both modes, but for what docs/schema.md lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlparse
from kpi.core.settings import Settings
from mysql.connector.errors import IntegrityError
from mysql_server import PrivateServer

from tests.sql.schemas import FACTS, bare_databases, migrate
from tests.warehouse import Warehouse

SEED = Path(__file__).parent / "seed.sql"
SEED_TABLES = ("kpi_time", "kpi_scope", "kpi_target", "kpi_metric", *FACTS)
ADDED_COLUMNS = {
    ("kpi_time", "utc_start"),
    ("kpi_time", "utc_end"),
    ("kpi_scope", "ref_key"),
    ("kpi_target", "ref_key"),
}
# A measure is a file, so its code is no ENUM.
OTHER_TYPES = {("kpi_percentiles", "measure_code"): "varchar(64)"}


@pytest.fixture(scope="module")
def new_database(
    server: PrivateServer, contract_settings: Settings
) -> Iterator[Callable[..., Warehouse]]:
    with bare_databases(server.root_uri, contract_settings) as make:
        yield make


@pytest.fixture(scope="module", params=["partitioned", "foreign_keys"])
def made(request: pytest.FixtureRequest, new_database: Callable[..., Warehouse]) -> Warehouse:
    """A database that the migrations made, in each storage mode."""
    warehouse = new_database(f"seed_{request.param}", storage=request.param)
    migrate(warehouse)
    return warehouse


@pytest.fixture
def migrated(made: Warehouse) -> Warehouse:
    made.use()
    return made


@pytest.fixture(scope="module")
def seed(new_database: Callable[..., Warehouse]) -> str:
    """A database made by the seed's own statements; its name."""
    scratch = new_database("seed")
    for statement in sqlparse.split(sqlparse.format(SEED.read_text(), strip_comments=True)):
        scratch.execute(statement.rstrip("; \n"))
    return scratch.name


def columns(warehouse: Warehouse, database: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Return a column's type, NULL, default, extra and expression, by (table, column)."""
    rows = warehouse.rows(
        "SELECT table_name, column_name, column_type, is_nullable, column_default, extra,"
        " generation_expression FROM information_schema.columns"
        " WHERE table_schema = %s ORDER BY table_name, ordinal_position",
        (database,),
    )
    return {(table, column): tuple(what) for table, column, *what in rows if table in SEED_TABLES}


def keys(warehouse: Warehouse, database: str) -> dict[tuple[str, str], tuple[bool, str]]:
    """Return (unique, columns) of each key, by (table, its name)."""
    rows = warehouse.rows(
        "SELECT table_name, index_name, NOT MAX(non_unique),"
        " GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics"
        " WHERE table_schema = %s GROUP BY table_name, index_name",
        (database,),
    )
    return {(table, key): (bool(unique), names) for table, key, unique, names in rows}


def foreign_keys(warehouse: Warehouse, database: str) -> set[tuple[str, ...]]:
    return set(
        warehouse.rows(
            "SELECT constraint_name, table_name, column_name, referenced_table_name,"
            " referenced_column_name FROM information_schema.key_column_usage"
            " WHERE table_schema = %s AND referenced_table_name IS NOT NULL",
            (database,),
        )
    )


def test_every_column_of_the_seed_is_there_as_it_says(migrated: Warehouse, seed: str) -> None:
    expected, found = columns(migrated, seed), columns(migrated, migrated.name)
    if migrated.settings.storage == "partitioned":
        # The primary key holds date_id as well, so that the id is no key by itself.
        assert found[("kpi_value", "id")] == expected[("kpi_value", "id")]
    for column, kind in OTHER_TYPES.items():
        expected[column] = (kind, *expected[column][1:])
    assert {column: found.get(column) for column in expected} == expected
    assert set(found) - set(expected) == ADDED_COLUMNS


def test_columns_come_in_the_order_of_the_seed(migrated: Warehouse, seed: str) -> None:
    expected, found = columns(migrated, seed), columns(migrated, migrated.name)
    assert [column for column in found if column not in ADDED_COLUMNS] == list(expected)


def test_every_key_of_the_seed_is_there_as_it_says(migrated: Warehouse, seed: str) -> None:
    expected, found = keys(migrated, seed), keys(migrated, migrated.name)
    expected[("kpi_scope", "uq_scope")] = (True, "scope_type,ref_key")
    expected[("kpi_target", "uq_target")] = (True, "target_type,ref_key")
    if migrated.settings.storage == "partitioned":
        for table in FACTS:
            expected[(table, "PRIMARY")] = (True, "id,date_id")
        # An index that MySQL made for a foreign key bears its name.
        expected = {key: what for key, what in expected.items() if not key[1].startswith("fk_")}
    assert {key: found.get(key) for key in expected} == expected


def test_foreign_keys_are_the_seeds_or_none(migrated: Warehouse, seed: str) -> None:
    expected = foreign_keys(migrated, seed)
    assert len(expected) == 13
    if migrated.settings.storage == "partitioned":
        expected = set()
    assert foreign_keys(migrated, migrated.name) == expected


def test_metrics_are_the_seeds(migrated: Warehouse, seed: str) -> None:
    migrated.register_metrics()
    query = (
        "SELECT code, label, unit, agg, higher_is_better, category, CONCAT(target_levels)"
        " FROM `{}`.kpi_metric"
    )
    expected = set(migrated.rows(query.format(seed)))
    assert len(expected) == 7
    assert set(migrated.rows(query.format(migrated.name))) >= expected


def test_metrics_registered_again_keep_their_ids(migrated: Warehouse) -> None:
    migrated.register_metrics()
    before = migrated.rows("SELECT * FROM kpi_metric ORDER BY id")
    migrated.register_metrics()
    assert migrated.rows("SELECT * FROM kpi_metric ORDER BY id") == before
    migrated.execute(
        "UPDATE kpi_metric SET label = 'x', description = NULL WHERE code = 'PCT_ACQUIS'"
    )
    migrated.register_metrics()
    assert migrated.rows("SELECT * FROM kpi_metric ORDER BY id") == before


@pytest.mark.parametrize("table", ["kpi_scope", "kpi_target"])
def test_two_global_rows_are_refused(migrated: Warehouse, table: str) -> None:
    kind = table.replace("kpi_", "") + "_type"
    migrated.execute(f"INSERT INTO {table} ({kind}, ref_id) VALUES ('GLOBAL', NULL)")
    with pytest.raises(IntegrityError, match="Duplicate entry 'GLOBAL-0'"):
        migrated.execute(f"INSERT INTO {table} ({kind}, ref_id) VALUES ('GLOBAL', NULL)")
    assert migrated.rows(f"SELECT COUNT(*) FROM {table}") == [(1,)]
