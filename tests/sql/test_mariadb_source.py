"""An LMS on MariaDB is captured like one on MySQL, row for row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from demo_source import DemoSource
from kpi.core.connections import ETL, SOURCE, same_server, session
from kpi.core.errors import ConnectionProblem
from kpi.core.settings import Settings
from kpi.upkeep import preflight
from mariadb_packages import UNPACKED
from mysql_server import PrivateServer

from tests.conftest import FIRST_DAY, LAST_DAY
from tests.demo_year import demo_school
from tests.golden.reading import contents
from tests.mariadb_server import mariadb
from tests.warehouse import FACTS, HISTORY, Warehouse

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not UNPACKED.exists(), reason="scripts/mariadb_packages.py brings MariaDB"),
]
NIGHTS = (date(2026, 2, 3), date(2026, 2, 9))
WRITTEN = (*HISTORY, "kpi_src_scope", "kpi_src_target", *FACTS)
REJECTS = "SELECT relation, source_key, field, reason, detail FROM kpi_reject ORDER BY 1, 2, 3, 4"


@pytest.fixture(scope="module")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb(tmp_path_factory.mktemp("mariadb")) as root_uri:
        yield root_uri


@pytest.fixture(scope="module")
def connections() -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
    yield
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        del os.environ[name]
    os.environ.update(before)


def captured(server: PrivateServer, source_uri: str | None, name: str) -> Warehouse:
    """Two nights of the demo's LMS on a server: the first capture, and one of changes."""
    chosen = Settings(source_adapter="soli_lms", stream_batch_rows=1000)
    made = Warehouse(server.root_uri, name, chosen, source_uri).create()
    lms = DemoSource(source_uri or server.root_uri, made.source_name, demo_school())
    made.bootstrap(FIRST_DAY, LAST_DAY)
    for day in NIGHTS:
        # Made anew each night: the demo moves on with a statement that MariaDB does not know.
        lms.create(datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC))
        preflight.before_daily(day, chosen)
        made.night(day)
    return made


@pytest.fixture(scope="module")
def on_mariadb(server: PrivateServer, maria: str, connections: None) -> Warehouse:
    # By its name the source's database is in a collation that MariaDB has.
    return captured(server, maria, "t_of_mariadb")


def test_the_history_and_the_figures_are_those_of_mysql(
    server: PrivateServer, on_mariadb: Warehouse
) -> None:
    on_mysql = captured(server, None, "t_on_mysql")
    expected: dict[str, Any] = contents(on_mysql, WRITTEN)
    assert all(expected.values())
    assert contents(on_mariadb, WRITTEN) == expected
    assert on_mariadb.rows(REJECTS) == on_mysql.rows(REJECTS) != []


def test_the_servers_are_told_apart(on_mariadb: Warehouse) -> None:
    on_mariadb.use()
    with session(SOURCE) as source, session(ETL) as etl:
        assert (source.server.maker, etl.server.maker) == ("MariaDB", "MySQL")
        assert not same_server(source, etl)


def test_the_kpi_tables_cannot_lie_on_it(
    on_mariadb: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_mariadb.use()
    monkeypatch.setenv("AIRFLOW_CONN_KPI_ADMIN", os.environ["AIRFLOW_CONN_KPI_SOURCE"])
    with pytest.raises(
        ConnectionProblem, match=r"kpi_admin is MariaDB 10\.11\.\d+; the kpi_\* tables"
    ):
        preflight.before_bootstrap(on_mariadb.settings)
