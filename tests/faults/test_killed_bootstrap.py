"""MySQL killed in the middle of kpi_bootstrap: a run more says what is half-done, and ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kpi.core.settings import Settings
from kpi.operators.bootstrap import FirstPartitionsOperator, MigrateOperator
from kpi.upkeep.migrations import MigrationError
from mysql_server import PrivateServer

from tests.faults.power_cuts import killed_and_gone, mortal_server
from tests.faults.processes import shortest_first, statements_of
from tests.sql.schemas import bare_databases, tables
from tests.warehouse import Warehouse

# What is under way when it is killed.
MOMENTS = {
    "a table": "CREATE TABLE IF NOT EXISTS kpi_state_count",
    "a column": "EXECUTE add_reason",
    "the end of a migration": "UPDATE kpi_migration SET finished_at",
    "a partition": "ALTER TABLE kpi_percentiles REORGANIZE PARTITION",
}


@pytest.fixture(scope="module")
def mortal(
    contract_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[PrivateServer, Callable[..., Warehouse]]]:
    with (
        mortal_server(tmp_path_factory.mktemp("mortal")) as server,
        bare_databases(server.root_uri, contract_settings) as bare,
    ):
        yield server, bare


@pytest.fixture(scope="module")
def undisturbed(
    mortal: tuple[PrivateServer, Callable[..., Warehouse]],
) -> tuple[list[str], dict[str, Any]]:
    """What a bootstrap sends, and what it makes."""
    made = mortal[1]("model")
    return statements_of(bootstrap), schema(made)


def bootstrap(**params: bool) -> None:
    MigrateOperator(task_id="migrations").execute({"params": params})
    FirstPartitionsOperator(task_id="partitions").execute({"params": params})


def schema(made: Warehouse) -> dict[str, Any]:
    """All tables as MySQL shows them, and the migrations applied."""
    shown = {table: made.rows(f"SHOW CREATE TABLE {table}")[0][1] for table in tables(made)}
    applied = made.rows(
        "SELECT version, name, checksum, statements, statements_done, finished_at IS NOT NULL"
        " FROM kpi_migration ORDER BY version"
    )
    return {**shown, "applied": applied}


@pytest.mark.parametrize("moment", shortest_first(MOMENTS, "a table"))
def test_killed_and_run_again(
    mortal: tuple[PrivateServer, Callable[..., Warehouse]],
    undisturbed: tuple[list[str], dict[str, Any]],
    moment: str,
) -> None:
    server, bare = mortal
    sent, whole = undisturbed
    number = next(n for n, text in enumerate(sent, start=1) if text.startswith(MOMENTS[moment]))
    made = bare(f"killed_{list(MOMENTS).index(moment)}")
    killed_and_gone(server, bootstrap, number)
    half_done = made.rows("SELECT name FROM kpi_migration WHERE finished_at IS NULL")
    assert half_done or moment != "a table", "others follow it in its migration"
    for (name,) in half_done:
        with pytest.raises(MigrationError, match=f"{name} stopped after .* mend what stopped it"):
            bootstrap()
    bootstrap(resume=bool(half_done))
    assert schema(made) == whole
    bootstrap()
    assert schema(made) == whole
