"""Several writers at once: one waits for the other, deadlocks and lock waits are tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import mysql.connector
import pytest
from kpi.core.ledger import Written
from mysql_accounts import connect

from tests.faults.processes import PROCESSES, Job, Running
from tests.faults.under_fire import SliceUnderFire, change_the_past
from tests.golden import school
from tests.golden.reading import figures, ledger
from tests.warehouse import FACTS, Warehouse

DAYS = [school.day_of(night) for night in range(4)]
# A row of the slice that is to vanish: the last that a writer touches.
VANISHING = (
    "SELECT kpi_percentiles.id FROM kpi_percentiles "
    "INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
    "WHERE scope_type = 'SESSION' ORDER BY kpi_percentiles.id LIMIT 1"
)


@pytest.fixture(scope="module")
def changed_since(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """A day's figures, and a history changed since."""
    warehouse = new_warehouse("contested")
    change_the_past(warehouse)
    return warehouse


@pytest.fixture
def contested(changed_since: Warehouse) -> SliceUnderFire:
    """The smallest of the slices, as it was before the history changed."""
    changed_since.use()
    one = SliceUnderFire.daily(changed_since, "kpi_percentiles")
    one.restore()
    return one


@pytest.fixture
def right_rows(contested: SliceUnderFire) -> tuple[Any, ...]:
    """What the slice holds after an undisturbed run; it is as it was again."""
    contested.write()
    checksum = contested.checksum()
    contested.restore()
    assert contested.checksum() != checksum
    return checksum


@pytest.mark.parametrize("table", FACTS)
def test_two_runs_of_one_slice_at_once(changed_since: Warehouse, table: str) -> None:
    """Both succeed, the rows are right, and the ledger has both; one found nothing left to do."""
    changed_since.use()
    one = SliceUnderFire.daily(changed_since, table)
    one.restore()
    alone = one.write()
    right = one.checksum()
    one.restore()
    gate = PROCESSES.Barrier(2)
    orders = (one.job, backwards(one.job))
    both = [Running(job, gate=gate) for job in orders]
    written = [running.outcome().result for running in both]
    nothing = Written(0, 0, 0, alone.inserted + alone.updated + alone.unchanged)
    assert nothing in written
    assert alone in written
    assert one.checksum() == right
    assert [row[:3] for row in ledger(changed_since)] == [(table, DAYS[0], "DONE")] * 2


def backwards(job: Job) -> Job:
    """The same job, but it writes its rows in the other order."""
    order = "\nORDER BY fresh.scope_id DESC, fresh.target_id DESC"
    script = [
        replace(step, sql=f"{step.sql}{order}") if step.does == "insert" else step
        for step in job.script
    ]
    assert script != job.script
    return Job(job.connections, job.settings, script, job.part)


def test_one_waits_for_the_other(contested: SliceUnderFire, right_rows: tuple[Any, ...]) -> None:
    """While one run is held up in its transaction, the other waits for the slice's lock."""
    with holding(contested.warehouse, VANISHING) as release:
        first = Running(contested.job)
        wait_for(contested.warehouse, "SELECT COUNT(*) FROM performance_schema.data_lock_waits")
        second = Running(contested.job)
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"
        wait_for(contested.warehouse, waiting)
        assert ledger(contested.warehouse) == [], "neither has come through"
        release()
        written = first.outcome().result, second.outcome().result
    assert contested.checksum() == right_rows
    assert written[0].deleted
    assert written[1] == Written(0, 0, 0, right_rows[0])
    runs = contested.warehouse.rows(
        "SELECT state, rows_deleted, started_at, finished_at FROM kpi_run "
        "WHERE period IS NOT NULL ORDER BY id"
    )
    assert [row[:2] for row in runs] == [("DONE", written[0].deleted), ("DONE", 0)]
    assert runs[1][2] < runs[0][3] < runs[1][3], "the second began before the first had ended"


def test_runs_over_many_slices_in_opposite_orders(warehouse: Warehouse) -> None:
    """As a nightly run and a backfill may: no deadlock, no lost or double rows."""
    for night, day in enumerate(DAYS):
        warehouse.load_source(school.source(night))
        warehouse.capture(day)
    warehouse.dimensions()
    parts = [(day, table) for day in DAYS for table in FACTS]

    def write(order: int) -> None:
        for day, table in parts[::order]:
            warehouse.facts(day, [table])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, (1, -1, 1, -1)))
    found = [figures(warehouse, day) for day in DAYS]
    assert all(rows for of_day in found for rows in of_day.values())
    runs = ledger(warehouse)
    assert len(runs) == 4 * len(parts)
    assert {row[2] for row in runs} == {"DONE"}
    for day, table in parts:
        inserted = [row[3] for row in runs if row[:2] == (table, day)]
        assert sorted(inserted) == [0, 0, 0, len(found[DAYS.index(day)][table])]
    for table in FACTS:
        warehouse.execute(f"DELETE FROM {table}")
    for day, table in parts:
        warehouse.facts(day, [table])
    assert [figures(warehouse, day) for day in DAYS] == found, (
        "as one writer alone would write them"
    )


# -- MySQL refuses, for the moment


@pytest.fixture
def impatient(contested: SliceUnderFire) -> Iterator[SliceUnderFire]:
    """MySQL gives up waiting for a row after one second instead of fifty."""
    contested.warehouse.execute("SET GLOBAL innodb_lock_wait_timeout = 1")
    yield contested
    contested.warehouse.execute("SET GLOBAL innodb_lock_wait_timeout = 50")


def test_a_lock_wait_is_tried_again(
    impatient: SliceUnderFire, right_rows: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with holding(impatient.warehouse, VANISHING) as release, background(impatient.write) as work:
        wait_until(lambda: "Lock wait timeout" in caplog.text)
        release()
        written = work.result()
    assert "Attempt 1 of 5 failed, trying again: 1205" in caplog.text
    assert written.deleted
    assert impatient.checksum() == right_rows
    assert [row[2] for row in ledger(impatient.warehouse)] == ["DONE"]


def test_after_the_last_attempt_the_slice_is_as_it_was(impatient: SliceUnderFire) -> None:
    before = impatient.checksum()
    with (
        holding(impatient.warehouse, VANISHING),
        pytest.raises(mysql.connector.Error, match="Lock wait timeout"),
    ):
        impatient.write(write_attempts=2)
    assert impatient.checksum() == before
    assert [row[2] for row in ledger(impatient.warehouse)] == ["FAILED"]


def test_a_deadlock_is_tried_again(
    contested: SliceUnderFire, right_rows: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """Another session holds a row that the writer wants, then wants one that the writer holds."""
    [(changing,)] = contested.warehouse.rows(
        "SELECT MIN(kpi_percentiles.id) FROM kpi_percentiles "
        "INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
        "WHERE scope_type = 'GLOBAL' AND measure_code = 'DELAI_ACQUIS_MICRO'"
    )
    with (
        holding(contested.warehouse, VANISHING) as release,
        background(contested.write) as work,
    ):
        wait_for(contested.warehouse, "SELECT COUNT(*) FROM performance_schema.data_lock_waits")
        # The server ends the lighter of the two transactions: this one is made the heavier.
        release.session.cursor().execute("UPDATE was_kpi_state_count SET count = count + 1")
        release.session.cursor().execute(
            f"UPDATE kpi_percentiles SET p50 = 0 WHERE id = {changing}"
        )
        release()
        written = work.result()
    assert "Attempt 1 of 5 failed, trying again: 1213" in caplog.text
    assert written.updated
    assert contested.checksum() == right_rows
    assert [row[2] for row in ledger(contested.warehouse)] == ["DONE"]


class Release:
    """Lets go of the rows that a session holds."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def __call__(self) -> None:
        self.session.rollback()


@contextmanager
def holding(warehouse: Warehouse, rows: str) -> Iterator[Release]:
    """Lock the rows of a query in another session; yields what lets go of them."""
    with connect(warehouse.root_uri) as session:
        session.database = warehouse.name
        session.autocommit = False
        with session.cursor() as cursor:
            cursor.execute(f"SELECT id FROM kpi_percentiles WHERE id = ({rows}) FOR UPDATE")
            assert cursor.fetchall()
        release = Release(session)
        yield release
        release()


@contextmanager
def background(work: Callable[[], Written]) -> Iterator[Any]:
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(work)


def wait_for(warehouse: Warehouse, count: str) -> None:
    """Wait until a query that counts something counts one at least."""
    wait_until(lambda: warehouse.rows(count)[0][0] > 0)


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        threading.Event().wait(0.02)
