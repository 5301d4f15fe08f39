"""A small school in the contract's relations: what the source shows on two nights."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from tests.worlds import Source, membership_row, realisation_row

# The second night closes the 25 h day on which Morocco's clocks go back.
FIRST_NIGHT, SECOND_NIGHT = date(2026, 2, 14), date(2026, 2, 15)
NIGHTS = (FIRST_NIGHT, SECOND_NIGHT)
CAPTURES = {
    FIRST_NIGHT: "2026-02-15T00:30:00+00:00",
    SECOND_NIGHT: "2026-02-16T01:30:00+00:00",
}
DONE, DOING = ("DONE", 3, True), ("IN_PROGRESS", 2, False)


def params(night: date) -> dict[str, str]:
    """Return the params of kpi_daily that replay a night."""
    return {"date": str(night), "captured_at": CAPTURES[night]}


def source(night: date) -> Source:
    """Return what the source shows on a night: by the second, learner 8 is done too."""
    return {
        "scope": [
            {"scope_type": "GLOBAL", "label": "Tous"},
            {"scope_type": "GROUPE", "ref_id": 1, "label": "Groupe 1"},
            *({"scope_type": "APPRENANT", "ref_id": n, "label": f"Élève {n}"} for n in (7, 8)),
        ],
        "target": [
            {"target_type": "GLOBAL", "label": "Tout"},
            _target("MODULE", 1, None, None),
            _target("COMPETENCE", 2, "MODULE", 1),
            _target("MICRO_COMPETENCE", 3, "COMPETENCE", 2),
            _target("UA", 4, "MICRO_COMPETENCE", 3),
        ],
        "membership": [
            membership_row(kind, ref, learner, datetime(2025, 9, 1))
            for learner in (7, 8)
            for kind, ref in (("GLOBAL", None), ("GROUPE", 1), ("APPRENANT", learner))
        ],
        "realisation": [
            *(_work(domain, ref, 7, FIRST_NIGHT, DONE) for domain, ref in _TARGETS),
            *(
                _work(domain, ref, 8, night, DONE if night == SECOND_NIGHT else DOING)
                for domain, ref in _TARGETS
            ),
        ],
        "plan": [
            {
                "scope_type": "GROUPE",
                "scope_ref_id": 1,
                "ua_ref_id": 4,
                "due_on": date(2026, 2, 1),
                "created_at": datetime(2025, 9, 1),
            }
        ],
        "feedback": [
            {
                "kind": "TACHE",
                "submission_id": 1,
                "learner_id": 7,
                "target_type": "UA",
                "target_ref_id": 4,
                "submitted_at": datetime(2026, 2, 14, 8),
                "feedback_at": datetime(2026, 2, 14, 11),
                "trainer_id": 1,
            }
        ],
    }


_TARGETS = (("MODULE", 1), ("COMPETENCE", 2), ("MICRO_COMPETENCE", 3), ("UA", 4))


def _target(kind: str, ref: int, parent: str | None, parent_ref: int | None) -> dict[str, Any]:
    label = f"{kind} {ref}"
    return {
        "target_type": kind,
        "ref_id": ref,
        "label": label,
        "parent_type": parent,
        "parent_ref_id": parent_ref,
    }


def _work(
    domain: str, ref: int, learner: int, day: date, state: tuple[str, int, bool]
) -> dict[str, Any]:
    code, order, final = state
    at_noon = datetime(day.year, day.month, day.day, 12)
    return realisation_row(
        domain,
        ref,
        learner,
        state_code=code,
        state_order=order,
        is_final=final,
        progress_pct=100 if final else 50,
        score=12,
        score_max=20,
        created_at=datetime(2026, 1, 20),
        started_at=datetime(2026, 2, 12, 12),
        finished_at=at_noon if final else None,
        last_activity_at=at_noon,
        changed_at=at_noon,
    )
