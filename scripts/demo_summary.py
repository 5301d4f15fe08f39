"""What the demo prints at its end: the display queries of the design, for one group and one module."""

from __future__ import annotations

from typing import Any

from kpi.connections import READ, Session, session
from kpi.settings import settings
from kpi.templates import renderer
from rich.console import Console
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
_BAR = 40
PERIODS = {"W": "semaine", "M": "mois"}


def print_summary(console: Console) -> None:
    """Print tiles, histogram, curves by day, week and month, plan gap and delays as kpi_read sees them."""
    with session(READ) as read:
        scope_id, group_id, group, target_id, module_id, module = read.rows(CHOICE)[0]
        ids = {
            "scope_id": scope_id,
            "target_id": target_id,
            "groupe_id": group_id,
            "module_id": module_id,
        }
        console.print()
        console.rule(f"{group} · {module}", style="dim")
        console.print(_tiles(_rows(read, "tiles", ids)))
        console.print(_histogram(_rows(read, "state_histogram", ids)))
        console.print(_curve(_rows(read, "progression_curve", ids)))
        console.print(_periods(_rows(read, "weeks_and_months", ids)))
        console.print(_plan_gap(_rows(read, "plan_gap", ids)))
        console.print(_delays(_rows(read, "delays", ids)))
        console.print(_ledger(read))


def _rows(read: Session, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    return read.rows(renderer(settings())(f"display/{name}.sql"), parameters)


def _tiles(rows: list[tuple[Any, ...]]) -> Table:
    table = Table("Indicateur", "Valeur", "Unité", "Échantillon", title="Tuiles (dernier jour)")
    for _, _, label, value, unit, sample in rows:
        table.add_row(label, f"{value:.2f}", unit, str(sample))
    return table


def _histogram(rows: list[tuple[Any, ...]]) -> Table:
    table = Table("État", "Nombre", "", title="Répartition par état (à ou sous le module)")
    most = max((int(n) for _, _, n in rows), default=1)
    for state, _, n in rows:
        table.add_row(state, str(n), "█" * max(1, round(_BAR * int(n) / most)))
    return table


def _curve(rows: list[tuple[Any, ...]]) -> Table:
    table = Table("Jour", "%", "", title="Progression moyenne, jour par jour")
    for day, value in rows:
        table.add_row(str(day), f"{value:.2f}", "█" * round(_BAR * float(value) / 100))
    return table


def _periods(rows: list[tuple[Any, ...]]) -> Table:
    table = Table(
        "Période", "Fin", "%", "Échantillon", "", title="Progression moyenne, semaines et mois"
    )
    for period, day, value, sample, as_of, complete in rows:
        so_far = "" if complete == "true" else f"à ce jour ({as_of})"
        table.add_row(PERIODS[period], str(day), f"{value:.2f}", str(sample), so_far)
    return table


def _plan_gap(rows: list[tuple[Any, ...]]) -> Table:
    table = Table(
        "Période",
        "Fin",
        "Attendues",
        "Faites",
        "Écart",
        "%",
        title="Plan et réalisé (UA du module)",
    )
    for period, day, expected, done, gap, coverage in rows:
        share = "" if coverage is None else f"{coverage:.2f}"
        table.add_row(PERIODS[period], str(day), str(expected), str(done), f"{gap:+d}", share)
    return table


def _delays(rows: list[tuple[Any, ...]]) -> Table:
    table = Table(
        "Délai", "Jour", "p50", "p75", "p90", "n", title="Délais (jours; feedback en heures)"
    )
    for measure, day, *values, sample in rows:
        table.add_row(measure, str(day), *(f"{value:.2f}" for value in values), str(sample))
    return table


def _ledger(read: Session) -> Table:
    table = Table(
        "Table", "Jours", "Lignes insérées", "changées", "supprimées", title="Journal (kpi_run)"
    )
    rows = read.rows(
        "SELECT table_name, COUNT(DISTINCT date_to), SUM(rows_inserted), SUM(rows_updated), SUM(rows_deleted) "
        "FROM kpi_run WHERE state = 'DONE' GROUP BY table_name ORDER BY table_name"
    )
    for row in rows:
        table.add_row(*map(str, row))
    return table
