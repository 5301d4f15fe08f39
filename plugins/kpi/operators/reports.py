"""The short tables that tasks end their logs with."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator
from rich import box
from rich.console import Console
from rich.table import Table

from kpi.core.ledger import Written
from kpi.figures.slices import Slice


class Report:
    """The table that a task's log ends with: what it did, and in how many seconds."""

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = []
        self._since = time.monotonic()

    def add(self, *lines: Mapping[str, Any]) -> None:
        """Add lines, by column; the last of them has the seconds since the lines before."""
        added = [dict(line) for line in lines] or [{"done": "nothing"}]
        now = time.monotonic()
        added[-1]["seconds"] = round(now - self._since, 1)
        self._since = now
        self._lines += added

    def add_slice(self, part: Slice, written: Written) -> None:
        """Add what became of the rows of a slice."""
        self.add(
            {
                "table": part.table,
                "period": part.period,
                "from": part.first,
                "to": part.last,
                "inserted": written.inserted,
                "changed": written.updated,
                "deleted": written.deleted,
                "unchanged": written.unchanged,
            }
        )

    def __str__(self) -> str:
        names = dict.fromkeys(name for line in self._lines for name in line)
        columns = [*(name for name in names if name != "seconds"), "seconds"]
        return text_table(columns, ([line.get(name) for name in columns] for line in self._lines))


@contextmanager
def reported(task: BaseOperator, what: str) -> Iterator[Report]:
    """End a task's log with a table, under the words `what`; one that fails or is skipped says why instead."""
    report = Report()
    yield report
    if not report._lines:
        report.add()
    task.log.info("%s:\n%s", what, report)


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as a table of plain text, numbers to the right."""
    lines = [list(row) for row in rows]
    table = Table(box=box.SIMPLE, pad_edge=False)
    for number, name in enumerate(columns):
        cells = [row[number] for row in lines if row[number] is not None]
        numeric = bool(cells) and all(isinstance(cell, (int, float)) for cell in cells)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in lines:
        table.add_row(*("" if value is None else str(value) for value in row))
    text = io.StringIO()
    Console(file=text, width=240, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).strip("\n")
