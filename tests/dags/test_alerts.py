"""Alerts of the DAGs: a night that fails is told once and ends when it is mended; no alert makes a night red."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kpi.core.settings import PROJECT

from tests.dags import school
from tests.dags.conftest import Operated
from tests.dags.test_bad_input import closed_port, connection
from tests.dags.test_daily import METRIC

pytestmark = pytest.mark.long

NIGHT = school.params(school.FIRST_NIGHT)
TOLD = "] kpi_daily failed for 2026-02-14: "
ACQUIRED = "facts/kpi_value/PCT_ACQUIS.sql"


@pytest.fixture
def night(operated: Operated) -> Operated:
    """A source ready for the first night, and no alert."""
    operated.warehouse.load_source(school.source(school.FIRST_NIGHT))
    operated.warehouse.execute("DELETE FROM kpi_alert")
    return operated


def alerts(operated: Operated) -> list[tuple[Any, ...]]:
    return operated.warehouse.rows(
        "SELECT kind, code, level, CAST(since_on AS CHAR), until_on IS NOT NULL, told_at IS NOT NULL"
        " FROM kpi_alert ORDER BY id"
    )


def test_a_failed_night_is_one_alert_until_it_is_mended(
    night: Operated, overlaid: Callable[..., str]
) -> None:
    beyond = METRIC.format(code="BEYOND", expression="150")
    wrong = {"KPI_SQL_DIR": overlaid({"facts/kpi_value/BEYOND.sql": beyond})}
    failed = night.run("kpi_daily", NIGHT, wrong)
    assert failed.state == "failed"
    assert f"[red{TOLD}checks.fail__percent_outside_0_100: " in failed.log
    assert alerts(night) == [("FAILED", "kpi_daily", "red", "2026-02-14", 0, 1)]

    again = night.run("kpi_daily", NIGHT, wrong)
    assert again.state == "failed"
    assert TOLD not in again.log, "it is told once"

    mended = night.run("kpi_daily", NIGHT)
    assert mended.state == "success", mended.failures
    assert "; over on " in mended.log
    assert alerts(night) == [("FAILED", "kpi_daily", "red", "2026-02-14", 1, 1)]


def test_a_failure_is_told_when_the_database_is_what_failed(night: Operated) -> None:
    away = connection(night, "kpi_etl", host="127.0.0.1", port=closed_port())
    failed = night.run("kpi_daily", NIGHT, away)
    assert failed.failed_task == "preflight"
    assert f"[red{TOLD}preflight: The MySQL server " in failed.log
    assert alerts(night) == []


def test_a_date_that_a_person_got_wrong_is_no_alert(night: Operated) -> None:
    assert night.run("kpi_daily", {"date": "2099-01-01"}).state == "failed"
    assert alerts(night) == []


@pytest.fixture
def watching(overlaid: Callable[..., str]) -> dict[str, str | None]:
    """The environment in which every group's acquired competences are below their threshold."""
    text = (PROJECT / "include" / "sql" / ACQUIRED).read_text()
    rule = "alerts: [{below: 101, scopes: [GROUPE], targets: [MODULE]}]\nrollup: LAST"
    return {"KPI_SQL_DIR": overlaid({ACQUIRED: text.replace("rollup: LAST", rule, 1)})}


def test_a_night_looks_at_thresholds_after_its_event(
    night: Operated, watching: dict[str, str | None]
) -> None:
    run = night.run("kpi_daily", NIGHT, watching)
    assert run.state == "success", run.failures
    assert run.order[-2:] == ["done", "alerts"]
    assert "'below 101 for 1' AS rule" in run.rendered["alerts"]["sql"]
    told = "[amber] % Competences acquired, Groupe 1, MODULE 1: 50 %, below 101 % since 2026-02-14."
    assert told in run.log
    assert alerts(night) == [("THRESHOLD", "PCT_ACQUIS", "amber", "2026-02-14", 0, 1)]


def test_a_notifier_that_fails_leaves_the_night_green_and_is_tried_again_within_the_hour(
    night: Operated, watching: dict[str, str | None]
) -> None:
    broken = {"KPI_ALERT_NOTIFIER": "kpi.no.Notifier"}
    run = night.run("kpi_daily", NIGHT, watching | broken)
    assert run.state == "success", run.failures
    assert "The notifier kpi.no.Notifier cannot be made" in run.log
    assert [told for *_, told in alerts(night)] == [0]
    hourly = night.run("kpi_status", {"at": "2026-02-15T04:00:00+00:00"}, watching)
    assert hourly.state == "success", hourly.failures
    assert "PCT_ACQUIS" not in hourly.failures
    assert [told for *_, told in alerts(night)] == [1]


def test_a_providers_notifier_gets_its_arguments_as_templates(
    night: Operated, watching: dict[str, str | None]
) -> None:
    """The mail server does not answer: the error shows that the notifier was made, rendered and asked."""
    arguments = {
        "to": "ops@example.org",
        "from_email": "kpi@example.org",
        "subject": "{{ kpi_subject_fr }}",
    }
    mail = {
        "KPI_ALERT_NOTIFIER": "airflow.providers.smtp.notifications.smtp.SmtpNotifier",
        "KPI_ALERT_NOTIFIER_ARGS": json.dumps(
            arguments | {"html_content": "{{ kpi_text_fr | e }}"}
        ),
        "AIRFLOW_CONN_SMTP_DEFAULT": f"smtp://127.0.0.1:{closed_port()}?disable_ssl=true&retry_limit=1",
    }
    run = night.run("kpi_daily", NIGHT, watching | mail)
    assert run.state == "success", run.failures
    assert "SmtpNotifier did not take 1 alerts" in run.log


def test_a_late_night_is_told_once_an_hour_is_not(night: Operated) -> None:
    assert night.run("kpi_daily", NIGHT).state == "success"
    logs = [
        night.run("kpi_status", {"at": f"2026-02-16T{hour}:10:00+00:00"}).log
        for hour in ("05", "06", "07")
    ]
    assert ["kpi_daily is late: 2026-02-15" in log for log in logs] == [False, True, False]
    assert alerts(night) == [("LATE", "kpi_daily", "amber", "2026-02-15", 0, 1)]
