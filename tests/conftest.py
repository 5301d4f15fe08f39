"""A throw-away MySQL server for each worker of the test session, and databases on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from kpi.core.settings import PROJECT, Settings
from mysql_server import PrivateServer
from xdist.scheduler import LoadScopeScheduling

from tests import durations, memory
from tests.warehouse import Warehouse

# The servers are on loopback with self-signed certificates; to load the machine's list of
# authorities for each connection takes 0.1 s.
os.environ["SSL_CERT_FILE"] = os.devnull

# The same few examples each time. `make test` draws few, `make test-all` more; `--hypothesis-profile=thorough` several
# hundred new ones.
hypothesis.settings.register_profile("few", max_examples=8, derandomize=True, deadline=None)
hypothesis.settings.register_profile("usual", max_examples=40, derandomize=True, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=400, deadline=None)
hypothesis.settings.load_profile("usual")

FIRST_DAY, LAST_DAY = date(2025, 8, 1), date(2027, 1, 31)

# What is lost with the machine is lost anyway; a commit survives the server's own death.
THROW_AWAY = {
    "innodb-flush-log-at-trx-commit": "2",
    "sync-binlog": "0",
    "innodb-doublewrite": "OFF",
    "innodb-redo-log-capacity": "128M",
}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let all temporary files lie in memory; the workers of pytest-xdist get folders in the controller's."""
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        config.option.basetemp = folder = memory.session_folder()
        if folder is not None:
            config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


class Groups(LoadScopeScheduling):
    """Tests that share a module's fixtures, or the browser's schools, go to one worker.

    pytest-xdist's own `loadgroup` finds no group with pytest 9.2: it writes it into an attribute that is no more.
    """

    def _split_scope(self, nodeid: str) -> str:
        return durations.group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Say which tests go to one worker."""
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first."""
    items.sort(key=lambda item: durations.order(item.nodeid))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    home = tmp_path_factory.mktemp("mysql")
    with PrivateServer(home, options=THROW_AWAY, bound=True) as started:
        yield started


@pytest.fixture(scope="session")
def sql_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's SQL with one more adapter, `contract`, whose tables are the contract's relations."""
    overlay = tmp_path_factory.mktemp("sql")
    for entry in (PROJECT / "include" / "sql").iterdir():
        if entry.name != "source":
            (overlay / entry.name).symlink_to(entry)
    (overlay / "source").mkdir()
    for entry in (PROJECT / "include" / "sql" / "source").iterdir():
        (overlay / "source" / entry.name).symlink_to(entry)
    (overlay / "source" / "contract").symlink_to(Path(__file__).parent / "contract_source")
    return overlay


@pytest.fixture(scope="session")
def contract_settings(sql_dir: Path) -> Settings:
    return Settings(sql_dir=sql_dir, source_adapter="contract", lock_wait_seconds=20)


@pytest.fixture(scope="module")
def new_warehouse(
    server: PrivateServer, contract_settings: Settings
) -> Iterator[Callable[..., Warehouse]]:
    """Make bootstrapped warehouses over contract sources; Airflow's connections are restored at the end."""
    before = {key: value for key, value in os.environ.items() if key.startswith("AIRFLOW_CONN_")}
    warehouses = []

    def make(name: str, source_root_uri: str | None = None, **changes: object) -> Warehouse:
        chosen = contract_settings.model_copy(update=changes)
        made = Warehouse(server.root_uri, f"t_{name}", chosen, source_root_uri).create()
        warehouses.append(made)
        made.create_contract_source()
        return made.bootstrap(FIRST_DAY, LAST_DAY)

    yield make
    for made in warehouses:
        made.close()
    for key in [key for key in os.environ if key.startswith("AIRFLOW_CONN_")]:
        del os.environ[key]
    os.environ.update(before)


@pytest.fixture(scope="module")
def module_warehouse(
    new_warehouse: Callable[..., Warehouse], request: pytest.FixtureRequest
) -> Warehouse:
    made = new_warehouse(request.module.__name__.rpartition(".")[2].removeprefix("test_")[:30])
    made.keeps_scripts = True
    return made


@pytest.fixture
def warehouse(module_warehouse: Warehouse) -> Warehouse:
    """A warehouse with an empty history, no facts and an empty source."""
    module_warehouse.use()
    module_warehouse.empty()
    module_warehouse.load_source({})
    return module_warehouse
