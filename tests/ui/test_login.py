"""Nothing of the dashboard is answered without Airflow's login and the right to read kpi_daily."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute
from kpi.ui.app import create_app
from kpi.ui.turns import InTurn

from tests.ui import api_server
from tests.ui.api_server import ADMIN, OUTSIDER, VIEWER, ApiServer
from tests.warehouse import Warehouse

APP = create_app()
# Each route with a value for what stands in its path.
PATHS = [
    route.path.replace("{path:path}", "index.html").replace("{id}", "1")
    for route in APP.routes
    if isinstance(route, APIRoute)
]
DATA = [path for path in PATHS if path.startswith("/api/")]


@pytest.fixture(scope="module")
def airflow(filled: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server.running(tmp_path_factory.mktemp("airflow"), filled.connections) as started:
        yield started


@pytest.fixture
def anybody(airflow: ApiServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{airflow.address}/kpi", trust_env=False, timeout=60) as client:
        yield client


def test_there_is_nothing_but_routes() -> None:
    """What is mounted, a websocket or a page of documentation would not be behind the login."""
    assert {type(route) for route in APP.routes} == {APIRoute, InTurn}
    assert {"/", "/static/index.html", "/api/options", "/api/tiles"} <= set(PATHS)


@pytest.mark.parametrize("path", [*PATHS, "/static/no_such_file"])
def test_without_login_no_route_answers(anybody: httpx.Client, path: str) -> None:
    answer = anybody.get(path)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PATHS)
def test_a_token_made_up_is_refused(anybody: httpx.Client, path: str) -> None:
    assert anybody.get(path, headers=_bearer("e30.e30.e30")).status_code in (401, 403)
    assert anybody.get(path, headers={"Cookie": "_token=e30.e30.e30"}).status_code in (401, 403)


@pytest.mark.parametrize("path", PATHS)
def test_a_login_without_the_right_to_read_kpi_daily_is_refused(
    anybody: httpx.Client, airflow: ApiServer, path: str
) -> None:
    answer = anybody.get(path, headers=_bearer(airflow.token(OUTSIDER)))
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


@pytest.mark.parametrize("account", [ADMIN, VIEWER])
def test_a_reader_gets_page_files_and_data(
    anybody: httpx.Client, airflow: ApiServer, account: str
) -> None:
    """By the token of a program as by the cookie that Airflow's UI has."""
    token = airflow.token(account)
    for headers in (_bearer(token), {"Cookie": f"_token={token}"}):
        page = anybody.get("/", headers=headers)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert anybody.get("/static/index.html", headers=headers).content == page.content
        assert (
            anybody.get("/api/options", headers=headers).json()["default"]["date"] == "2026-02-15"
        )


def test_no_file_outside_the_folder_is_given(anybody: httpx.Client, airflow: ApiServer) -> None:
    headers = _bearer(airflow.token(VIEWER))
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "%2fetc/passwd", ""):
        assert anybody.get(f"/static/{path}", headers=headers).status_code == 404, path


def test_other_methods_are_refused(anybody: httpx.Client, airflow: ApiServer) -> None:
    headers = _bearer(airflow.token(ADMIN))
    for path in PATHS:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert anybody.request(method, path, headers=headers).status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/api/openapi.json"])
def test_the_application_does_not_describe_itself(
    anybody: httpx.Client, airflow: ApiServer, path: str
) -> None:
    assert anybody.get(path, headers=_bearer(airflow.token(ADMIN))).status_code == 404


def test_airflow_shows_it_in_the_navigation_and_on_dags(airflow: ApiServer) -> None:
    answer = httpx.get(
        f"{airflow.address}/api/v2/plugins",
        headers=_bearer(airflow.token(ADMIN)),
        trust_env=False,
    ).json()
    [plugin] = [one for one in answer["plugins"] if one["name"] == "kpi_dashboard"]
    assert [(one["destination"], one["href"]) for one in plugin["external_views"]] == [
        ("nav", "/kpi/"),
        ("dag", "/kpi/"),
    ]
    assert [one["name"] for one in answer["plugins"] if one["name"].startswith("kpi")] == [
        "kpi_dashboard"
    ], "a module of the package is loaded as a plugin"


def test_the_headers_suit_the_iframe_of_airflow(anybody: httpx.Client, airflow: ApiServer) -> None:
    headers = _bearer(airflow.token(VIEWER))
    for path in ("/", "/api/options", "/api/tiles", "/api/scope/999999"):
        sent = anybody.get(path, headers=headers).headers
        assert "default-src 'self'" in sent["content-security-policy"]
        assert "frame-ancestors 'self'" in sent["content-security-policy"]
        assert sent["x-content-type-options"] == "nosniff"
        assert sent["referrer-policy"] == "same-origin"
        assert "x-frame-options" not in sent
        assert sent["cache-control"] == ("no-store" if "api" in path else "private, no-cache")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
