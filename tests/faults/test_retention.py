"""Retention killed, its server killed, without room, and with writers at work: no row is lost, a retry ends right."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from kpi.core.connections import ADMIN, Session, session
from kpi.core.errors import ConnectionProblem
from kpi.core.ledger import Author
from kpi.core.settings import Settings
from kpi.figures.slices import Slice
from kpi.upkeep.partitions.layouts import PartitionError, Storage
from kpi.upkeep.retention import reading, run
from kpi.upkeep.retention.planner import Decision
from kpi.upkeep.retention.removal import Work, remove
from kpi.upkeep.retention.undo import RetentionError
from mysql_server import PrivateServer

from tests.faults import processes
from tests.faults.power_cuts import mortal_server
from tests.faults.processes import Job, Running, statements_of
from tests.sql import old_facts
from tests.sql.old_facts import (
    FEBRUARY,
    FIRST,
    SHORT,
    TODAY,
    restored,
    retained,
    stored,
    undo_tables,
    with_settings,
    without_days,
)
from tests.sql.schemas import FACTS, bare_databases, cramped_server, fill
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

KILLED = -9
ROUNDS = 8
LAST = date(2026, 2, 28)


@pytest.fixture(scope="module", params=["partitioned", "foreign_keys"])
def computed(new_warehouse: Callable[..., Warehouse], request: pytest.FixtureRequest) -> Warehouse:
    return old_facts.make(new_warehouse, f"hit_{request.param}"[:12], storage=request.param)


@pytest.fixture
def old(computed: Warehouse) -> Iterator[Warehouse]:
    computed.use()
    usual = computed.settings
    with_settings(computed, retention_chunk_rows=100)
    yield computed
    computed.settings = usual
    bring_back(computed)


def bring_back(made: Warehouse) -> None:
    for (month,) in made.rows("SELECT DISTINCT month_first FROM kpi_undo WHERE state = 'KEPT'"):
        restored(made, f"{month:%Y-%m}", over=True)
    made.execute("DELETE FROM kpi_hold")


@dataclass(frozen=True)
class RetentionJob:
    """Retention, for a process of its own that may die."""

    connections: dict[str, dict[str, Any]]
    settings: Settings

    def do(self) -> object:
        for conn_id, values in self.connections.items():
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(values)
        run.retain(TODAY, self.settings, Author(), dry_run=False, patience=SHORT)
        return None


# -- killed


def test_killed_before_any_kind_of_statement_a_retry_ends_right(old: Warehouse) -> None:
    """One table's month, so that its statements are few; kpi_percentiles is the first in order."""
    with_settings(old, retention_partitions_per_run=1)
    before = stored(old)
    all_rows, done_before = set(old.rows("SELECT * FROM kpi_percentiles")), done(old)
    sent = statements_of(lambda: retained(old))
    after = stored(old)
    assert after["kpi_percentiles"] == without_days(before, "2026-02")["kpi_percentiles"]
    bring_back(old)
    for number in points_to_die_at(sent):
        outcome = processes.run(RetentionJob(old.connections, old.settings), dies_at=number)  # type: ignore[arg-type]
        assert outcome.exit_code == KILLED, sent[number - 1]
        there = stored(old)
        if old.settings.storage == "partitioned":
            assert there in (before, after), sent[number - 1]
        gone = all_rows - set(old.rows("SELECT * FROM kpi_percentiles"))
        kept = {row for name in undo_tables(old) for row in old.rows(f"SELECT * FROM {name}")}
        assert gone <= kept, sent[number - 1]
        assert not gone or done(old) < done_before, "days that are gone do not count as done"
        if there != after:
            retained(old)
        else:
            retained(old, dry_run=False) if unsettled(old) else None
        found = stored(old)
        assert found["kpi_percentiles"] == after["kpi_percentiles"], sent[number - 1]
        assert unsettled(old) == 0
        bring_back(old)
        assert stored(old) == before, sent[number - 1]
        assert done(old) == done_before


def unsettled(made: Warehouse) -> int:
    [(count,)] = made.rows(
        "SELECT COUNT(*) FROM kpi_undo WHERE state IN ('COPYING', 'EXCHANGING', 'DELETING')"
    )
    return int(count)


def done(made: Warehouse) -> set[tuple[str, date]]:
    """The days of February that count as computed."""
    return set(
        made.rows(
            "SELECT DISTINCT table_name, date_to FROM kpi_run WHERE state = 'DONE' AND period = 'D'"
            " AND date_to <= %s",
            (LAST,),
        )
    )


def points_to_die_at(sent: list[str]) -> list[int]:
    """The first statement of each kind that changes something, and the one after it."""
    first: dict[str, int] = {}
    for number, text in enumerate(sent, start=1):
        kind = (
            " ".join(text.split()[:5]) if text.startswith("ALTER") else " ".join(text.split()[:3])
        )
        if not re.match(r"SELECT|SET|EXPLAIN", text):
            first.setdefault(kind, number)
    # A commit follows most of them; the last of all is the one after which the undo table counts.
    last = max(number for number, text in enumerate(sent, start=1) if text == "COMMIT")
    return sorted({*first.values(), *(number + 1 for number in first.values()), last})


def test_the_server_killed_in_the_middle_of_an_exchange(
    contract_settings: Settings, tmp_path: Path
) -> None:
    """It starts again with the month as before or as after, and a retry ends right."""
    with (
        mortal_server(tmp_path) as server,
        bare_databases(server.root_uri, contract_settings) as bare,
    ):
        made = bare("power_cut")
        made.create_contract_source()
        made.bootstrap(date(2025, 8, 1), date(2027, 1, 31))
        old_facts.compute(made)
        before = stored(made)
        after = without_days(before, "2026-02")
        for delay in (0.0, 0.01, 0.03, 0.06):
            with kills_at_exchange(made, server, delay), contextlib.suppress(Exception):
                retained(made)
            server.start()
            there = stored(made)
            for table in FACTS:
                assert there[table] in (before[table], after[table]), (delay, table)
            retained(made)
            assert stored(made) == after, delay
            for name in undo_tables(made):
                assert made.rows(f"CHECK TABLE {name}")[0][3] == "OK"
            for table in FACTS:
                assert made.rows(f"CHECK TABLE {table}")[0][3] == "OK"
            bring_back(made)
            assert stored(made) == before, delay


@contextlib.contextmanager
def kills_at_exchange(made: Warehouse, server: PrivateServer, delay: float) -> Iterator[None]:
    """Kill the server some time after an exchange was sent, another one each time."""
    at = random.Random(str(delay)).randrange(3)
    usual = Session.run
    seen: list[threading.Thread] = []

    def strike() -> None:
        time.sleep(delay)
        server.kill()

    def watched(self: Session, sql: str, *arguments: Any) -> int:
        if "EXCHANGE PARTITION" in sql:
            seen.append(threading.Thread(target=strike))
            if len(seen) == at + 1:
                seen[-1].start()
        return usual(self, sql, *arguments)

    Session.run = watched  # type: ignore[method-assign]
    try:
        yield
    finally:
        Session.run = usual  # type: ignore[method-assign]
        if len(seen) > at:
            seen[at].join()
        assert not server.is_running()


# -- with writers


def test_what_a_backfill_writes_meanwhile_is_not_lost(old: Warehouse) -> None:
    """Both at once, many times: what the backfill wrote is in the table, or in the undo table."""
    chance = random.Random(7)
    keys = "date_id, scope_id, target_id, metric_id, value_num, sample_size"
    expected = february(old, keys, "kpi_value")
    living = stored(old, "period <> 'D'")
    scripts = {
        "D": old.script("facts/kpi_value/range.sql"),
        "W": old.script("facts/kpi_value/closing.sql"),
    }
    exchanged = kept = 0
    for number in range(ROUNDS):
        begin = FIRST.replace(day=chance.randint(FIRST.day, 26))
        old.execute(
            "DELETE FROM kpi_value WHERE period = 'D' AND date_id = %s AND MOD(id, 2) = 0", (begin,)
        )
        part = Slice.days("kpi_value", begin, begin.replace(day=begin.day + 2))
        week = Slice("kpi_value", "W", date(2026, 3, 2), date(2026, 3, 8), (date(2026, 3, 8),))
        writers: list[Running] = []

        def start(part: Slice = part, week: Slice = week, writers: list[Running] = writers) -> None:
            for each in (part, week):
                writers.append(
                    Running(Job(old.connections, old.settings, scripts[str(each.period)], each))
                )

        if number % 2:  # retention is ahead: they come while it copies
            with at_statement("CREATE TABLE kpi_undo_kpi_value", start):
                decided = retained(old)
        else:
            start()
            time.sleep(number * 0.1)
            decided = retained(old)
        for writer in writers:
            assert writer.outcome().exit_code == 0
        removed = decided["kpi_value", "2026-02"].action == "rewrite" if decided else False
        exchanged, kept = exchanged + removed, kept + (not removed)
        there = february(old, keys, "kpi_value")
        aside = {
            row
            for name in undo_tables(old)
            if "kpi_value" in name
            for row in february(old, keys, name)
        }
        lost = expected - there - aside
        assert not [row for row in lost if part.first <= row[0] <= part.last], "written and lost"
        assert {row[0] for row in lost} <= {begin}
        assert {day for table, day in done(old) if table == "kpi_value"} == {
            row[0] for row in there
        }
        assert stored(old, "period <> 'D'") == living
        bring_back(old)
        old.fact_range(begin, begin)
        old.rollup(FIRST, LAST)
        assert february(old, keys, "kpi_value") == expected
    assert exchanged >= ROUNDS // 2, "each was first several times"
    assert kept > 0


def february(made: Warehouse, columns: str, table: str) -> set[tuple[Any, ...]]:
    return set(
        made.rows(
            f"SELECT {columns} FROM {table} WHERE period = 'D' AND date_id >= %s AND date_id <= %s",
            (FEBRUARY, LAST),
        )
    )


@contextlib.contextmanager
def at_statement(begins: str, act: Callable[[], object]) -> Iterator[None]:
    """Act once, before the first statement of this process that begins so."""
    usual = Session.run
    struck: list[bool] = []

    def watched(self: Session, sql: str, *arguments: Any) -> int:
        if sql.startswith(begins) and not struck:
            struck.append(True)
            act()
        return usual(self, sql, *arguments)

    Session.run = watched  # type: ignore[method-assign]
    try:
        yield
    finally:
        Session.run = usual  # type: ignore[method-assign]
        assert struck


def test_a_server_that_becomes_read_only_on_the_way(old: Warehouse) -> None:
    before, done_before = stored(old), done(old)
    of_mode = {"partitioned": "ALTER TABLE kpi_percentiles EXCHANGE", "foreign_keys": "DELETE"}
    try:
        with (
            at_statement(
                of_mode[old.settings.storage], lambda: old.execute("SET GLOBAL read_only = ON")
            ),
            pytest.raises(ConnectionProblem, match="is read-only"),
        ):
            retained(old)
    finally:
        old.execute("SET GLOBAL read_only = OFF")
    assert stored(old) == before
    retained(old)
    assert stored(old) == without_days(before, "2026-02")
    bring_back(old)
    assert (stored(old), done(old)) == (before, done_before)


# In the other mode nothing is exchanged: it deletes only what it has copied.
@pytest.mark.parametrize("computed", ["partitioned"], indirect=True)
def test_a_writer_without_locks_is_found_and_the_exchange_taken_back(old: Warehouse) -> None:
    before = stored(old)
    written = "kpi_value WHERE period = 'W' AND date_id = '2026-02-22'"
    [was, *_] = old.rows(f"SELECT id, numerator FROM {written} ORDER BY id")
    strike = f"UPDATE {written.replace('WHERE', 'SET numerator = 77 WHERE')} ORDER BY id LIMIT 1"
    with (
        at_statement("ALTER TABLE kpi_value EXCHANGE", lambda: old.execute(strike)),
        pytest.raises(RetentionError, match="it was exchanged back"),
    ):
        retained(old)
    assert {table for table, _ in done(old)} == {"kpi_value"}
    assert old.rows(f"SELECT id FROM {written} AND numerator = 77") == [was[:1]]
    old.execute("UPDATE kpi_value SET numerator = %s WHERE id = %s", was[::-1])
    assert stored(old)["kpi_value"] == before["kpi_value"], "all else is as it was"


# -- without room


# What is copied: with partitions the rows that stay, without them those that go.
@pytest.mark.parametrize(("storage", "many"), [("partitioned", "W"), ("foreign_keys", "D")])
def test_without_room_nothing_is_removed(
    contract_settings: Settings, tmp_path: Path, storage: Storage, many: str
) -> None:
    few = "D" if many == "W" else "W"
    with (
        cramped_server(tmp_path) as server,
        bare_databases(server.root_uri, contract_settings) as bare,
    ):
        made = bare("full", storage=storage).bootstrap(date(2026, 2, 1), date(2026, 3, 31))
        made.execute("INSERT INTO kpi_scope (scope_type) VALUES ('GLOBAL')")
        made.execute("INSERT INTO kpi_target (target_type) VALUES ('GLOBAL')")
        fill(made, many, 40_000, "2026-02-15")
        fill(made, few, 10, "2026-02-15")
        before = made.rows("CHECKSUM TABLE kpi_state_count")
        partition = "p202602" if storage == "partitioned" else None
        counts = (10, 40_000) if few == "D" else (40_000, 10)
        decision = Decision("rewrite", "kpi_state_count", FEBRUARY, partition, ("D",), *counts)
        made.execute("SET GLOBAL innodb_file_per_table = OFF")
        with session(ADMIN) as admin:
            now = datetime.now(UTC).replace(tzinfo=None)
            work = Work(admin, made.settings, Author(), SHORT, now)
            with pytest.raises(PartitionError, match="no room left"):
                remove(work, decision)
            assert made.rows("CHECKSUM TABLE kpi_state_count") == before
            assert undo_tables(made) == []
            made.execute("SET GLOBAL innodb_file_per_table = ON")
            remove(work, decision)
            left = {one.table: one.rows for one in reading.month_rows(admin, storage) if one.rows}
            assert left == {"kpi_state_count": {"W": counts[1]}}
