"""The demo school that the tests look at, and ways to find a learner's rows in its states."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from demo_source import School
from demo_source.oddities import CASES
from demo_source.school import State

LEARNERS = 40
HANDED_IN = ("TO_APPROVE", "READY_FOR_LIVE_CODING")
JUDGED = ("APPROVED", "NOT_VALIDATED", "REVISION_NECESSAIRE", "IN_LIVE_CODING")
TODO_UA, IN_PROJECT_UA, DONE_UA = 41, 44, 45


@cache
def demo_school() -> School:
    return School(learners=LEARNERS)


@cache
def state_at(*parts: int) -> State:
    """The state at a UTC time, given as `datetime` takes it; do not change it."""
    return demo_school().state_at(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]


def rows(state: State, table: str, **where: object) -> list[dict[str, object]]:
    return [row for row in state[table].values() if all(row[name] == where[name] for name in where)]


def own_rows(state: State, table: str, case: str) -> list[dict[str, object]]:
    """The rows of a case's learner in a table that has `apprenant_id`."""
    return rows(state, table, apprenant_id=CASES[case])


def units(state: State, case: str) -> list[dict[str, object]]:
    """The UA rows of a case's learner."""
    micros = {row["id"] for row in own_rows(state, "realisation_micro_competences", case)}
    return [
        row
        for row in state["realisation_uas"].values()
        if row["realisation_micro_competence_id"] in micros
    ]


def groups(state: State, case: str) -> list[object]:
    return [row["groupe_id"] for row in own_rows(state, "apprenant_groupe", case)]


def state_column(table: str) -> str:
    """The column of a realisation table that holds its state."""
    return f"etat_{table.removesuffix('s')}_id"


def named_state(state: State, task: dict[str, object], text: str) -> str | None:
    """The workflow code of the state that a row of a task's history names."""
    trainer = state["projets"][state["taches"][task["tache_id"]]["projet_id"]]["formateur_id"]
    endings = {piece.rpartition(" : ")[2] for piece in text.split(" </br> ") if " : " in piece}
    for row in state["etat_realisation_taches"].values():
        if row["formateur_id"] == trainer and row["nom"] in endings:
            return str(state["workflow_taches"][row["workflow_tache_id"]]["code"])
    return None
