"""A private browser, and Airflows over a warehouse that holds nothing, one day or a year."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from browser_packages import find_browser
from kpi.core.settings import Settings
from mysql_server import PrivateServer
from playwright.sync_api import Browser, sync_playwright

from tests.dags.running_airflow import SERVICES, RunningAirflow
from tests.e2e import school
from tests.e2e.visiting import Site, Visit
from tests.warehouse import Warehouse

# As root, without a screen, and without a word to anybody.
BROWSER_OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
Visits = Callable[..., AbstractContextManager[Visit]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A year takes a minute to fill: `make test` walks through one day."""
    for item in items:
        if "year" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)


# For this folder only: while Playwright's loop lives, no other can run in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=find_browser(), args=list(BROWSER_OPTIONS)
        )
        yield started
        started.close()


@pytest.fixture(scope="package")
def new_site(
    server: PrivateServer, sql_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Site]]:
    """Make a warehouse, let it be filled, and start Airflow on it."""
    settings = Settings(sql_dir=sql_dir, source_adapter="contract", lock_wait_seconds=20)

    @contextmanager
    def make(
        name: str, fill: Callable[[Warehouse], object], services: Sequence[str] = ("api-server",)
    ) -> Iterator[Site]:
        with _connections_kept():
            warehouse = Warehouse(server.root_uri, f"t_e2e_{name}", settings, keeps_scripts=True)
            warehouse.create().create_contract_source()
            fill(warehouse)
        variables = {"KPI_SQL_DIR": str(sql_dir), "KPI_SOURCE_ADAPTER": "contract"}
        for conn_id, values in warehouse.connections.items():
            variables[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(values)
        with RunningAirflow(tmp_path_factory.mktemp(name), variables, services) as airflow:
            yield Site(airflow, warehouse)
        warehouse.close()

    return make


@contextmanager
def _connections_kept() -> Iterator[None]:
    """A warehouse is filled through Airflow's connections in the environment; put back those from before."""
    before = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
    yield
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="package")
def year(new_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[Site]:
    """A year of a small school; DAGs can run."""

    def fill(warehouse: Warehouse) -> None:
        school.fill_year(warehouse.bootstrap(*school.CALENDAR))

    with new_site("year", fill, SERVICES) as site:
        yield site


@pytest.fixture(scope="package")
def one_day(new_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[Site]:
    """One night of the same school, and an alert."""

    def fill(warehouse: Warehouse) -> None:
        school.fill_one_day(warehouse.bootstrap(*school.CALENDAR))
        school.open_alert(warehouse)

    with new_site("one_day", fill) as site:
        yield site


@pytest.fixture(scope="package")
def empty(new_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[Site]:
    """Tables that nothing has been computed into."""
    with new_site("empty", lambda warehouse: warehouse.bootstrap(*school.CALENDAR)) as site:
        yield site


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Visits:
    """Visit a site; the picture is named after the test."""
    name = request.node.name.removeprefix("test_")
    return lambda site, **context: site.visit(browser, name, **context)
