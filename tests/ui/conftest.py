"""The dashboard over a small school of three nights, without and with Airflow's login."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from kpi.ui import dimensions, reading
from kpi.ui.app import create_app
from kpi.ui.security import MAY_READ

from tests.golden import school
from tests.warehouse import Warehouse

NIGHTS = 3
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def filled(new_warehouse: Callable[..., Warehouse], request: pytest.FixtureRequest) -> Warehouse:
    """Three nights of the golden tests' school, rolled up; one learner has a name that a page must not run."""
    made = new_warehouse(request.module.__name__.rpartition(".")[2].removeprefix("test_"))
    for night in range(NIGHTS):
        source = school.source(night)
        for row in source["scope"]:
            if row["label"] == "APPRENANT 1":
                row["label"] = SCRIPT
            if row["label"] == "GROUPE 2":
                row["label"] = FORMULA
        made.load_source(source)
        made.night(school.day_of(night))
        made.rollup(school.day_of(night))
    return made


@pytest.fixture
def client(filled: Warehouse) -> Iterator[httpx.Client]:
    """The application by itself on the filled warehouse; the login, which test_login.py tests, is left out."""
    filled.use()
    with served() as opened:
        yield opened


@contextmanager
def served() -> Iterator[httpx.Client]:
    """Serve the application without the login, on the connection kpi_read as it is now."""
    app = create_app()
    app.dependency_overrides[MAY_READ.dependency] = lambda: None
    dimensions.forget()
    reading.close()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who asks early waits
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()
            reading.close()
            dimensions.forget()
