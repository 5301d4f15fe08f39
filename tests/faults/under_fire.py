"""A slice with rows to add, change and delete, to be disturbed and brought back to how it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kpi import ledger, slices
from kpi.slices import Slice, Written
from kpi.templates import Step, steps
from mysql_accounts import connect_as

from tests.faults.processes import Job
from tests.golden import school
from tests.warehouse import FACTS, Warehouse

DAY = school.day_of(0)
COLUMNS = {
    "kpi_value": "metric_id, value_num, numerator, denominator, sample_size",
    "kpi_state_count": "domain, state_code, state_ordre, count",
    "kpi_percentiles": "measure_code, p50, p75, p90, sample_size",
}
CHANGES = (
    "DELETE FROM kpi_src_membership WHERE scope_type = 'SESSION'",
    "UPDATE kpi_src_membership SET scope_ref_id = 2 WHERE scope_type = 'GROUPE' AND learner_id = 4",
    "UPDATE kpi_src_realisation SET progress_pct = 77 WHERE progress_pct > 0",
    "UPDATE kpi_src_realisation SET state_code = 'PAUSED' WHERE state_code = 'IN_PROGRESS'",
    "UPDATE kpi_src_realisation SET started_at = started_at - INTERVAL 1 DAY",
    "UPDATE kpi_src_feedback SET feedback_at = feedback_at + INTERVAL 1 HOUR",
)


def change_the_past(warehouse: Warehouse) -> None:
    """Compute the school's first day, keep a copy of its facts (was_*), then change the history."""
    warehouse.load_source(school.source(0))
    warehouse.night(DAY)
    for table in FACTS:
        warehouse.execute(f"CREATE TABLE was_{table} AS SELECT * FROM {table}")
    for change in CHANGES:
        warehouse.execute(change)


@dataclass
class SliceUnderFire:
    """One of that day's slices: computed again, it changes."""

    warehouse: Warehouse
    table: str

    @property
    def part(self) -> Slice:
        return Slice.daily(self.table, DAY)

    @cached_property
    def script(self) -> list[Step]:
        return steps(self.warehouse.render(f"facts/{self.table}/slice.sql"))

    @property
    def job(self) -> Job:
        """The slice's task, for a process of its own."""
        return Job(self.warehouse.connections, self.warehouse.settings, self.script, self.part)

    def write(self, **changes: object) -> Written:
        """Do the task here, with changed settings if told."""
        chosen = self.warehouse.settings.model_copy(update=changes)
        return slices.write_slice(self.part, self.script, chosen, ledger.Author())

    def restore(self) -> None:
        """Bring back the old rows, ids included, in one transaction; empty the ledger of facts."""
        with connect_as(self.warehouse.connections["kpi_admin"]) as admin:
            admin.start_transaction()
            with admin.cursor() as cursor:
                cursor.execute(f"DELETE FROM {self.table}")
                cursor.execute(f"INSERT INTO {self.table} SELECT * FROM was_{self.table}")
                cursor.execute("DELETE FROM kpi_run WHERE period IS NOT NULL")
            admin.commit()

    @property
    def checksum_sql(self) -> str:
        """One SELECT that tells the slice's content."""
        return (
            "SELECT COUNT(*), BIT_XOR(CRC32(CONCAT_WS('#', date_id, period, scope_id, target_id, "
            f"{COLUMNS[self.table]}))) FROM {self.table}"
        )

    def checksum(self) -> tuple[Any, ...]:
        return self.warehouse.rows(self.checksum_sql)[0]


@contextmanager
def reading(warehouse: Warehouse, sql: str) -> Iterator[list[tuple[Any, ...]]]:
    """Read again and again as kpi_read meanwhile; yields all that was seen, in order."""
    seen: list[tuple[Any, ...]] = []
    over = threading.Event()

    def read() -> None:
        with connect_as(warehouse.connections["kpi_read"]) as reader, reader.cursor() as cursor:
            while not over.wait(0.005):
                cursor.execute(sql)
                seen.append(cursor.fetchone())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
