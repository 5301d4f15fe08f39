"""A small school, for tests that need a few thousand figures: what its source says on each night.

A pure function of the night: 12 learners in two groups work through two modules (30 targets each);
over the first nights one changes group, one is deactivated, one row is deleted and comes back, and
some fields are bad. The third night's day, 2026-02-15, lasts 25 hours.
"""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from typing import Any

Row = dict[str, Any]

FIRST_DAY = date(2026, 2, 13)
LEARNERS = range(1, 13)
MOVES, DEACTIVATED = 3, 5  # learners: changes group on night 1, is gone from night 2
BAD_SUBMISSION = 1  # answered before it was made
DELETED = ("UA", 4, 2)  # domain, ref, learner: not there on nights 1 and 2
MODULES, CHILDREN = 2, 2
LEVELS = ("MODULE", "COMPETENCE", "MICRO_COMPETENCE", "UA")


def day_of(night: int) -> date:
    return FIRST_DAY + timedelta(days=night)


def source(night: int) -> dict[str, list[Row]]:
    """Return the contract relations as the source shows them after a night's local day."""
    return {
        "target": targets(),
        "scope": _scopes(),
        "membership": [row for learner in LEARNERS for row in _memberships(learner, night)],
        "realisation": [
            row
            for learner in LEARNERS
            for domain, ref in tree()
            if (row := _realisation(domain, ref, learner, night))
        ],
        "plan": [
            {
                "scope_type": "GROUPE",
                "scope_ref_id": group,
                "ua_ref_id": ua,
                "due_on": FIRST_DAY + timedelta(days=ua - 8 * group),
            }
            for group in (1, 2)
            for domain, ua in tree()
            if domain == "UA"
        ],
        "feedback": _feedback(night),
    }


def bad_rows() -> list[tuple[str, str, str, str]]:
    """Return what a capture of any night has to set aside: relation, key, field, reason."""
    return [
        ("feedback", "TACHE:1:2:UA:1", "feedback_at", "feedback_not_after_submission"),
        ("realisation", "MODULE:1:2", "progress_pct", "progress_outside_0_100"),
        ("realisation", "MODULE:1:4", "score", "negative_score"),
        ("realisation", "MODULE:1:6", "score", "score_above_scale"),
        ("membership", "GROUPE:1:99", "", "unknown_learner"),
    ]


def tree() -> list[tuple[str, int]]:
    return [
        (domain, ref)
        for depth, domain in enumerate(LEVELS)
        for ref in range(1, MODULES * CHILDREN**depth + 1)
    ]


def targets() -> list[Row]:
    rows: list[Row] = [{"target_type": "GLOBAL", "label": "Tout"}]
    for domain, ref in tree():
        depth = LEVELS.index(domain)
        rows.append(
            {
                "target_type": domain,
                "ref_id": ref,
                "label": f"{domain} n° {ref}",
                "parent_type": LEVELS[depth - 1] if depth else None,
                "parent_ref_id": (ref + CHILDREN - 1) // CHILDREN if depth else None,
            }
        )
    return rows


def _scopes() -> list[Row]:
    named = [("GLOBAL", None), ("GROUPE", 1), ("GROUPE", 2), ("FORMATEUR", 1), ("SESSION", 1)]
    named += [("APPRENANT", learner) for learner in LEARNERS]
    return [{"scope_type": kind, "ref_id": ref, "label": f"{kind} {ref}"} for kind, ref in named]


def _memberships(learner: int, night: int) -> list[Row]:
    if learner == DEACTIVATED and night >= 2:
        return []
    group = 1 if learner <= 6 else 2
    if learner == MOVES and night >= 1:
        group = 2
    scopes = [("GLOBAL", None), ("APPRENANT", learner), ("GROUPE", group), ("FORMATEUR", 1)]
    rows = [_membership(kind, ref, learner) for kind, ref in scopes]
    if group == 1:  # the session ends with 2026-02-14
        ends = datetime(2026, 2, 14, 23)
        rows.append(_membership("SESSION", 1, learner) | {"active_to": ends})
    if learner == 1:
        rows.append(_membership("GROUPE", 1, 99))
    return rows


def _membership(kind: str, ref: int | None, learner: int) -> Row:
    return {"scope_type": kind, "scope_ref_id": ref, "learner_id": learner}


def _realisation(domain: str, ref: int, learner: int, night: int) -> Row | None:
    if (domain, ref, learner) == DELETED and night in (1, 2):
        return None
    chance = random.Random(f"{domain} {ref} {learner}")
    created = datetime.combine(FIRST_DAY - timedelta(days=30), time(8))
    started = _instant(chance, chance.randrange(-10, 6))
    finished = started + timedelta(hours=chance.randrange(1, 100), seconds=chance.randrange(3600))
    now = datetime.combine(day_of(night), time(23))
    progress: float | None = chance.choice([30, 50, 66.6667, None])
    row: Row = {
        "domain": domain,
        "ref_id": ref,
        "learner_id": learner,
        "created_at": created,
    }
    if finished < now:
        row |= {"state_code": "DONE", "state_order": 3, "is_final": 1, "progress_pct": 100}
        row |= {"started_at": started, "finished_at": finished, "last_activity_at": finished}
        row |= chance.choice([{"score": chance.randrange(21), "score_max": 20}, {"score": 0}])
        row.setdefault("score_max", 0)
        row["changed_at"] = finished
    elif started < now:
        row |= {"state_code": "IN_PROGRESS", "state_order": 2, "is_final": 0}
        row |= {"progress_pct": progress, "started_at": started, "last_activity_at": started}
        row["changed_at"] = chance.choice([started, None])
        if chance.random() < 0.1:
            row |= {"state_code": None, "state_order": None}
    else:
        row |= {"state_code": "TODO", "state_order": 1, "is_final": 0, "progress_pct": 0}
    return row | BAD_FIELDS.get((domain, ref, learner), {})


BAD_FIELDS: dict[tuple[str, int, int], Row] = {
    ("MODULE", 1, 2): {"progress_pct": 120},
    ("MODULE", 1, 4): {"score": -1, "score_max": 20},
    ("MODULE", 1, 6): {"score": 25, "score_max": 20},
}


def _feedback(night: int) -> list[Row]:
    rows = []
    for submission in range(1, 40):
        chance = random.Random(f"submission {submission}")
        submitted = _instant(chance, chance.randrange(-3, 6))
        given = submitted + timedelta(minutes=chance.randrange(10, 3000))
        uas = chance.sample(range(1, 17), chance.randrange(1, 4))
        if submission == BAD_SUBMISSION:
            given, uas = submitted - timedelta(days=5), [1]
        if given < datetime.combine(day_of(night), time(23)):
            rows += [
                {
                    "kind": "TACHE",
                    "submission_id": submission,
                    "learner_id": submission % len(LEARNERS) + 1,
                    "target_type": "UA",
                    "target_ref_id": ua,
                    "submitted_at": submitted,
                    "feedback_at": given,
                }
                for ua in uas
            ]
    return rows


def _instant(chance: random.Random, days: int) -> datetime:
    seconds = chance.randrange(7 * 3600, 22 * 3600)
    return datetime.combine(FIRST_DAY + timedelta(days=days), time()) + timedelta(seconds=seconds)
