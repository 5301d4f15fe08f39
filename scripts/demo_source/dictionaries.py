"""The states of realisations and tasks: their orders, their ids, and the rows that name them."""

from __future__ import annotations

from datetime import datetime

from . import names
from .lines import Line

# The orders of the states, from 1. Modules have other names for 2 to 4, and no BLOCKED.
TODO, STAGE_1, STAGE_2, STAGE_3, DONE, PAUSED, BLOCKED = range(1, 8)
STAGES_IN_PROGRESS = (STAGE_1, STAGE_2, STAGE_3)

_STAGES = ("IN_PROGRESS_CHAPITRE", "IN_PROGRESS_PROTOTYPE", "IN_PROGRESS_PROJET")
_MODULE_STAGES = ("IN_PROGRESS_INTRO", "IN_PROGRESS_INTERMEDIAIRE", "IN_PROGRESS_AVANCE")
MODULE_STATES = ("TODO", *_MODULE_STAGES, "DONE", "PAUSED")
COMPETENCE_STATES = ("TODO", *_STAGES, "DONE", "PAUSED")
UNIT_STATES = (*COMPETENCE_STATES, "BLOCKED")

# Ids of the dictionaries start above these, so that nobody takes an id for an order.
MODULE_IDS, COMPETENCE_IDS, MICRO_IDS, UNIT_IDS = 10, 20, 30, 40

_DICTIONARIES = {
    "etat_realisation_modules": (MODULE_IDS, MODULE_STATES),
    "etat_realisation_competences": (COMPETENCE_IDS, COMPETENCE_STATES),
    "etat_realisation_micro_competences": (MICRO_IDS, UNIT_STATES),
    "etat_realisation_uas": (UNIT_IDS, UNIT_STATES),
}


def task_state_id(trainer: int, order: int) -> int:
    """Return the id of a trainer's own state for the workflow state of that order."""
    return len(names.WORKFLOW) * (trainer - 1) + order


def task_state_name(trainer: int, order: int) -> str:
    """Return what a trainer calls the workflow state of that order."""
    return f"{names.WORKFLOW[order - 1][1]} ({trainer})"


def dictionary_lines(created: datetime, trainers: int) -> list[Line]:
    """Return the rows of the dictionaries, the workflow and each trainer's states of tasks."""
    lines: list[Line] = []
    for table, (first, codes) in _DICTIONARIES.items():
        for order, code in enumerate(codes, 1):
            nom = names.STATE_NAMES[code]
            lines.append(Line(table, first + order, created, code=code, nom=nom, ordre=order))
    for order, (code, title) in enumerate(names.WORKFLOW, 1):
        lines.append(Line("workflow_taches", order, created, code=code, titre=title, ordre=order))
    for trainer in range(1, trainers + 1):
        for order in range(1, len(names.WORKFLOW) + 1):
            lines.append(
                Line(
                    "etat_realisation_taches",
                    task_state_id(trainer, order),
                    created,
                    nom=task_state_name(trainer, order),
                    formateur_id=trainer,
                    workflow_tache_id=order,
                    ordre=order,
                )
            )
    return lines
