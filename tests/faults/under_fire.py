"""A slice with rows to add, change and delete, to be disturbed and brought back to how it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from kpi.core import ledger
from kpi.core.ledger import Written
from kpi.core.steps import Step, steps
from kpi.figures import slices
from kpi.figures.slices import Slice
from mysql_accounts import connect_as

from tests.faults.processes import Job
from tests.golden import school
from tests.warehouse import Warehouse

DAY = school.day_of(0)
COLUMNS = {
    "kpi_value": "date_id, period, metric_id, value_num, numerator, denominator, sample_size, "
    "CAST(extra_json AS CHAR)",
    "kpi_state_count": "date_id, period, domain, state_code, state_ordre, count",
    "kpi_percentiles": "date_id, period, measure_code, p50, p75, p90, sample_size",
    "kpi_plan_gap": "date_id, period, expected_count, done_count",
    "kpi_tile_cache": "day_on, week_on, month_on, rolling_on, CAST(day_figures AS CHAR), "
    "CAST(week_figures AS CHAR), CAST(month_figures AS CHAR), CAST(rolling_figures AS CHAR)",
}
CHANGES = (
    "DELETE FROM kpi_src_membership WHERE scope_type = 'SESSION'",
    "UPDATE kpi_src_membership SET scope_ref_id = 2 WHERE scope_type = 'GROUPE' AND learner_id = 4",
    "UPDATE kpi_src_realisation SET progress_pct = 77 WHERE progress_pct > 0",
    "UPDATE kpi_src_realisation SET state_code = 'PAUSED' WHERE state_code = 'IN_PROGRESS'",
    "UPDATE kpi_src_realisation SET started_at = started_at - INTERVAL 1 DAY",
    "UPDATE kpi_src_feedback SET feedback_at = feedback_at + INTERVAL 1 HOUR",
)


def change_the_past(warehouse: Warehouse, days: Sequence[date] = (DAY,)) -> None:
    """Compute the school's first days, keep a copy of their facts, then change the history."""
    play(warehouse, days)
    for day in days:
        warehouse.facts(day)
    warehouse.execute("DELETE FROM kpi_run WHERE period IS NOT NULL")
    keep(warehouse)
    for change in CHANGES:
        warehouse.execute(change)


def play(warehouse: Warehouse, days: Sequence[date]) -> None:
    """Capture the school's first days."""
    for night, day in enumerate(days):
        warehouse.load_source(school.source(night))
        warehouse.capture(day)
    warehouse.dimensions()


def keep(warehouse: Warehouse) -> None:
    """Keep a copy of all that slices write, was_<table>, to restore it from."""
    for table in (*COLUMNS, "kpi_run"):
        warehouse.execute(f"CREATE TABLE was_{table} AS SELECT {columns_of(table)} FROM {table}")


def columns_of(table: str) -> str:
    """All columns of a table but generated ones."""
    plan = "id, date_id, period, scope_id, target_id, expected_count, done_count"
    return plan if table == "kpi_plan_gap" else f"{table}.*"


@dataclass
class SliceUnderFire:
    """A slice that changes when computed again, with its script's path."""

    warehouse: Warehouse
    part: Slice
    path: str

    @classmethod
    def daily(cls, warehouse: Warehouse, table: str) -> SliceUnderFire:
        """One of the first day's slices."""
        return cls(warehouse, Slice.daily(table, DAY), f"facts/{table}/day.sql")

    @property
    def table(self) -> str:
        return self.part.table

    @cached_property
    def script(self) -> list[Step]:
        return steps(self.warehouse.render(self.path))

    @property
    def job(self) -> Job:
        """The slice's task, for a process of its own."""
        return Job(self.warehouse.connections, self.warehouse.settings, self.script, self.part)

    def write(self, **changes: object) -> Written:
        """Do the task here, with changed settings if told."""
        chosen = self.warehouse.settings.model_copy(update=changes)
        return slices.write_slice(self.part, self.script, chosen, ledger.Author())

    def restore(self) -> None:
        """Bring back the old rows and ledger, ids included, in one transaction."""
        with connect_as(self.warehouse.connections["kpi_admin"]) as admin:
            admin.start_transaction()
            with admin.cursor() as cursor:
                cursor.execute(f"DELETE FROM {self.table}")
                columns = columns_of(self.table)
                into = f"({columns})" if "," in columns else ""
                cursor.execute(f"INSERT INTO {self.table} {into} SELECT * FROM was_{self.table}")
                cursor.execute(
                    "DELETE FROM kpi_run WHERE table_name NOT LIKE 'kpi_src_%' "
                    "AND id NOT IN (SELECT id FROM was_kpi_run)"
                )
            admin.commit()

    @property
    def checksum_sql(self) -> str:
        """One SELECT that tells the slice's content: of each date, the number of rows and their checksum."""
        return "SELECT " + ", ".join(
            f"(SELECT {counted} FROM {self.table} WHERE {self._of(day)})"
            for day in self.part.dates
            for counted in ("COUNT(*)", self._checksum)
        )

    def _of(self, day: date) -> str:
        if self.part.period is None:
            return "TRUE"
        return f"date_id = '{day}' AND period = '{self.part.period}'"

    @property
    def _checksum(self) -> str:
        columns = f"scope_id, target_id, {COLUMNS[self.table]}"
        return f"BIT_XOR(CRC32(CONCAT_WS('#', {columns})))"

    def checksum(self) -> tuple[Any, ...]:
        return self.warehouse.rows(self.checksum_sql)[0]

    def whole(self) -> tuple[Any, ...]:
        """The checksum of the whole table, ids and instants left out."""
        return self.warehouse.rows(f"SELECT COUNT(*), {self._checksum} FROM {self.table}")[0]

    def runs(self) -> list[str]:
        """The states of the slice's runs in the ledger, in order."""
        rows = self.warehouse.rows(
            "SELECT state FROM kpi_run WHERE table_name = %s AND period <=> %s "
            "AND id NOT IN (SELECT id FROM was_kpi_run) ORDER BY id",
            (self.table, self.part.period),
        )
        return [state for (state,) in rows]


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
