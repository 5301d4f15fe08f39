"""The golden cases of tests/golden: rows in, a date, rows out, each a readable file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from kpi.core import catalog
from kpi.core.settings import PROJECT

from tests.conftest import LAST_DAY
from tests.golden.case import Case, cases
from tests.golden.play import (
    FACT_COLUMNS,
    Play,
    as_yaml,
    expected_facts,
    expected_history,
    number,
    ordered,
)
from tests.warehouse import FACTS, Warehouse

SQL = PROJECT / "include" / "sql"
PLAN_GAP = "kpi_plan_gap"
CASES = [case for folder in (*FACTS, PLAN_GAP, "capture") for case in cases(folder)]
FIGURES = [("kpi_value", metric) for metric in catalog.metrics(SQL)]
FIGURES += [
    (table, measure)
    for table in ("kpi_state_count", "kpi_percentiles", PLAN_GAP)
    for measure in catalog.measures(SQL, table)
]


@pytest.fixture(scope="module")
def player(new_warehouse: Callable[..., Warehouse]) -> Play:
    """A warehouse whose kpi_time goes back to the clock changes of 2025."""
    made = new_warehouse("golden").bootstrap(date(2025, 2, 1), LAST_DAY)
    made.keeps_scripts = True
    return Play(made)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.path.with_suffix("")))
def test_golden_case(case: Case, player: Play) -> None:
    player.warehouse.empty()
    player.load(case)

    for relation, rows in case.history_out.items():
        columns, expected = expected_history(relation, rows)
        assert as_yaml(player.history(relation, columns)) == as_yaml(expected), case.shows
    player.roll_up(case)
    for when in case.rows_out:
        if when.period == "D":
            player.compute(case.table, when.date_id)
        found = as_yaml(player.facts(case, when))
        assert found == as_yaml(expected_facts(case, when)), f"{when.text}: {case.shows}"
    if case.nights:
        assert as_yaml(player.rejects()) == as_yaml(ordered(map(dict, case.rejects))), case.shows


@pytest.mark.parametrize(
    ("table", "figure"), FIGURES, ids=[f"{table}-{figure.code}" for table, figure in FIGURES]
)
def test_header_example_is_a_golden_case(
    table: str, figure: catalog.Metric | catalog.Measure
) -> None:
    """A header's worked example is played, and the numbers it tells are in the rows out."""
    [case] = [
        case
        for case in CASES
        if (case.table, case.path.name) == (table, "worked_example.yaml")
        and case.code == figure.code
    ]
    assert " ".join((case.example or "").split()) == " ".join(figure.example.split())
    rows = [row for when in case.rows_out for row in expected_facts(case, when)]
    told = told_in(figure.example)
    assert told, f"The example of {figure.code} tells no number of a row."
    for told_row in told:
        assert any(told_row.items() <= row.items() for row in rows), told_row


def told_in(example: str) -> list[dict[str, str]]:
    """What an example says of rows: `numerator 3, p50 = p75 = (1 + 2) / 2 = 1.5`, or `DONE 3`."""
    states = re.findall(r"\b(TODO|DONE) (\d+)", example)
    if states:
        return [{"state": state, "count": number(Decimal(count))} for state, count in states]
    columns = ("value_num", "numerator", "denominator", "sample_size", "p50", "p75", "p90")
    columns += FACT_COLUMNS[PLAN_GAP]
    found: dict[str, str] = {}
    for clause in re.split(r"[:,;]\s|\.(?:\s|$)", example):
        values = re.findall(r"(?<![\w.])\d+(?:\.\d+)?", clause)
        for name in re.findall(rf"\b({'|'.join(columns)})\b", clause):
            found[name] = number(Decimal(values[-1]))
    return [found] if found else []


def test_each_case_compares_something() -> None:
    empty = [case.path for case in CASES if not (case.rows_out or case.history_out or case.rejects)]
    assert not empty
