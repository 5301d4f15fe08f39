"""The short tables that tasks end their logs with."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from kpi.slices import Slice, Written


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as a table of plain text, numbers to the right."""
    found = [list(row) for row in rows]
    table = Table(box=box.SIMPLE, pad_edge=False)
    for number, name in enumerate(columns):
        numeric = bool(found) and all(isinstance(row[number], int) for row in found)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in found:
        table.add_row(*("" if value is None else str(value) for value in row))
    text = io.StringIO()
    Console(file=text, width=240, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).strip("\n")


def written_table(done: Iterable[tuple[Slice, Written]]) -> str:
    """Return what became of the rows of each slice."""
    columns = ("table", "period", "from", "to", "inserted", "changed", "deleted", "unchanged")
    rows = [
        (part.table, part.period, part.first, part.last, *vars(written).values())
        for part, written in done
    ]
    return text_table(columns, rows)
