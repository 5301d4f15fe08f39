"""A task killed before any of its statements: readers never see a mix, and a retry ends right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from kpi.core.ledger import Written
from kpi.core.steps import steps

from tests.faults import processes
from tests.faults.processes import Job, before_each_statement, shortest_first
from tests.faults.under_fire import SliceUnderFire, change_the_past, reading
from tests.golden import school
from tests.golden.reading import ledger
from tests.warehouse import FACTS, Warehouse

KILLED = -9
EACH = 4  # of a capture, die before each so-many-th statement
FIRST, SECOND = school.day_of(0), school.day_of(1)
# Of each table that a capture writes, what a reader looks at.
CAPTURED = {
    "kpi_reject": "relation, source_key, field, reason, detail, first_seen_at, last_seen_at",
    "kpi_src_scope": "scope_type, ref_id, label",
    "kpi_src_target": "target_type, ref_id, label, parent_type, parent_ref_id",
    "kpi_src_feedback": "kind, submission_id, learner_id, target_type, target_ref_id, feedback_at, captured_at",
    "kpi_src_plan": "valid_to, scope_ref_id, ua_ref_id, valid_from, due_on",
    "kpi_src_membership": "valid_to, scope_type, scope_ref_id, learner_id, valid_from, origin",
    "kpi_src_realisation": "valid_to, domain, ref_id, learner_id, valid_from, state_code, origin, "
    "IFNULL(progress_pct, '-'), IFNULL(started_at, '-'), IFNULL(finished_at, '-'), last_seen_at",
}
HISTORY_CHECKSUM = "SELECT " + ", ".join(
    f"(SELECT CONCAT(COUNT(*), ':', BIT_XOR(CRC32(CONCAT_WS('#', {columns})))) FROM {table})"
    for table, columns in CAPTURED.items()
)


@pytest.fixture(scope="module")
def changed_since(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """A day's figures, and a history changed since."""
    warehouse = new_warehouse("killed")
    change_the_past(warehouse)
    return warehouse


@pytest.fixture(params=shortest_first(FACTS, "kpi_percentiles"))
def under_fire(changed_since: Warehouse, request: pytest.FixtureRequest) -> SliceUnderFire:
    changed_since.use()
    return SliceUnderFire.daily(changed_since, request.param)


def test_killed_at_each_statement_of_a_slice(under_fire: SliceUnderFire) -> None:
    under_fire.restore()
    old = under_fire.checksum()
    undisturbed = processes.run(under_fire.job)
    new = under_fire.checksum()
    written = undisturbed.result
    assert written.inserted + written.updated > 0 < written.deleted
    assert new != old

    committed = []
    with reading(under_fire.warehouse, under_fire.checksum_sql) as seen:
        for number in range(1, undisturbed.statements + 1):
            under_fire.restore()
            assert processes.run(under_fire.job, dies_at=number).exit_code == KILLED
            committed.append(under_fire.checksum() == new)
            assert committed[-1] or under_fire.checksum() == old, number
            retry = under_fire.write()
            assert under_fire.checksum() == new, number
            assert retry == (Written(0, 0, 0, new[0]) if committed[-1] else written), number
            runs = [row[2] for row in ledger(under_fire.warehouse)]
            assert runs == ["DONE"] * (1 + committed[-1]), (
                "a run killed before its end left no trace"
            )
    # All that is left to do after the commit is to give the lock back.
    assert committed == [False] * (undisturbed.statements - 1) + [True]
    assert set(seen) == {old, new}, "old rows or new, never a mix"
    assert len(seen) > undisturbed.statements


@pytest.mark.long
def test_killed_at_the_statements_of_a_capture(warehouse: Warehouse) -> None:
    """Each retry dies some statements later than the one before; in the end all is as undisturbed."""
    job = Job(
        warehouse.connections,
        warehouse.settings,
        steps(warehouse.render("capture/capture.sql")),
        night=(SECOND, datetime(2026, 2, 15, 1, 30)),
    )
    before = second_night_to_come(warehouse)
    statements = processes.run(job).statements
    after = warehouse.rows(HISTORY_CHECKSUM)[0]
    assert statements > 60

    assert second_night_to_come(warehouse) == before
    # The commit, and then only the lock to give back, are the last two.
    points = [*range(1, statements - 1, EACH), statements - 1, statements]
    with reading(warehouse, HISTORY_CHECKSUM) as seen:
        for number in points:
            assert processes.run(job, dies_at=number).exit_code == KILLED
            done = warehouse.rows(HISTORY_CHECKSUM)[0]
            assert done == (after if number == statements else before), number
    assert set(seen) == {before, after}
    [(runs,)] = warehouse.rows("SELECT COUNT(*) FROM kpi_run WHERE date_to = %s", (SECOND,))
    assert runs == 6, "one ledger row a relation, from the run that committed"

    again = warehouse.capture(SECOND) or []
    assert {(one.new, one.changed, one.closed, one.reopened) for one in again} == {(0, 0, 0, 0)}
    assert warehouse.rows(HISTORY_CHECKSUM)[0] == after, "a retry finds nothing left to do"


def second_night_to_come(warehouse: Warehouse) -> tuple[str, ...]:
    """Begin anew with the first night; return the history's checksums."""
    warehouse.empty()
    warehouse.load_source(school.source(0))
    warehouse.capture(FIRST)
    warehouse.load_source(school.source(1))
    return warehouse.rows(HISTORY_CHECKSUM)[0]


# -- the server loses the connection, not the task its life


def test_connection_killed_at_each_statement(changed_since: Warehouse) -> None:
    """The retry inside write_slice begins anew on a new connection, and succeeds."""
    changed_since.use()
    under_fire = SliceUnderFire.daily(changed_since, "kpi_percentiles")
    under_fire.restore()
    undisturbed = processes.run(under_fire.job)
    new = under_fire.checksum()

    # The last statement gives the lock back, which a lost connection has done already.
    for number in range(1, undisturbed.statements):
        under_fire.restore()
        killed: list[int] = []
        with before_each_statement(killer(changed_since, number, killed)):
            written = under_fire.write()
        assert len(killed) == 1, number
        assert written == undisturbed.result
        assert under_fire.checksum() == new, number
        assert [row[2] for row in ledger(changed_since)] == ["DONE"]


def killer(warehouse: Warehouse, at: int, killed: list[int]) -> Callable[[int], None]:
    """Return what kills kpi_etl's connection, once, before a statement; it adds to `killed`."""
    login = warehouse.connections["kpi_etl"]["login"]

    def kill(number: int) -> None:
        if number == at:
            of_etl = "SELECT id FROM information_schema.processlist WHERE user = %s"
            for (connection_id,) in warehouse.rows(of_etl, (login,)):
                warehouse.execute(f"KILL CONNECTION {connection_id}")
                killed.append(connection_id)

    return kill
