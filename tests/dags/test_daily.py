"""kpi_daily from end to end: two nights, again, and an old one after a new one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.dags import school
from tests.dags.airflow_process import Event, Outcome
from tests.dags.conftest import Operated
from tests.warehouse import FACTS, HISTORY

ASSET = "kpi_daily_facts"
CAPTURED = (*HISTORY, "kpi_src_scope", "kpi_src_target")


@pytest.fixture(scope="module")
def nights(operated: Operated) -> dict[date, Outcome]:
    """Both nights, run one after the other, with the source as it was on each."""
    outcomes = {}
    for night in school.NIGHTS:
        operated.warehouse.load_source(school.source(night))
        outcomes[night] = operated.run("kpi_daily", school.params(night))
    return outcomes


def figure(operated: Operated, day: date, metric: str, scope: str, target: str) -> tuple[Any, ...]:
    (row,) = operated.warehouse.rows(
        "SELECT value_num, numerator, denominator, sample_size FROM kpi_value"
        " INNER JOIN kpi_metric ON kpi_metric.id = metric_id"
        " INNER JOIN kpi_scope ON kpi_scope.id = scope_id"
        " INNER JOIN kpi_target ON kpi_target.id = target_id"
        " WHERE date_id = %s AND period = 'D'"
        " AND code = %s AND scope_type = %s AND target_type = %s",
        (day, metric, scope, target),
    )
    return row


def ledger(operated: Operated, outcome: Outcome) -> dict[str, tuple[Any, ...]]:
    """Return a run's ledger rows by table: task, state, rows inserted, updated, deleted."""
    rows = operated.warehouse.rows(
        "SELECT table_name, task_id, state, rows_inserted, rows_updated, rows_deleted FROM kpi_run"
        " WHERE dag_id = %s AND run_id = %s",
        (outcome.dag_id, outcome.run_id),
    )
    return {table: tuple(values) for table, *values in rows}


def test_both_nights_succeed(nights: dict[date, Outcome]) -> None:
    for outcome in nights.values():
        assert outcome.state == "success", outcome.failures
        assert set(outcome.tasks.values()) == {"success"}


@pytest.mark.parametrize(("night", "done"), [(school.FIRST_NIGHT, 1), (school.SECOND_NIGHT, 2)])
def test_each_night_has_its_figures(
    nights: dict[date, Outcome], operated: Operated, night: date, done: int
) -> None:
    found = figure(operated, night, "PCT_ACQUIS", "GROUPE", "MODULE")
    assert found == (50 * done, done, 2, 2)
    for table in FACTS:
        query = f"SELECT COUNT(*) FROM {table} WHERE date_id = %s AND period = 'D'"
        assert operated.warehouse.rows(query, (night,))[0][0] > 0, table


@pytest.mark.parametrize("night", school.NIGHTS)
def test_the_ledger_names_run_and_task(
    nights: dict[date, Outcome], operated: Operated, night: date
) -> None:
    written = ledger(operated, nights[night])
    assert {table: task for table, (task, *_) in written.items()} == {
        **{table: f"facts.{table}" for table in FACTS},
        **dict.fromkeys(CAPTURED, "capture"),
    }
    assert {state for _, state, *_ in written.values()} == {"DONE"}
    assert all(written[table][2] > 0 for table in FACTS), "each night has new rows"
    tries = operated.warehouse.rows(
        "SELECT DISTINCT try_number, date_from, date_to FROM kpi_run WHERE run_id = %s",
        (nights[night].run_id,),
    )
    assert tries == [(1, night, night)]


def test_tasks_run_in_the_order_of_the_layers(nights: dict[date, Outcome]) -> None:
    layers = []
    for task in nights[school.FIRST_NIGHT].order:
        layer = task.partition(".")[0]
        if layer not in layers[-1:]:
            layers.append(layer)
    assert layers == ["preflight", "capture", "dimensions", "facts", "checks", "done", "alerts"]


@pytest.mark.parametrize("night", school.NIGHTS)
def test_a_run_by_hand_sends_an_event_with_its_date_as_key(
    nights: dict[date, Outcome], night: date
) -> None:
    assert nights[night].events == [Event(ASSET, str(night))]


def test_the_same_night_again_changes_nothing(
    nights: dict[date, Outcome], operated: Operated
) -> None:
    before = operated.checksums("kpi_run")
    again = operated.run("kpi_daily", school.params(school.SECOND_NIGHT))
    assert again.state == "success"
    assert operated.checksums("kpi_run") == before
    changes = {table: counts for table, (_, _, *counts) in ledger(operated, again).items()}
    assert changes == {table: [0, 0, 0] for table in (*FACTS, *CAPTURED)}


def test_an_old_night_again_gives_its_own_rows_and_captures_nothing(
    nights: dict[date, Outcome], operated: Operated
) -> None:
    before = operated.checksums("kpi_run")
    again = operated.run("kpi_daily", school.params(school.FIRST_NIGHT))
    assert again.state == "success"
    assert operated.checksums("kpi_run") == before
    assert set(ledger(operated, again)) == set(FACTS)
    assert f"{school.FIRST_NIGHT} was captured before" in again.log


def test_a_run_with_a_partition_key_needs_no_date(
    nights: dict[date, Outcome], operated: Operated
) -> None:
    before = operated.checksums("kpi_run")
    keyed = operated.run("kpi_daily", partition_key=str(school.SECOND_NIGHT))
    assert keyed.state == "success", keyed.failures
    assert operated.checksums("kpi_run") == before
    assert keyed.events == [Event(ASSET, str(school.SECOND_NIGHT))]
    days = "SELECT DISTINCT date_from, date_to FROM kpi_run WHERE run_id = %s"
    assert operated.warehouse.rows(days, (keyed.run_id,)) == [(school.SECOND_NIGHT,) * 2]


def test_a_warning_is_shown_and_stops_nothing(
    nights: dict[date, Outcome], operated: Operated
) -> None:
    wrong = school.source(school.SECOND_NIGHT)
    unknown = [row | {"learner_id": 99} for row in wrong["realisation"] if row["learner_id"] == 7]
    wrong["realisation"] += unknown
    operated.warehouse.load_source(wrong)
    noted = operated.run(
        "kpi_daily", {"date": "2026-02-16", "captured_at": "2026-02-17T01:30:00+00:00"}
    )
    assert noted.state == "success", noted.failures
    assert noted.tasks["checks.warn__many_rejects"] == "skipped"
    assert "do not pass checks.warn__many_rejects: not true is few_rejects" in noted.log
    assert noted.events == [Event(ASSET, "2026-02-16")]


def test_a_failed_check_ends_the_run_and_sends_no_event(
    nights: dict[date, Outcome], operated: Operated, overlaid: Callable[..., str]
) -> None:
    beyond = METRIC.format(code="BEYOND", expression="150")
    stopped = operated.run(
        "kpi_daily",
        {"date": "2026-02-17", "captured_at": "2026-02-18T01:30:00+00:00"},
        {"KPI_SQL_DIR": overlaid({"facts/kpi_value/BEYOND.sql": beyond})},
    )
    assert stopped.state == "failed"
    assert list(stopped.failures) == ["checks.fail__percent_outside_0_100"], stopped.failures
    assert stopped.message.startswith(
        "The figures of 2026-02-17 do not pass checks.fail__percent_outside_0_100: "
        "not true is all_within; run this task's SQL"
    )
    assert stopped.tries[stopped.failed_task] == 1
    assert stopped.tasks["done"] == "upstream_failed"
    assert stopped.events == []


METRIC = """/*
code: {code}
label: Essai
unit: '%'
agg: PCT
counts: stock
higher_is_better: true
category: QUALITE
target_levels: [GLOBAL]
rollup: LAST
description: A metric of the tests.
example: Always the same.
*/
SELECT
  kpi_scope.id AS scope_id,
  kpi_target.id AS target_id,
  {expression} AS value_num,
  1 AS numerator,
  1 AS denominator,
  1 AS sample_size,
  NULL AS extra_json
FROM kpi_scope
INNER JOIN kpi_target
  ON kpi_target.target_type = 'GLOBAL'
WHERE kpi_scope.scope_type = 'GLOBAL'
"""
