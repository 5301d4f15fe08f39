"""The promises of the design, each by name: 1 to 5 and 9.

10 is in test_new_metric.py; what kills do to 3, and many processes to 4, is in tests/faults.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import mysql.connector
import pytest
from kpi.core import ledger as kpi_ledger
from kpi.core.errors import KpiError
from kpi.core.locks import lock_name
from kpi.core.settings import PROJECT
from kpi.core.steps import steps
from kpi.figures import slices
from kpi.history.adapter import AdapterError

from tests.golden import school
from tests.golden.reading import Rows, checksums, figures, history, ledger, stored
from tests.warehouse import FACTS, HISTORY, Warehouse

FIRST, SECOND, THIRD, FOURTH = (school.day_of(night) for night in range(4))


@pytest.fixture
def first_night(warehouse: Warehouse) -> Warehouse:
    """The school after its first night."""
    play(warehouse, 0)
    return warehouse


def play(warehouse: Warehouse, night: int) -> dict[str, ledger.Written]:
    warehouse.load_source(school.source(night))
    return warehouse.night(school.day_of(night))


def capture(warehouse: Warehouse, night: int) -> None:
    warehouse.load_source(school.source(night))
    warehouse.capture(school.day_of(night))
    warehouse.dimensions()


# -- 1. As of means as of


def test_promise_1_as_of_means_as_of(first_night: Warehouse) -> None:
    """Compute D, change the source, capture the next night, recompute D: the same rows."""
    then = figures(first_night, FIRST)
    changed = play(first_night, 1)
    assert figures(first_night, SECOND) != then, "the source did change"
    assert all(written.inserted for written in changed.values())

    again = first_night.facts(FIRST)
    assert figures(first_night, FIRST) == then
    assert {(one.inserted, one.updated, one.deleted) for one in again.values()} == {(0, 0, 0)}


def test_promise_1_it_does_not_matter_when_a_day_is_computed(warehouse: Warehouse) -> None:
    """Each night at once, then all days anew from the history, the last first: the same rows."""
    for night in range(4):
        play(warehouse, night)
    days = [school.day_of(night) for night in range(4)]
    at_once = {day: figures(warehouse, day) for day in days}
    for table in FACTS:
        warehouse.execute(f"DELETE FROM {table}")
    for day in reversed(days):
        warehouse.facts(day)
    assert {day: figures(warehouse, day) for day in days} == at_once
    assert all(rows for of_day in at_once.values() for rows in of_day.values())


def test_promise_1_a_learner_who_leaves_keeps_his_past(first_night: Warehouse) -> None:
    """The row of the next day is gone or changed, the old day's is not."""

    def progress(day: date, scope: str, ref: int) -> Rows:
        return [
            row
            for row in figures(first_night, day)["kpi_value"]
            if row[:5] == (scope, ref, "MODULE", 2, "PROGRESSION_MOY")
        ]

    group_then, own_then = progress(FIRST, "GROUPE", 1), progress(FIRST, "APPRENANT", 5)
    capture(first_night, 2)  # learner 3 has changed group, learner 5 is deactivated
    first_night.facts(FIRST)
    first_night.facts(THIRD)
    assert (progress(FIRST, "GROUPE", 1), progress(FIRST, "APPRENANT", 5)) == (group_then, own_then)
    assert group_then[0][8] > progress(THIRD, "GROUPE", 1)[0][8] > 0, "fewer in the sample"
    assert own_then
    assert not progress(THIRD, "APPRENANT", 5)


# -- 2. Idempotent, including what vanished


def test_promise_2_run_twice_and_not_one_row_differs(first_night: Warehouse) -> None:
    """All columns, id and computed_at included; and the ledger says 0 changed."""
    first_night.execute("UPDATE kpi_value SET computed_at = computed_at - INTERVAL 1 HOUR")
    before = stored(first_night)
    first_night.facts(FIRST)
    assert stored(first_night) == before
    assert ledger(first_night)[-3:] == [
        (table, FIRST, "DONE", 0, 0, 0, len(before[table])) for table in FACTS
    ]


def test_promise_2_capture_twice_and_not_one_version_differs(first_night: Warehouse) -> None:
    before = history(first_night)
    found = first_night.capture(FIRST, datetime(2026, 2, 14, 1, 50))
    assert found is not None
    assert history(first_night) == before
    assert {(one.new, one.changed, one.closed, one.reopened) for one in found} == {(0, 0, 0, 0)}
    runs = [row for row in ledger(first_night, HISTORY) if row[2] == "DONE"][-4:]
    assert [row[3:6] for row in runs] == [(0, 0, 0)] * 4
    assert all(row[6] for row in runs), "the rows that did not change are counted"


@pytest.mark.parametrize(
    ("table", "condition", "cells"),
    [
        (
            "kpi_src_membership",
            "scope_type = 'GROUPE' AND scope_ref_id = 2",
            "scope_type = 'GROUPE' AND kpi_scope.ref_id = 2",
        ),
        (
            "kpi_src_membership",
            "learner_id = 7",
            "scope_type = 'APPRENANT' AND kpi_scope.ref_id = 7",
        ),
        (
            "kpi_src_realisation",
            "domain = 'MODULE' AND ref_id = 2",
            "domain = 'MODULE' AND target_type = 'MODULE' AND kpi_target.ref_id = 2",
        ),
    ],
    ids=["the scope is empty", "the learner left", "the realisations were deleted"],
)
def test_promise_2_a_combination_that_vanished_loses_its_row(
    first_night: Warehouse, table: str, condition: str, cells: str
) -> None:
    of_cells = (
        "SELECT fact.id FROM kpi_state_count AS fact "
        "INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
        f"INNER JOIN kpi_target ON kpi_target.id = target_id WHERE {cells}"
    )
    there = set(first_night.rows(of_cells))
    others = set(first_night.rows(f"SELECT id FROM kpi_state_count WHERE id NOT IN ({of_cells})"))
    first_night.execute(f"DELETE FROM {table} WHERE {condition}")
    written = first_night.facts(FIRST, ["kpi_state_count"])["kpi_state_count"]
    left = set(first_night.rows("SELECT id FROM kpi_state_count"))
    assert there
    assert not there & left
    assert others & left, "what still is keeps its rows and their ids"
    assert written.deleted == len(there | others) - len(left)
    assert (written.inserted, written.deleted > 0) == (0, True)


# -- 3. All or nothing


@pytest.mark.parametrize("table", FACTS)
def test_promise_3_all_or_nothing(first_night: Warehouse, table: str) -> None:
    """Whichever statement fails, the slice stays as it was, and the ledger says FAILED."""
    capture(first_night, 1)
    first_night.execute("DELETE FROM kpi_src_membership WHERE scope_type = 'SESSION'")
    first_night.execute(
        "UPDATE kpi_src_realisation SET progress_pct = 77, state_code = 'OTHER' WHERE learner_id % 2"
    )
    first_night.execute("UPDATE kpi_src_feedback SET feedback_at = feedback_at + INTERVAL 1 HOUR")
    first_night.execute(f"DELETE FROM {table} LIMIT 3")  # so that the writer has all three to do
    before = checksums(first_night)
    script = steps(first_night.render(f"facts/{table}/day.sql"))
    part = slices.Slice.daily(table, FIRST)
    no_author = kpi_ledger.Author()

    for number, step in enumerate(script):
        broken = [*script[:number], replace(step, sql="SELECT nothing"), *script[number + 1 :]]
        with pytest.raises(mysql.connector.Error):
            slices.write_slice(part, broken, first_night.settings, no_author)
        assert checksums(first_night) == before, step.name
        assert ledger(first_night)[-1][:3] == (table, FIRST, "FAILED"), step.name
    with pytest.raises(mysql.connector.Error):  # the ledger's own row: no such long names
        slices.write_slice(part, script, first_night.settings, kpi_ledger.Author("x" * 300))
    assert checksums(first_night) == before

    written = slices.write_slice(part, script, first_night.settings, no_author)
    assert written.deleted
    assert written.inserted or written.updated
    assert checksums(first_night) != before


# -- 4. One writer per slice


def test_promise_4_one_writer_per_slice(warehouse: Warehouse) -> None:
    """Of four runs at once one writes all rows and three find nothing to do; nobody fails."""
    capture(warehouse, 0)
    written = together(4, lambda: warehouse.facts(FIRST, ["kpi_value"])["kpi_value"])
    [(rows,)] = warehouse.rows("SELECT COUNT(*) FROM kpi_value")
    assert rows
    assert sorted(one.inserted for one in written) == [0, 0, 0, rows]
    assert sorted(one.unchanged for one in written) == [0, rows, rows, rows]
    assert {(one.updated, one.deleted) for one in written} == {(0, 0)}
    assert len(ledger(warehouse)) == 4


def test_promise_4_a_writer_waits_for_a_bounded_time(warehouse: Warehouse) -> None:
    hasty = warehouse.settings.model_copy(update={"lock_wait_seconds": 1})
    script = steps(warehouse.render("facts/kpi_value/day.sql"))
    name = lock_name(warehouse.name, "kpi_value", "D", FIRST)
    assert warehouse.rows("SELECT GET_LOCK(%s, 0)", (name,)) == [(1,)]
    [(holder,)] = warehouse.rows("SELECT CONNECTION_ID()")
    try:
        with pytest.raises(KpiError, match=rf"held by MySQL connection {holder}\).*KPI_LOCK_WAIT"):
            slices.write_slice(
                slices.Slice.daily("kpi_value", FIRST), script, hasty, kpi_ledger.Author()
            )
        other_day = slices.Slice.daily("kpi_value", SECOND)
        slices.write_slice(other_day, script, hasty, kpi_ledger.Author())
    finally:
        warehouse.rows("SELECT RELEASE_LOCK(%s)", (name,))


def together(count: int, work: Callable[[], ledger.Written]) -> list[ledger.Written]:
    """Run `work` in threads that begin at once; return the results, or raise what one raised."""
    begin = threading.Barrier(count)

    def run(_: int) -> ledger.Written:
        begin.wait()
        return work()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


# -- 5. Nothing is dropped silently


def test_promise_5_nothing_is_dropped_silently(warehouse: Warehouse) -> None:
    """Each bad row or field is in kpi_reject with its reason; the run and the ledger count it."""
    warehouse.load_source(school.source(0))
    found = warehouse.capture(FIRST)
    assert found is not None
    rejects = warehouse.rows("SELECT relation, source_key, field, reason FROM kpi_reject")
    assert sorted(rejects) == sorted(school.bad_rows())

    for one in found:
        of_relation = [row for row in rejects if row[0] == one.relation]
        left_out = sum(row[2] == "" for row in of_relation)
        taken = one.new + one.changed + one.reopened + one.unchanged
        assert taken + left_out == len(school.source(0)[one.relation]), one.relation
        assert one.rejected == len(of_relation), one.relation
    counted = dict(warehouse.rows("SELECT table_name, rows_rejected FROM kpi_run"))
    assert counted == {f"kpi_src_{one.relation}": one.rejected for one in found}


def test_promise_5_a_repeated_key_is_an_error_and_no_guess(warehouse: Warehouse) -> None:
    """An adapter must say which of two rows counts; where it does not, nothing is captured."""
    twice = school.source(0)
    twice["realisation"].append(twice["realisation"][0] | {"progress_pct": 1})
    warehouse.load_source(twice)
    with pytest.raises(
        AdapterError,
        match=r"realisation\.sql of adapter .contract. gives 2 rows for the key MODULE:1:1",
    ):
        warehouse.capture(FIRST)
    assert not any(history(warehouse).values())


def test_promise_5_a_reject_stays_as_long_as_it_is_found(warehouse: Warehouse) -> None:
    """Each capture that finds it moves last_seen_at on; the first date stays."""
    capture(warehouse, 0)
    seen = "SELECT COUNT(*), SUM(first_seen_at = %s), SUM(last_seen_at = %s) FROM kpi_reject"
    instant = "2026-02-14 01:30:00"
    assert warehouse.rows(seen, (instant, instant)) == [(5, 5, 5)]
    capture(warehouse, 1)
    assert warehouse.rows(seen, (instant, "2026-02-15 01:30:00")) == [(5, 5, 5)]


# -- 9. The SQL is the product

SCRIPTS = ["capture/capture.sql", "dimensions/dimensions.sql"]
SCRIPTS += [f"facts/{table}/day.sql" for table in FACTS]
CLOCKS = r"\b((NOW|CURDATE|SYSDATE|CONVERT_TZ)\(|CURRENT_(DATE|TIMESTAMP)\b)"
# For ever, since ever, and the ends of the calendar that MySQL reckons with.
SENTINELS = {"9999-12-31", "9998-12-30", "1970-01-01", "1900-01-01", "1000-01-01"}


@pytest.mark.parametrize("path", SCRIPTS)
def test_promise_9_scripts_hold_no_date_but_parameters(warehouse: Warehouse, path: str) -> None:
    script = steps(warehouse.render(path))
    for step in script:
        assert set(re.findall(r"\d{4}-\d\d-\d\d", step.sql)) <= SENTINELS, step.name
        assert not re.search(CLOCKS, step.sql, re.I)
    if path.startswith("facts/"):
        assert any("%(as_of)s" in step.sql for step in script)


def test_promise_9_python_names_no_figure() -> None:
    """No module but the vocabulary and those that show figures knows a column of one, so none can compute one."""
    columns = r"\b(value_num|numerator|denominator|sample_size|p50|p75|p90|state_ordre)\b"
    package = PROJECT / "plugins" / "kpi"
    showing = {package / "ui", package / "alerts"}
    modules = sorted(one for one in package.rglob("*.py") if showing.isdisjoint(one.parents))
    modules.remove(package / "vocabulary.py")
    assert modules
    assert [path.name for path in modules if re.search(columns, path.read_text())] == []
    assert re.search(columns, Path(__file__).read_text()), "the pattern finds what it looks for"


def test_promise_9_the_server_is_sent_the_rendered_sql_and_nothing_more(
    warehouse: Warehouse,
) -> None:
    """All a night writes is written by the scripts' statements, as the server's own log says."""
    warehouse.load_source(school.source(0))
    with statements_of(warehouse, "kpi_etl") as sent:
        warehouse.night(FIRST)
    bound = {
        "day": f"'{FIRST}'",
        "captured_at": "'2026-02-14 01:30:00'",
        "previous": "NULL",
        "source_now": "NULL",  # only later captures compare with it
        "period": "'D'",
        **dict.fromkeys(("date_id", "as_of", "since", "first", "last"), f"'{FIRST}'"),
    }
    rendered = {
        re.sub(r"%\((\w+)\)s", lambda name: bound[name[1]], step.sql)
        for path in SCRIPTS
        for step in steps(warehouse.render(path))
    }
    writes = [one for one in sent if re.match(r"INSERT|UPDATE|DELETE|REPLACE", one)]
    foreign = {
        one
        for one in writes
        # A relation's SELECT is put behind the INSERT into its stage.
        if one not in rendered and one.partition("\n")[2] not in rendered
    }
    assert len(writes) > 40
    # The ledger's own rows, and the day that a capture closes to changes.
    assert {one.split()[2] for one in foreign} == {"kpi_run", "kpi_open_day"}
    # One step reads states, to refuse an adapter without TODO; no figure comes of it.
    judged = {step.sql for step in steps(warehouse.render(SCRIPTS[0])) if "refuse" in step.name}
    reads = {
        one.split("FROM")[0].strip()
        for one in sent
        if one.startswith("SELECT") and one not in judged
    }
    assert not [one for one in reads if re.search(r"progress|score|state_code|microseconds", one)]


@contextmanager
def statements_of(warehouse: Warehouse, account: str) -> Iterator[list[str]]:
    """Collect what one of the warehouse's accounts sends to the server meanwhile."""
    login = warehouse.connections[account]["login"]
    sent: list[str] = []
    warehouse.execute("SET GLOBAL log_output = 'TABLE'")
    warehouse.execute("TRUNCATE mysql.general_log")
    warehouse.execute("SET GLOBAL general_log = ON")
    try:
        yield sent
    finally:
        warehouse.execute("SET GLOBAL general_log = OFF")
        warehouse.execute("SET GLOBAL log_output = 'FILE'")
    sent += [
        text.decode().strip() if isinstance(text, bytes | bytearray) else text.strip()
        for (text,) in warehouse.rows(
            "SELECT argument FROM mysql.general_log WHERE command_type = 'Query' "
            "AND user_host LIKE %s ORDER BY event_time",
            (f"{login}[%",),
        )
    ]
