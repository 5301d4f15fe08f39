"""A very small school over a year, in the contract's relations: five learners in two groups, two modules."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from tests.warehouse import Warehouse
from tests.worlds import Source, membership_row, realisation_row, target_row

FIRST_DAY, LAST_DAY = date(2025, 3, 1), date(2026, 2, 28)
CALENDAR = (date(2025, 2, 1), date(2026, 12, 31))

GROUPS = {1: "DD101 – Développement", 2: "DD102 – Élèves du soir"}
HOSTILE = "<script>alert(1)</script>"
LEARNERS = {
    11: ("Salma BENNANI", 1),
    12: ("Yassine EL AMRANI", 1),
    13: (HOSTILE, 1),
    21: ("Zoé LEFÈVRE", 2),
    22: ("=HYPERLINK(0)", 1),
}
# (type, ref_id, label, parent); a UA's ref_id counts the fortnights after which it is due.
TREE: tuple[tuple[str, int | None, str, tuple[str, int] | None], ...] = (
    ("GLOBAL", None, "Toute la formation", None),
    ("REFERENTIEL", 1, "Développement digital", None),
    ("MODULE", 1, "M101 – Applications web", ("REFERENTIEL", 1)),
    ("MODULE", 2, "M102 – Bases de données", ("REFERENTIEL", 1)),
    ("COMPETENCE", 1, "C1 – Analyser", ("MODULE", 1)),
    ("COMPETENCE", 2, "C2 – Réaliser", ("MODULE", 1)),
    ("COMPETENCE", 3, "C3 – Modéliser", ("MODULE", 2)),
    ("MICRO_COMPETENCE", 1, "MC1 – Besoin", ("COMPETENCE", 1)),
    ("MICRO_COMPETENCE", 2, "MC2 – Code", ("COMPETENCE", 2)),
    ("MICRO_COMPETENCE", 3, "MC3 – Schéma", ("COMPETENCE", 3)),
    ("UA", 4, "UA4 – Entretien", ("MICRO_COMPETENCE", 1)),
    ("UA", 9, "UA9 – Maquette", ("MICRO_COMPETENCE", 1)),
    ("UA", 16, "UA16 – Pages", ("MICRO_COMPETENCE", 2)),
    ("UA", 24, "UA24 – Tables", ("MICRO_COMPETENCE", 3)),
)
UAS = [ref for kind, ref, *_ in TREE if kind == "UA" and ref]
_PARENTS = {(kind, ref): parent for kind, ref, _, parent in TREE}


def fill_year(warehouse: Warehouse) -> None:
    """A year of nights: captured once a month, computed a month at a time, then rolled up at once."""
    for first in _months():
        last = min(_next_month(first) - timedelta(days=1), LAST_DAY)
        _capture(warehouse, last)
        warehouse.fact_range(first, last)
    warehouse.rollup(FIRST_DAY, LAST_DAY)


def fill_one_day(warehouse: Warehouse) -> None:
    _capture(warehouse, LAST_DAY)
    warehouse.facts(LAST_DAY)
    warehouse.rollup(LAST_DAY)


def open_alert(warehouse: Warehouse) -> None:
    """The first group has fewer competences acquired on the first module than it should."""
    warehouse.execute(
        "INSERT INTO kpi_alert"
        " (kind, code, rule, scope_id, target_id, since_on, level, threshold, value_num, opened_at)"
        " SELECT 'THRESHOLD', 'PCT_ACQUIS', 'below 50 for 3', s.id, t.id, '2026-02-26', 'amber', 50, 41.5, NOW()"
        " FROM kpi_scope AS s INNER JOIN kpi_target AS t ON t.target_type = 'MODULE' AND t.ref_id = 1"
        " WHERE s.scope_type = 'GROUPE' AND s.ref_id = 1"
    )


def _capture(warehouse: Warehouse, day: date) -> None:
    warehouse.load_source(source(day))
    warehouse.capture(day)
    warehouse.dimensions()


def _months() -> list[date]:
    found = [FIRST_DAY]
    while (following := _next_month(found[-1])) <= LAST_DAY:
        found.append(following)
    return found


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def source(day: date) -> Source:
    """Return what the source shows at the end of a day."""
    return {
        "scope": [
            {"scope_type": "GLOBAL", "label": "Tous les apprenants"},
            *(
                {"scope_type": "GROUPE", "ref_id": ref, "label": label}
                for ref, label in GROUPS.items()
            ),
            *(
                {"scope_type": "APPRENANT", "ref_id": ref, "label": label}
                for ref, (label, _) in LEARNERS.items()
            ),
        ],
        "target": [
            target_row(kind, ref, *(parent or (None, None))) | {"label": label}
            for kind, ref, label, parent in TREE
        ],
        "membership": [
            membership_row(kind, ref, learner, _at(FIRST_DAY))
            for learner, (_, group) in LEARNERS.items()
            for kind, ref in (("GLOBAL", None), ("GROUPE", group), ("APPRENANT", learner))
        ],
        "realisation": [row for learner in LEARNERS for row in _work(learner, day)],
        "plan": [_planned(group, ua) for group in GROUPS for ua in UAS],
        "feedback": [
            _feedback(learner, ua)
            for learner in LEARNERS
            for ua in UAS
            if _ended(learner, ua) < day
        ],
    }


def _planned(group: int, ua: int) -> dict[str, Any]:
    row = {"scope_type": "GROUPE", "scope_ref_id": group, "ua_ref_id": ua, "due_on": due(ua)}
    return row | {"created_at": _at(FIRST_DAY)}


def due(ua: int) -> date:
    return FIRST_DAY + timedelta(days=14 * ua)


def _started(learner: int, ua: int) -> date:
    return due(ua) - timedelta(days=20 + 3 * (learner % 7))


def _ended(learner: int, ua: int) -> date:
    """Some are early, some late; learner 22 is very late."""
    return due(ua) + timedelta(days=(learner * ua) % 23 - 12 + (60 if learner == 22 else 0))


def _work(learner: int, day: date) -> list[dict[str, Any]]:
    rows = []
    for kind, ref, *_ in TREE:
        if kind in ("GLOBAL", "REFERENTIEL") or ref is None:
            continue
        uas = [ua for ua in UAS if (kind, ref) in _at_or_above(ua)]
        done = [ua for ua in uas if _ended(learner, ua) <= day]
        begun = [ua for ua in uas if _started(learner, ua) <= day]
        rows.append(_row(kind, ref, learner, day, uas, begun, done))
    return rows


def _row(
    kind: str, ref: int, learner: int, day: date, uas: list[int], begun: list[int], done: list[int]
) -> dict[str, Any]:
    created = _at(FIRST_DAY)
    if not begun:
        return realisation_row(kind, ref, learner, created_at=created, changed_at=created)
    final = len(done) == len(uas)
    paused = not final and (learner + ref) % 5 == 0
    steps = [_started(learner, ua) for ua in begun] + [_ended(learner, ua) for ua in done]
    if final:
        state, mark = ("DONE", 3), 8 + (learner * ref) % 12
    else:
        state, mark = ("PAUSED", 4) if paused else ("IN_PROGRESS", 2), None
    if (kind, learner, ref) == ("UA", 12, 9) and final:
        mark = -1  # which cannot be used: something to show among the rejects
    return realisation_row(
        *(kind, ref, learner),
        state_code=state[0],
        state_order=state[1],
        is_final=final,
        progress_pct=round(100 * (len(done) + 0.5 * (len(begun) - len(done))) / len(uas), 2),
        score=mark,
        score_max=20 if final else None,
        created_at=created,
        started_at=_at(min(_started(learner, ua) for ua in begun)),
        finished_at=_at(max(_ended(learner, ua) for ua in done)) if final else None,
        last_activity_at=_at(max(steps)),
        changed_at=_at(max(steps)),
    )


def _at_or_above(ua: int) -> list[tuple[str, int]]:
    found = [("UA", ua)]
    while (parent := _PARENTS[found[-1]]) is not None:
        found.append(parent)
    return found


def _feedback(learner: int, ua: int) -> dict[str, Any]:
    submitted = _at(_ended(learner, ua)) - timedelta(days=1)
    return {
        "kind": "TACHE",
        "submission_id": 100 * learner + ua,
        "learner_id": learner,
        "target_type": "UA",
        "target_ref_id": ua,
        "submitted_at": submitted,
        "feedback_at": submitted + timedelta(hours=3 + learner % 20),
        "trainer_id": 1,
    }


def _at(day: date) -> datetime:
    return datetime.combine(day, time(10))
