"""Forty nights of a small school in which things keep happening: what its source says on each night.

A pure function of the night. 12 learners in two groups work through the targets of tests.golden.school. Meanwhile
learners move, leave and come back, rows are deleted, done again and written late, plans move, sessions end on Fridays.
Some changes carry their instant (`changed_at`), some do not. 2026-02-15 lasts 25 hours, 2026-03-22 lasts 23.
"""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta

from tests.golden.school import targets, tree
from tests.worlds import Row, Source, membership_row

NIGHTS = 40
FIRST_DAY = date(2026, 2, 13)
DAYS = [FIRST_DAY + timedelta(days=night) for night in range(NIGHTS)]
LONG_DAY, SHORT_DAY = date(2026, 2, 15), date(2026, 3, 22)
LEARNERS = range(1, 13)

# Nights: the first on which it is so, and the first on which it is so no more.
MOVED = {3: (8, 20), 10: (30, NIGHTS)}  # learner: is in the other group
DEACTIVATED = {5: (12, 30), 11: (0, 5)}  # learner: has no memberships
WITHOUT_GROUP = {9: (15, 24)}
DELETED = {("UA", 4, 2): (9, 16), ("MICRO_COMPETENCE", 2, 8): (20, 22)}  # domain, ref, learner
# UTC; the first session ends on Friday 2026-02-27, the second goes from a Monday to Friday 2026-03-20.
SESSIONS = {
    1: (datetime(2026, 1, 5), datetime(2026, 2, 28)),
    2: (datetime(2026, 3, 2), datetime(2026, 3, 21)),
}
LEAVES_AT = datetime(2026, 3, 10, 15, 10)  # learner 7 his sub-group, as the source says itself


def captured_at(night: int) -> datetime:
    """Return when the source is looked at, UTC: it knows of changes made after midnight."""
    return datetime.combine(DAYS[night] + timedelta(days=1), time(1, 30))


def source(night: int) -> Source:
    """Return the contract relations as the source shows them in the night after a local day."""
    seen = captured_at(night)
    return {
        "target": targets(),
        "scope": _scopes(),
        "membership": [row for one in LEARNERS for row in _memberships(one, night)],
        "realisation": [
            _Work(domain, ref, learner).row(seen)
            for learner in LEARNERS
            for domain, ref in tree()
            if not _is(DELETED, (domain, ref, learner), night)
        ],
        "plan": [row for group in (1, 2) for row in _plan(group, night)],
        "feedback": [row for number in range(1, 121) for row in _feedback(number, seen)],
    }


def _is(nights: dict, key: object, night: int) -> bool:
    first, after = nights.get(key, (0, 0))
    return first <= night < after


def _scopes() -> list[Row]:
    named = [("GLOBAL", None), ("GROUPE", 1), ("GROUPE", 2), ("SOUS_GROUPE", 1)]
    named += [("FORMATEUR", 1), ("FORMATEUR", 2), ("SESSION", 1), ("SESSION", 2)]
    named += [("APPRENANT", learner) for learner in LEARNERS]
    return [{"scope_type": kind, "ref_id": ref, "label": f"{kind} {ref}"} for kind, ref in named]


def _memberships(learner: int, night: int) -> list[Row]:
    if _is(DEACTIVATED, learner, night):
        return []
    created = datetime(2025, 9, 1, 8)
    rows = [membership_row(kind, ref, learner, created) for kind, ref in _general(learner)]
    if learner == 7:
        leaves = LEAVES_AT if captured_at(night) > LEAVES_AT else None
        rows.append(membership_row("SOUS_GROUPE", 1, learner, created) | {"active_to": leaves})
    if _is(WITHOUT_GROUP, learner, night):
        return rows
    group = 1 if (learner <= 6) != _is(MOVED, learner, night) else 2
    trainers = (1,) if group == 1 else (1, 2)
    rows += [membership_row("FORMATEUR", one, learner, created) for one in trainers]
    rows.append(membership_row("GROUPE", group, learner, None))
    begins, ends = SESSIONS[group]
    rows.append(membership_row("SESSION", group, learner, begins) | {"active_to": ends})
    return rows


def _general(learner: int) -> list[tuple[str, int | None]]:
    sub_group: list[tuple[str, int | None]] = [("SOUS_GROUPE", 1)] if learner in (1, 8) else []
    return [("GLOBAL", None), ("APPRENANT", learner), *sub_group]


class _Work:
    """One learner's realisation: when he starts and ends it, and what happens to it otherwise."""

    def __init__(self, domain: str, ref: int, learner: int) -> None:
        chance = random.Random(f"{domain} {ref} {learner}")
        self.key: Row = {"domain": domain, "ref_id": ref, "learner_id": learner}
        self.starts = _instant(chance, -10, NIGHTS)
        self.ends = self.starts + timedelta(minutes=chance.randrange(60, 15_000))
        self.story = chance.choice(["plain", "plain", "paused", "done again", "end written late"])
        self.dated = chance.random() < 0.6
        self.mark: Row = {"score": chance.randrange(22), "score_max": 20}

    def row(self, seen: datetime) -> Row:
        changed, fields = self._fields(seen)
        row = self.key | {"created_at": datetime(2026, 1, 10, 8)} | fields
        return row | {"changed_at": changed if self.dated else None}

    def _fields(self, seen: datetime) -> tuple[datetime | None, Row]:
        """Return when the row changed last, and its fields."""
        if seen < self.starts:
            return None, _state("TODO") | {"progress_pct": 0}
        if seen < self.ends:
            return self._under_way(seen)
        ended = _state("DONE") | self.mark | {"progress_pct": 100, "started_at": self.starts}
        ended |= {"finished_at": self.ends, "last_activity_at": self.ends}
        reopens, closes = (self.ends + timedelta(days=days) for days in (2, 5))
        if self.story == "end written late" and seen < closes:
            return self.ends, ended | {"finished_at": None}
        if self.story == "done again" and seen >= reopens:
            # The LMS keeps the first end for ever.
            if seen < closes:
                return reopens, ended | _state("IN_PROGRESS") | {"last_activity_at": reopens}
            return closes, ended | {"last_activity_at": closes}
        return self.ends, ended

    def _under_way(self, seen: datetime) -> tuple[datetime, Row]:
        active = self.starts + (seen - self.starts) // timedelta(hours=31) * timedelta(hours=31)
        share = (active - self.starts) / (self.ends - self.starts)
        paused = self.story == "paused" and share > 0.5
        fields = _state("PAUSED" if paused else "IN_PROGRESS")
        fields |= {"progress_pct": round(100 * share, 4), "started_at": self.starts}
        return active, fields | {"last_activity_at": active}


def _state(code: str) -> Row:
    order = ("TODO", "IN_PROGRESS", "DONE", "PAUSED").index(code) + 1
    return {"state_code": code, "state_order": order, "is_final": code == "DONE"}


def _plan(group: int, night: int) -> list[Row]:
    due = {ua: FIRST_DAY + timedelta(days=3 * ua - 8 * group) for ua in range(1, 13)}
    if group == 1 and night >= 10:
        due[5] += timedelta(days=9)
    if group == 2 and night >= 18:
        del due[8]
    if group == 2 and night >= 22:
        due[16] = DAYS[30]
    return [
        {
            "scope_type": "GROUPE",
            "scope_ref_id": group,
            "ua_ref_id": ua,
            "due_on": day,
            "created_at": datetime.combine(DAYS[22], time(11)) if ua == 16 else None,
        }
        for ua, day in due.items()
    ]


def _feedback(number: int, seen: datetime) -> list[Row]:
    chance = random.Random(f"submission {number}")
    submitted = _instant(chance, -3, NIGHTS)
    given = submitted + timedelta(minutes=chance.randrange(-30, 6000))
    if given > seen:
        return []
    return [
        {
            "kind": "TACHE",
            "submission_id": number,
            "learner_id": chance.choice(LEARNERS),
            "target_type": "UA",
            "target_ref_id": ua,
            "submitted_at": submitted,
            "feedback_at": given,
        }
        for ua in chance.sample(range(1, 17), chance.randrange(1, 4))
    ]


def _instant(chance: random.Random, first: int, after: int) -> datetime:
    """Return any instant, round the clock, of the days with these numbers."""
    seconds = chance.randrange(first * 86_400, after * 86_400)
    return datetime.combine(FIRST_DAY, time()) + timedelta(seconds=seconds)
