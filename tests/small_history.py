"""Rows of a small history, for tests that work the reference's figures out by hand."""

from datetime import date, datetime
from typing import Any

from tests.reference.history import Feedback, History, Membership, Plan, Realisation

LONG_AGO = datetime(2025, 9, 1)
TREE = {
    ("REFERENTIEL", 1): ("Développement", None, None),
    ("MODULE", 1): ("M1", "REFERENTIEL", 1),
    ("COMPETENCE", 1): ("C1", "MODULE", 1),
    ("COMPETENCE", 2): ("C2", "MODULE", 1),
    ("MICRO_COMPETENCE", 1): ("MC1", "COMPETENCE", 1),
    ("MICRO_COMPETENCE", 2): ("MC2", None, None),
    ("UA", 1): ("UA1", "MICRO_COMPETENCE", 1),
    ("UA", 2): ("UA2", "MICRO_COMPETENCE", 1),
}


def group(learner: int, ref: int = 1, **fields: Any) -> Membership:
    """Return a membership of a group, there for ever."""
    return member("GROUPE", ref, learner, **fields)


def member(scope_type: str, ref: int, learner: int, **fields: Any) -> Membership:
    """Return a membership of a scope, there for ever."""
    values = {"valid_from": LONG_AGO, "active_from": None, "active_to": None, "origin": "CAPTURED"}
    return Membership(scope_type, ref, learner, **{**values, **fields})


def work(domain: str, ref: int, learner: int, **fields: Any) -> Realisation:
    """Return a version of a realisation, in progress for ever unless told otherwise."""
    values: dict[str, Any] = {"domain": domain, "ref_id": ref, "learner_id": learner}
    values |= {"valid_from": LONG_AGO, "origin": "CAPTURED"}
    values |= {"state_code": "IN_PROGRESS", "state_order": 2, "is_final": False}
    values |= dict.fromkeys(("progress_pct", "score", "score_max", "last_activity_at"))
    values |= dict.fromkeys(("created_at", "source_started_at", "source_finished_at"))
    return Realisation(**{**values, **fields})


def done(domain: str, ref: int, learner: int, **fields: Any) -> Realisation:
    """Return a final version."""
    state = {"state_code": "DONE", "state_order": 3, "is_final": True}
    return work(domain, ref, learner, **{**state, **fields})


def plan(ua: int, due_on: date, group_ref: int = 1) -> Plan:
    """Return a group's planned UA, there for ever."""
    return Plan("GROUPE", group_ref, ua, LONG_AGO, due_on, None, "CAPTURED")


def history(*rows: Membership | Realisation | Plan | Feedback) -> History:
    """Return a history of the usual tree and the rows given."""
    return History(
        targets=dict(TREE),
        memberships=[row for row in rows if isinstance(row, Membership)],
        realisations=[row for row in rows if isinstance(row, Realisation)],
        plans=[row for row in rows if isinstance(row, Plan)],
        feedback=[row for row in rows if isinstance(row, Feedback)],
    )
