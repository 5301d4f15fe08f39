"""A refresh during the day killed at its statements: the next ends as if nothing had been, each change counted once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from kpi.core import ledger
from kpi.core.settings import Settings
from kpi.core.steps import Step
from kpi.incremental import refresh

from tests.faults import processes
from tests.faults.processes import statements_of
from tests.golden import school
from tests.golden.reading import COMPUTED, Rows, checksums, contents
from tests.sql.test_property_incremental import changed_learners, written
from tests.warehouse import HISTORY, Warehouse

pytestmark = pytest.mark.long

KILLED = -9
YESTERDAY, TODAY = school.day_of(0), school.day_of(1)
NIGHT, MORNING = datetime(2026, 2, 14, 1, 30), datetime(2026, 2, 14, 9)
EACH = 25  # die before each so-many-th statement
TABLES = (*HISTORY, "kpi_src_learner", "kpi_scope", "kpi_reject", *COMPUTED, "kpi_day_sum")


@dataclass(frozen=True)
class Refresh:
    """A run of kpi_incremental, for a process of its own; with `left` only what that batch left to compute."""

    connections: Mapping[str, dict[str, Any]]
    settings: Settings
    scripts: refresh.Scripts
    whole: Mapping[str, Sequence[Step]]
    at: datetime
    left: refresh.Refreshed | None = None

    @classmethod
    def of(cls, warehouse: Warehouse, at: datetime = MORNING) -> Refresh:
        return cls(
            *(warehouse.connections, warehouse.settings, warehouse.refresh_scripts()),
            *({path: warehouse.script(path) for path in refresh.WHOLE}, at),
        )

    def do(self) -> int:
        """Return how many batches were done."""
        for conn_id, values in self.connections.items():
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(values)
        if self.left is not None:
            self._complete(self.left)
            return 0
        batches = 0
        by = ledger.Author()
        while done := refresh.refresh_next("", lambda: self.at, self.scripts, self.settings, by):
            batches += 1
            if done.unfinished:
                self._complete(done)
        return batches

    def _complete(self, done: refresh.Refreshed) -> None:
        refresh.complete(done, TODAY, self.whole, self.settings, ledger.Author())


@pytest.fixture(scope="module")
def module_warehouse(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """So few changes in a batch that there are two."""
    made = new_warehouse("killed_refresh", incremental_changes=6)
    made.keeps_scripts = True
    return made


def open_day(warehouse: Warehouse) -> None:
    """The small school after a night, with the day after it open, and nothing on the list."""
    warehouse.empty()
    warehouse.load_source(school.source(0))
    warehouse.night(YESTERDAY, NIGHT)
    warehouse.rollup(YESTERDAY)
    assert warehouse.open_day(TODAY)


def everybody_works(warehouse: Warehouse) -> None:
    """What differs from one night to the next, at once; a learner changes group."""
    warehouse.load_source(school.source(1))
    warehouse.changed(*sorted(changed_learners(school.source(0), school.source(1))))


def state(warehouse: Warehouse) -> dict[str, Rows]:
    """All that a refresh writes, without ids and instants of writing, with the ledger and the list of changes."""
    return {
        **contents(warehouse, TABLES),
        "kpi_run": warehouse.rows(
            "SELECT table_name, period, date_to, state, scopes, rows_inserted, rows_updated, rows_deleted "
            "FROM kpi_run ORDER BY 1, 2, 3, 4, 5, 6, 7, 8"
        ),
        "kpi_change": warehouse.rows(
            "SELECT learner_id, done_at IS NULL FROM kpi_change ORDER BY 1, 2"
        ),
        "kpi_open_day": warehouse.rows("SELECT date_id, is_finished FROM kpi_open_day"),
    }


def test_killed_at_its_statements(warehouse: Warehouse) -> None:
    """A batch that died before its commit left nothing; one that died after it is not done again."""
    open_day(warehouse)
    everybody_works(warehouse)
    sent = statements_of(Refresh.of(warehouse).do)
    new = state(warehouse)
    assert written(warehouse, TODAY) == {}

    open_day(warehouse)
    everybody_works(warehouse)
    job = Refresh.of(warehouse)
    before = checksums(warehouse, TABLES)
    claimed, first_batch = [n for n, text in enumerate(sent, start=1) if text == "COMMIT"][:2]
    for number in sorted({*range(1, first_batch, EACH), claimed, claimed + 1, first_batch}):
        assert processes.run(job, dies_at=number).exit_code == KILLED
        assert checksums(warehouse, TABLES) == before, sent[number - 1]
        assert not done(warehouse)

    assert processes.run(job, dies_at=first_batch + 1).exit_code == KILLED
    assert done(warehouse) == job.settings.incremental_changes
    assert checksums(warehouse, TABLES) != before
    assert processes.run(job).result == 1, "the second batch is left"
    assert state(warehouse) == new


def done(warehouse: Warehouse) -> int:
    return int(warehouse.rows("SELECT COUNT(done_at) FROM kpi_change")[0][0])


def test_killed_while_it_computes_what_a_change_cannot_add_to(warehouse: Warehouse) -> None:
    """The day stays closed, whenever that is, and changes wait, until it is opened anew."""
    warehouse.settings = warehouse.settings.model_copy(update={"incremental_changes": 100})
    open_day(warehouse)
    job = group_dissolved(warehouse)
    job.do()
    new = contents(warehouse, TABLES)
    sent = len(statements_of(job.do))  # a few less than the first time

    open_day(warehouse)
    job = group_dissolved(warehouse)
    warehouse.changed(4)
    for number in (*range(1, sent, sent // 8), sent - 1, sent):
        assert processes.run(job, dies_at=number).exit_code == KILLED
        with pytest.raises(refresh.NotOpen):
            warehouse.refresh(MORNING + timedelta(minutes=1))

    assert warehouse.open_day(TODAY)
    assert contents(warehouse, TABLES) == new
    (again,) = warehouse.refresh(MORNING)
    assert again.batch.learners == (4,)
    assert contents(warehouse, TABLES) == new


def group_dissolved(warehouse: Warehouse) -> Refresh:
    """Add up that a group has no members any more; return what is left: its week is then told as of yesterday."""
    members = warehouse.source(
        "SELECT learner_id FROM membership WHERE scope_type = 'GROUPE' AND scope_ref_id = 1 AND learner_id < 99"
    )
    warehouse.source("DELETE FROM membership WHERE scope_type = 'GROUPE' AND scope_ref_id = 1")
    warehouse.changed(*(learner for (learner,) in members))
    job = Refresh.of(warehouse)
    left = refresh.refresh_next("", lambda: job.at, job.scripts, job.settings, ledger.Author())
    assert left is not None
    assert left.begun_or_ended
    return replace(job, left=left)
