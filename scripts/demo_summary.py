"""What the demo prints of its figures: some after the first night, and at the end a summary that fits a screen."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from kpi.core.connections import READ, Session, session
from kpi.core.settings import settings
from kpi.core.templates import renderer
from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.table import Table

# The group and the module with the most realisations under way on the last day.
CHOICE = """
SELECT s.id, s.ref_id, s.label, t.id, t.ref_id, t.label
FROM kpi_state_count AS fact
INNER JOIN kpi_scope AS s ON s.id = fact.scope_id AND s.scope_type = 'GROUPE'
INNER JOIN kpi_target AS t ON t.id = fact.target_id AND t.target_type = 'MODULE'
WHERE fact.period = 'D' AND fact.date_id = (SELECT MAX(date_id) FROM kpi_state_count WHERE period = 'D')
GROUP BY s.id, t.id
ORDER BY COUNT(DISTINCT fact.state_code) DESC, SUM(fact.count) DESC, s.id, t.id
LIMIT 1
"""
LEDGER = """
SELECT table_name, COUNT(DISTINCT date_to), SUM(rows_inserted), SUM(rows_updated), SUM(rows_deleted)
FROM kpi_run
WHERE state = 'DONE' AND LEFT(table_name, 8) <> 'kpi_src_'
GROUP BY table_name
ORDER BY table_name
"""
WIDTH = 100  # columns where there is no terminal to ask
_BAR = 12
_WEEKS = 6
_STATES = 7


class _Chosen(NamedTuple):
    """The group and the module shown, as the display queries bind them, and their names."""

    ids: dict[str, int]
    name: str


def print_first_figures(console: Console, seconds: float) -> None:
    """Print the tiles of the first night as kpi_read sees them, and after how long they were there."""
    with session(READ) as read:
        shown = _chosen(read)
        console.print(f"\nThe first figures, after {seconds:.0f} s: {shown.name}", markup=False)
        console.print(_tiles(_rows(read, "tiles", shown)))
        console.print()


def print_summary(console: Console) -> None:
    """Print tiles, states, weeks, plan gap, delays and the ledger as kpi_read sees them: at most 40 lines."""
    with session(READ) as read:
        shown = _chosen(read)
        console.print()
        console.print(Rule(shown.name, style="dim"))
        for pair in (
            (_tiles(_rows(read, "tiles", shown)), _states(_rows(read, "state_histogram", shown))),
            (
                _weeks(_rows(read, "weeks_and_months", shown)),
                _plan(_rows(read, "plan_gap", shown)),
            ),
            (_delays(_rows(read, "delays", shown)), _ledger(read.rows(LEDGER))),
        ):
            console.print(_side_by_side(*pair))
            console.print()


def _chosen(read: Session) -> _Chosen:
    scope_id, group_id, group, target_id, module_id, module = read.rows(CHOICE)[0]
    ids = {
        "scope_id": scope_id,
        "target_id": target_id,
        "groupe_id": group_id,
        "module_id": module_id,
    }
    return _Chosen(ids, f"{group} · {module}")


def _rows(read: Session, name: str, shown: _Chosen) -> list[tuple[Any, ...]]:
    return read.rows(renderer(settings())(f"display/{name}.sql"), shown.ids)


def _side_by_side(*tables: RenderableType) -> Table:
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_row(*tables)
    return grid


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place and column else "left", no_wrap=True)
    return table


def _bar(share: float) -> str:
    return "█" * round(_BAR * share)


def _tiles(rows: list[tuple[Any, ...]]) -> Table:
    table = _table("Tuiles, dernier jour", "Indicateur", "Valeur", "Unité", "n")
    for _, _, label, value, unit, sample in rows:
        table.add_row(label, f"{value:.2f}", unit, str(sample))
    return table


def _states(rows: list[tuple[Any, ...]]) -> Table:
    table = _table("Répartition par état", "État", "Nombre", "")
    most = max((int(n) for _, _, n in rows), default=1)
    for state, _, n in rows[:_STATES]:
        table.add_row(state, str(n), _bar(int(n) / most) or "▏")
    return table


def _weeks(rows: list[tuple[Any, ...]]) -> Table:
    table = _table("Progression moyenne, semaine par semaine", "Semaine au", "%", "n", "", "")
    for _, day, value, sample, as_of, complete in [row for row in rows if row[0] == "W"][-_WEEKS:]:
        so_far = "" if complete == "true" else f"à ce jour, {date.fromisoformat(as_of):%d/%m}"
        share = _bar(float(value) / 100)
        table.add_row(f"{day:%d/%m/%Y}", f"{value:.2f}", str(sample), share, so_far)
    return table


def _plan(rows: list[tuple[Any, ...]]) -> Table:
    table = _table("Plan et réalisé (UA)", "Semaine au", "Attendues", "Faites", "Écart")
    for _, day, expected, done, gap, _ in [row for row in rows if row[0] == "W"][-_WEEKS:]:
        table.add_row(f"{day:%d/%m/%Y}", str(expected), str(done), f"{gap:+d}")
    return table


def _delays(rows: list[tuple[Any, ...]]) -> Table:
    table = _table("Délais (jours ; feedback : heures)", "", "p50", "p75", "p90", "n")
    for measure, _, *values, sample in rows:
        table.add_row(measure, *(f"{value:.1f}" for value in values), str(sample))
    return table


def _ledger(rows: list[tuple[Any, ...]]) -> Table:
    table = _table("Lignes écrites (kpi_run)", "Table", "Jours", "Nouvelles", "Changées", "Ôtées")
    for row in rows:
        table.add_row(*map(str, row))
    return table
