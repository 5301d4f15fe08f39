"""What the dashboard refuses, and what it says when there is nothing to read or nobody to ask."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from kpi.core.connections import ConnectionProblem
from kpi.core.settings import PROJECT, Settings
from kpi.ui import dimensions, labels, reading
from kpi.ui.reliability import reliability
from mysql_server import PrivateServer

from tests.sql.schemas import bare_databases
from tests.ui.conftest import served
from tests.warehouse import Warehouse

FIGURES = "scope=1&target=1"
EVOLUTION = f"evolution?{FIGURES}&metric=PROGRESSION_MOY"
QUERIES = {
    "options": 5,
    "scopes?type=GROUPE&q=a+b": 1,
    "scope/1": 1,
    "targets": 1,
    f"tiles?{FIGURES}": 3,
    f"states?{FIGURES}": 3,
    EVOLUTION: 3,
    f"delays?{FIGURES}": 2,
    f"plan?{FIGURES}": 2,
    f"siblings?{FIGURES}&metric=PROGRESSION_MOY": 4,
    "freshness": 2,
    "rejects": 3,
}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("tiles?target=1", "The parameter scope is missing; give the id of a row of kpi_scope."),
        ("tiles?scope=x&target=1", "The parameter scope cannot be 'x'; give"),
        (f"tiles?scope={2**63}&target=1", "The parameter scope cannot be '9223372036854775808'"),
        ("tiles?scope=-1&target=1", "The parameter scope cannot be '-1'; give"),
        (f"tiles?{FIGURES}&period=Y", "The parameter period cannot be 'Y'; give D, W, M or R"),
        (
            f"tiles?{FIGURES}&date=2026-02-30",
            "The parameter date cannot be '2026-02-30'; give a day",
        ),
        (f"tiles?{FIGURES}&date=9999-12-31", "give a day from 2000 to 2100"),
        (
            f"tiles?{FIGURES}&format=xlsx",
            "The parameter format cannot be 'xlsx'; give json or csv.",
        ),
        (f"plan?{FIGURES}&period=D", "(W or M for the plan)"),
        (f"plan?{FIGURES}&period=R", "(W or M for the plan)"),
        (f"{EVOLUTION}&from=2026-02-02&to=2026-02-01", "swap from and to"),
        (f"{EVOLUTION}&from=2024-01-01&to=2026-02-01", "has more than 400 points; shorten it"),
        (f"{EVOLUTION}&from=2000-01-01&to=2100-12-31&period=M", "more than 400 points"),
        (f"{EVOLUTION}&period=R", "rolling windows (R) are metrics of their own"),
        (f"tiles?{FIGURES}&lang=de", "give fr or en"),
        ("scopes?type=EVERYBODY", "give a type of api/options"),
        ("scopes", "The parameter type is missing"),
        (f"scopes?type=GROUPE&q={'x' * 101}", "give at most 100 characters"),
        ("scopes?type=GROUPE&limit=101", "a number within the route's bounds"),
        ("scopes?type=GROUPE&limit=0", "a number within the route's bounds"),
        (f"siblings?{FIGURES}&metric=PROGRESSION_MOY&limit=201", "within the route's bounds"),
        ("rejects?limit=501", "within the route's bounds"),
        ("rejects?offset=-1", "give a number from 0 to 1,000,000"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_words(
    client: httpx.Client, path: str, said: str
) -> None:
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 422
    told = answer.json()
    assert set(told) == {"code", "message_fr", "message_en"}
    assert told["code"] == "input"
    assert said in told["message_en"]
    assert len(told["message_en"]) < 250


@pytest.mark.parametrize(
    "path",
    [
        "scope/999999",
        "targets?id=999999",
        "states?scope=1&target=999999",
        "siblings?scope=999999&target=1&metric=PROGRESSION_MOY",
        f"evolution?{FIGURES}&metric=NO_SUCH",
        f"evolution?{FIGURES}&metric=1' OR '1'='1",
    ],
)
def test_what_is_not_there(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/api/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_figures_that_are_not_there_are_none(client: httpx.Client) -> None:
    found = client.get("/api/tiles?scope=999999&target=999999&date=2026-02-15").json()
    assert (found["tiles"], found["date"]) == ([], "2026-02-15")


@pytest.mark.parametrize(("path", "most"), QUERIES.items())
def test_the_number_of_queries_does_not_grow_with_the_rows(
    client: httpx.Client, filled: Warehouse, path: str, most: int
) -> None:
    """Nothing is kept from before: the second time most routes ask but one question."""
    asked = _queries(filled)
    assert client.get(f"/api/{path}").status_code == 200
    assert _queries(filled) - asked <= most + 1  # the count itself


@pytest.mark.parametrize("path", ["options", "freshness"])
def test_what_is_the_same_for_all_is_kept_for_seconds(
    client: httpx.Client, filled: Warehouse, path: str
) -> None:
    first = client.get(f"/api/{path}")
    asked = _queries(filled)
    assert client.get(f"/api/{path}").content == first.content
    assert _queries(filled) == asked
    dimensions.forget()
    assert client.get(f"/api/{path}").content == first.content
    assert _queries(filled) > asked


def test_more_people_at_once_than_there_are_sessions(client: httpx.Client) -> None:
    path = f"/api/{EVOLUTION}&from=2026-02-01&to=2026-02-20"
    expected = client.get(path).json()
    with ThreadPoolExecutor(3 * reading.SESSIONS) as people:
        answers = list(people.map(lambda _: client.get(path), range(100)))
    assert [one.json() for one in answers if one.json() != expected] == []


def _queries(filled: Warehouse) -> int:
    return int(filled.rows("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1])


# -- nothing to read


@pytest.fixture(scope="module")
def empty(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """A database with its schema, its metrics and its calendar, before the first night."""
    return new_warehouse("ui_empty")


@pytest.mark.parametrize("path", [one for one in QUERIES if one != "scope/1"])
def test_before_the_first_night_there_are_empty_answers(empty: Warehouse, path: str) -> None:
    empty.use()
    with served() as client:
        answer = client.get(f"/api/{path}")
    if path.startswith(("states", "siblings")):  # whose scope and target are not there
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    else:
        assert answer.status_code == 200, answer.text


def test_before_the_first_night_nothing_is_chosen(empty: Warehouse) -> None:
    empty.use()
    with served() as client:
        found = client.get("/api/options").json()
        targets = client.get("/api/targets").json()
    assert found["default"] == {"scope": None, "target": None, "period": "D", "date": None}
    assert {(one["first"], one["latest"]) for one in found["periods"]} == {(None, None)}
    assert targets == {"target": None, "path": [], "children": []}


def test_the_first_night_is_seen_at_once(empty: Warehouse) -> None:
    """Nothing is kept of an empty tree."""
    empty.use()
    with served() as client:
        assert client.get("/api/targets").json()["target"] is None
        empty.execute("INSERT INTO kpi_target (target_type, label) VALUES ('GLOBAL', 'Tout')")
        assert client.get("/api/targets").json()["target"]["label"] == "Tout"
    empty.execute("DELETE FROM kpi_target")


def test_without_tables_it_says_which_dags_to_run(
    server: PrivateServer, contract_settings: Settings
) -> None:
    with bare_databases(server.root_uri, contract_settings) as bare:
        bare("ui_bare").use()
        with served() as client:
            answer = client.get("/api/options")
    assert (answer.status_code, answer.json()["code"]) == (503, "schema")
    assert "kpi_bootstrap" in answer.json()["message_fr"]
    assert "kpi_bootstrap" in answer.json()["message_en"]


# -- nobody to ask


@pytest.fixture
def connection(filled: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change the connection kpi_read."""

    def change(**values: Any) -> None:
        changed = {**filled.connections["kpi_read"], **values}
        monkeypatch.setenv("AIRFLOW_CONN_KPI_READ", json.dumps(changed))

    return change


@pytest.mark.parametrize(
    "wrong", [{"port": 1}, {"password": "wrong"}, {"schema": "no_such_schema"}, {"schema": ""}]
)
def test_a_database_that_does_not_answer_is_said_without_details(
    connection: Callable[..., None], wrong: dict[str, Any], filled: Warehouse
) -> None:
    connection(**wrong)
    with served() as client:
        answer = client.get("/api/options")
        assert (answer.status_code, answer.json()["code"]) == (503, "database")
        assert "kpi_read" in answer.json()["message_fr"]
        assert not re.search(r"Traceback|127\.0\.0\.1|File \"|mysql\.connector", answer.text)
        assert answer.headers["cache-control"] == "no-store"
        connection()  # mended, it answers without a restart
        assert client.get("/api/options").status_code == 200


def test_sessions_that_the_server_ended_are_replaced(
    client: httpx.Client, filled: Warehouse
) -> None:
    assert client.get(f"/api/{EVOLUTION}").status_code == 200
    login = filled.connections["kpi_read"]["login"]
    sessions = filled.rows(
        "SELECT id FROM information_schema.processlist WHERE user = %s", (login,)
    )
    assert sessions
    for (number,) in sessions:
        filled.execute(f"KILL {number}")
    assert client.get(f"/api/{EVOLUTION}").status_code == 200


def test_a_query_that_lasts_too_long_is_ended(
    client: httpx.Client, filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that somebody has locked does not keep the api-server's threads."""
    monkeypatch.setattr(reading, "SECONDS_OF_A_QUERY", 0.2)
    filled.execute("LOCK TABLES kpi_run WRITE")
    try:
        answer = client.get("/api/freshness")
    finally:
        filled.execute("UNLOCK TABLES")
    assert (answer.status_code, answer.json()["code"]) == (503, "database")
    assert client.get("/api/freshness").status_code == 200


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO kpi_scope (scope_type) VALUES ('GLOBAL')",
        "UPDATE kpi_value SET value_num = 100",
        "DELETE FROM kpi_reject",
        "DROP TABLE kpi_tile_cache",
    ],
)
def test_the_sessions_of_the_dashboard_cannot_write(
    client: httpx.Client, filled: Warehouse, statement: str
) -> None:
    with reading.borrowed() as link, pytest.raises(ConnectionProblem, match="lacks a right"):
        link.session.run(statement)


# -- rules and labels


@pytest.mark.parametrize(
    ("sample", "denominator", "expected"),
    [
        (None, None, "low"),
        (4, None, "low"),
        (5, None, "medium"),
        (19, None, "medium"),
        (20, None, "high"),
        (100, 4, "low"),
        (100, 19, "medium"),
        (100, 20, "high"),
        (4, 100, "low"),
    ],
)
def test_reliability(sample: int | None, denominator: int | None, expected: str) -> None:
    assert reliability(sample, denominator) == expected


def test_every_reason_of_a_reject_has_a_label() -> None:
    sql = PROJECT / "include" / "sql"
    found: set[str] = set()
    for path in (*sql.glob("capture/*.sql"), *sql.glob("source/soli_lms/reject.sql")):
        text = path.read_text()
        found |= set(re.findall(r"'([a-z0-9_]+)' AS reason", text))
        found |= set(re.findall(r"UNION ALL SELECT '\w+', '([a-z0-9_]+)'", text))
        for pair in re.findall(r"IF\([^,]+, '(\w+)', '(\w+)'\) AS reason", text):
            found |= set(pair)
    assert len(found) > 10
    assert found <= set(labels.REASONS)


def test_every_metric_has_an_english_label(client: httpx.Client) -> None:
    metrics = client.get("/api/options").json()["metrics"]
    assert [one["code"] for one in metrics if one["label"] == one["label_en"]] == []


def test_no_value_is_bound_inside_a_comment() -> None:
    """The driver puts values there too, and a text could end the comment."""
    for path in (PROJECT / "include/sql/display/dashboard").glob("*.sql"):
        for comment in re.findall(r"/\*.*?\*/|--[^\n]*", path.read_text(), re.DOTALL):
            assert "%(" not in comment, path.name
