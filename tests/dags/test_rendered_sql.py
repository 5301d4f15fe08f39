"""The SQL that the UI shows of a task is what it executes, with its dates as bound parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

import pytest
from environment import environment
from kpi.core.connections import AS_THEY_ARE
from kpi.core.steps import Step, steps
from kpi.figures.slices import Slice

from tests.dags import school
from tests.dags.airflow_process import Outcome
from tests.dags.conftest import Operated
from tests.warehouse import FACTS

pytestmark = pytest.mark.long

NIGHT = school.SECOND_NIGHT
LIMIT = "AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH"


class Observed(NamedTuple):
    """A night, and the statements that kpi_etl sent to the server meanwhile."""

    outcome: Outcome
    statements: list[str]


@pytest.fixture(scope="module")
def observed(operated: Operated) -> Observed:
    """The second night, so that the capture has a history to compare with."""
    operated.warehouse.load_source(school.source(school.FIRST_NIGHT))
    operated.warehouse.night(school.FIRST_NIGHT)
    operated.warehouse.load_source(school.source(NIGHT))
    with logged_statements(operated) as statements:
        outcome = operated.run("kpi_daily", school.params(NIGHT))
    assert outcome.state == "success", outcome.failures
    return Observed(outcome, statements)


@contextmanager
def logged_statements(operated: Operated) -> Iterator[list[str]]:
    """Have the server log what kpi_etl sends; the list is filled when the context ends."""
    found: list[str] = []
    login = operated.warehouse.connections["kpi_etl"]["login"]
    for statement in ("general_log = OFF", "log_output = 'TABLE'", "general_log = ON"):
        operated.warehouse.execute(f"SET GLOBAL {statement}")
    try:
        yield found
    finally:
        operated.warehouse.execute("SET GLOBAL general_log = OFF")
        rows = operated.warehouse.rows(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log"
            " WHERE command_type = 'Query' AND user_host LIKE %s ORDER BY event_time",
            (f"%[{login}]%",),
        )
        found += [one_line(statement) for (statement,) in rows]


def one_line(sql: str) -> str:
    return " ".join(sql.split())


def bound(sql: str, values: Mapping[str, Any]) -> str:
    """Return a statement as it reaches the server: the driver puts the quoted values in, here those that are known."""

    def literal(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        return "NULL" if value is None else f"'{value}'"

    return one_line(re.sub(r"%\((\w+)\)s", literal, sql))


def was_executed(sql: str, values: Mapping[str, Any], statements: list[str]) -> bool:
    """Tell whether a statement was executed, whatever the value of a name that is not among `values`."""
    some = re.compile(re.sub(r"%\\\(\w+\\\)s", "'[^']*'", re.escape(bound(sql, values))))
    return any(some.fullmatch(one) for one in statements)


def shown(observed: Observed, task_id: str) -> list[Step]:
    return steps(observed.outcome.rendered[task_id]["sql"])


@pytest.mark.parametrize("table", FACTS)
def test_each_shown_statement_of_a_fact_is_executed(observed: Observed, table: str) -> None:
    assert observed.outcome.rendered[f"facts.{table}"]["day"] == str(NIGHT)
    values = Slice.daily(table, NIGHT).at(NIGHT)
    script = shown(observed, f"facts.{table}")
    for step in script:
        # Only a slice that had rows before has any to update or to delete.
        if step.does not in ("update", "delete"):
            assert bound(step.sql, values) in observed.statements, step.name


def test_nothing_is_written_into_a_fact_that_is_not_shown(observed: Observed) -> None:
    allowed = {
        bound(step.sql, Slice.daily(table, NIGHT).at(NIGHT))
        for table in FACTS
        for step in shown(observed, f"facts.{table}")
    }
    writing = re.compile(rf"(INSERT INTO|UPDATE|REPLACE INTO|DELETE .*FROM) ({'|'.join(FACTS)})\b")
    executed = {one for one in observed.statements if writing.match(one)}
    assert len(executed) >= len(FACTS)
    assert executed <= allowed


def test_each_shown_statement_of_the_capture_is_executed(observed: Observed) -> None:
    values = {
        "day": NIGHT,
        "captured_at": datetime.fromisoformat(school.CAPTURES[NIGHT]).replace(tzinfo=None),
        "previous": datetime(2026, 2, 15, 1, 30),
    }
    for step in shown(observed, "capture"):
        if step.when == "first":
            continue
        if step.name.endswith(": read"):
            sql = bound(step.sql, values)
            # Source and KPI database are on one server: one statement reads and stages.
            relation = step.name.partition(":")[0]
            executed = [one for one in observed.statements if one.endswith(f") {sql}")]
            hint = f"/*+ SET_VAR(sql_mode = '{AS_THEY_ARE}') */"
            staged = f"INSERT {hint} INTO stage_{relation} ("
            assert [one.startswith(staged) for one in executed] == [True]
        else:
            # The source's own clock is read when the capture runs.
            assert was_executed(step.sql, values, observed.statements), step.name


def test_each_shown_statement_of_the_dimensions_is_executed(observed: Observed) -> None:
    for step in shown(observed, "dimensions.kpi_scope_and_target"):
        assert one_line(step.sql) in observed.statements, step.name
    metric = one_line(observed.outcome.rendered["dimensions.kpi_metric"]["sql"])
    beginning = metric.partition("%(code)s")[0]
    assert any(one.startswith(f"{beginning}'PCT_ACQUIS'") for one in observed.statements)


def test_the_shown_query_of_each_check_is_executed(observed: Observed) -> None:
    checks = {task for task in observed.outcome.tasks if task.startswith("checks.")}
    assert len(checks) >= 10
    for task in checks:
        fields = observed.outcome.rendered[task]
        assert fields["parameters"] == dict.fromkeys(("date_id", "as_of"), str(NIGHT))
        assert bound(fields["sql"], fields["parameters"]) in observed.statements, task


def test_dates_are_bound_and_not_written_into_the_sql(observed: Observed) -> None:
    scripts = {
        task: fields["sql"] for task, fields in observed.outcome.rendered.items() if "sql" in fields
    }
    dates = re.compile("|".join(str(day) for day in (*school.NIGHTS, date(2026, 2, 16))))
    for task, sql in scripts.items():
        assert not dates.search(sql), task
    assert {task for task, sql in scripts.items() if "%(date_id)s" in sql} == {
        task for task in scripts if task.startswith(("facts.", "checks."))
    } - {"checks.warn__many_rejects"}


def test_the_sql_is_shown_in_full(observed: Observed) -> None:
    longest = max(len(fields.get("sql", "")) for fields in observed.outcome.rendered.values())
    assert 4096 < longest < int(environment()[LIMIT]) / 2
