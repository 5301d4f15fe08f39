"""The routes of the operators' view; that they ask for the login is tested with all others in test_login.py."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from kpi.ui import status

from tests.ui.conftest import served
from tests.warehouse import Warehouse


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    status._items.cache_clear()
    status._alerts.cache_clear()


def test_status_gives_a_level_and_items_in_both_languages(client: httpx.Client) -> None:
    answer = client.get("/api/status")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    items = {item["key"]: item for item in found["items"]}
    assert {"last_night", "gaps", "failures", "backlog", "partitions", "retention"} <= set(items)
    assert items["schema"]["level"] == "green"
    levels = ["green", "amber", "red"]
    assert found["level"] == max((item["level"] for item in found["items"]), key=levels.index)
    texts = {
        f"{kind}_{language}" for kind in ("title", "detail", "hint") for language in ("fr", "en")
    }
    for item in found["items"]:
        assert set(item) == {"key", "level", "value", *texts}


def test_alerts_are_told_with_scope_target_and_threshold(
    filled: Warehouse, client: httpx.Client
) -> None:
    ((scope, scope_label),) = filled.rows(
        "SELECT id, label FROM kpi_scope WHERE scope_type = 'GROUPE' AND ref_id = 1"
    )
    ((target, target_label),) = filled.rows(
        "SELECT id, label FROM kpi_target WHERE target_type = 'MODULE' ORDER BY id LIMIT 1"
    )
    for since, until, value in (("2026-02-13", None, 41.5), ("2026-01-13", "2026-01-20", 41)):
        filled.execute(
            "INSERT INTO kpi_alert (kind, code, rule, scope_id, target_id, since_on, until_on, level, threshold,"
            " value_num, opened_at) VALUES"
            " ('THRESHOLD', 'PCT_ACQUIS', 'below 50 for 3', %s, %s, %s, %s, 'amber', 50, %s, UTC_TIMESTAMP())",
            (scope, target, since, until, value),
        )
    filled.execute(
        "INSERT INTO kpi_alert (kind, code, since_on, level, message, opened_at)"
        " VALUES ('FAILED', 'kpi_daily', '2026-02-14', 'red', 'capture: the disk is full.', UTC_TIMESTAMP())"
    )
    found = client.get("/api/alerts").json()
    assert found["more"] is False
    failed, below = found["alerts"]
    assert failed["scope"] is None
    assert failed["message_en"] == "kpi_daily failed for 2026-02-14: capture: the disk is full."
    assert (
        failed["message_fr"] == "kpi_daily a échoué pour le 14/02/2026 : capture: the disk is full."
    )
    assert below["scope"] == {"id": scope, "type": "GROUPE", "ref_id": 1, "label": scope_label}
    assert below["target"]["label"] == target_label
    assert (below["value"], below["threshold"], below["unit"]) == (41.5, 50, "%")
    assert (below["since"], below["level"], below["code"]) == ("2026-02-13", "amber", "PCT_ACQUIS")
    assert below["message_fr"] == (
        f"% Compétences acquises, {scope_label}, {target_label} : 41,5 %, au-dessous de 50 % depuis le 13/02/2026."
    )
    assert below["metric_en"] == "% Competences acquired"
    assert below["message_en"].startswith(f"% Competences acquired, {scope_label}, ")


def test_a_database_that_is_away_is_a_red_status_and_no_stack_trace(
    filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = "mysql://nobody:secret@127.0.0.1:1/kpi?client=mysql-connector-python"
    monkeypatch.setenv("AIRFLOW_CONN_KPI_READ", away)
    with served() as client:
        found = client.get("/api/status")
        assert (found.status_code, found.json()["level"]) == (200, "red")
        assert "127.0.0.1" not in found.text
        alerts = client.get("/api/alerts")
        assert (alerts.status_code, alerts.json()["code"]) == (503, "database")
