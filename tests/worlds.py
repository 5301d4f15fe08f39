"""Small worlds: what a source shows on each of a few nights, and the pieces they are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from tests.reference.calendar import Calendar

Row = dict[str, Any]
Source = dict[str, list[Row]]

# The first nights: an ordinary week, then ones that lead over the 25 h day 2026-02-15, the 23 h day
# 2026-03-22, New Year and the end of Morocco's clock changes (2026-09-20, 25 h).
FIRST_DAYS = (
    date(2026, 1, 12),
    date(2026, 2, 14),
    date(2026, 3, 21),
    date(2025, 12, 30),
    date(2026, 9, 19),
)
LEARNERS = (1, 2, 3)
EVERYONE = 0  # a realisation that all learners have alike
NOBODY = 99  # an id that nothing has
TREE: tuple[tuple[str, int, str | None, int | None], ...] = (
    ("REFERENTIEL", 1, None, None),
    ("MODULE", 1, "REFERENTIEL", 1),
    ("MODULE", 2, "REFERENTIEL", 1),
    ("COMPETENCE", 1, "MODULE", 1),
    ("COMPETENCE", 2, "MODULE", 1),
    ("COMPETENCE", 3, "MODULE", 2),
    ("MICRO_COMPETENCE", 1, "COMPETENCE", 1),
    ("MICRO_COMPETENCE", 2, "COMPETENCE", 1),
    ("MICRO_COMPETENCE", 3, "COMPETENCE", 2),
    ("UA", 1, "MICRO_COMPETENCE", 1),
    ("UA", 2, "MICRO_COMPETENCE", 1),
    ("UA", 3, "MICRO_COMPETENCE", 2),
)
ODD_PARENTS: tuple[tuple[str | None, int | None], ...] = (
    ("GLOBAL", None),
    ("MODULE", None),
    ("MODULE", NOBODY),
    ("GLOBAL", NOBODY),
    (None, 1),
)
MOVABLE = tuple((kind, ref) for kind, ref, _, parent_ref in TREE if parent_ref is not None)
MICROS = tuple((kind, ref) for kind, ref, _, _ in TREE if kind == "MICRO_COMPETENCE")
# What learners work on; micro-competences twice, since half of the metrics count them
WORK = (*MICROS, *((kind, ref) for kind, ref, _, _ in reversed(TREE) if kind != "REFERENTIEL"))
UAS = tuple(ref for kind, ref, _, _ in TREE if kind == "UA")
GROUPS = (1, 2)
TRAINER_GROUPS = {1: (1,), 2: (1, 2)}
SESSION_GROUPS = {1: 1, 2: 2}
# (state_code, state_order, is_final); the last ones are dictionaries edited, left empty or wrong
STATES: tuple[tuple[str | None, int | None, bool | None], ...] = (
    ("DONE", 3, True),
    ("TODO", 1, False),
    ("IN_PROGRESS", 2, False),
    ("DONE", 3, True),
    ("PAUSED", 4, False),
    (None, None, False),
    ("IN_PROGRESS", 5, False),
    ("TODO", 0, True),
    (None, 7, True),
    ("PAUSED", None, None),
)
PROGRESS = (50, 0, 100, None, 200 / 3, Decimal("33.3333"), 120, -1)
SCORES = (10, None, 7, 0, 40 / 3, Decimal("12.5"), 25, -1, 1e12)
SCALES = (20, None, 3, 0, -20, 1e10)
# Labels that a collation may take for one another
LABELS = ("Élève", "eleve", "ELEVE", "Élève ", "", None)
# (groups, sous-groupes) of a learner; None: deactivated
PLACES: tuple[tuple[tuple[int, ...], tuple[int, ...]] | None, ...] = (
    ((1,), ()),
    ((1,), (1,)),
    ((2,), ()),
    ((1, 2), (1,)),
    ((1,), (1,)),
    ((), ()),
    None,
)


class Night(NamedTuple):
    """One capture: the local day it is made for, its instant (UTC) and what the source shows."""

    business_day: date
    captured_at: datetime
    source: Source


@dataclass(repr=False)
class World:
    """The captures in their order, and the calendar of their days."""

    nights: list[Night]
    calendar: Calendar

    def days(self) -> list[date]:
        """Return the local days worth comparing: the captured ones, their eves, the day after."""
        found = {self.nights[-1].business_day + timedelta(days=1)}
        for night in self.nights:
            found |= {night.business_day - timedelta(days=1), night.business_day}
        return sorted(found)

    def __repr__(self) -> str:
        """Return what differs from night to night, at first from the usual tree and scopes."""
        lines = ["World:"]
        usual = {"target": target_rows(None, None, set()), "scope": scope_rows(LEARNERS)}
        before = _shown(usual)
        for night in self.nights:
            lines.append(f"{night.business_day} captured at {night.captured_at}")
            rows = _shown(night.source)
            lines += [f"  + {row}" for row in rows if row not in before]
            lines += [f"  - {row}" for row in before if row not in rows]
            before = rows
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Make Hypothesis show a failing example by its __repr__."""
        printer.text(repr(self))


def _shown(source: Source) -> list[str]:
    return [
        f"{relation}({', '.join(f'{name}={_short(value)}' for name, value in row.items())})"
        for relation, rows in source.items()
        for row in rows
    ]


def _short(value: object) -> str:
    return str(value) if isinstance(value, date | Decimal) else repr(value)


@dataclass
class Frame:
    """What the parts of one world share: its captures, and the few instants and dates it uses."""

    captures: list[tuple[date, datetime]]
    learners: tuple[int, ...]
    instants: list[datetime]
    dates: list[date]
    calendar: Calendar

    @property
    def indices(self) -> range:
        """Return 0, 1, … for the captures."""
        return range(len(self.captures))

    @property
    def week_edge(self) -> list[datetime]:
        """Return when the seven days that end with the last captured one begin, and just before."""
        start = self.calendar.utc_start(self.captures[-1][0] - timedelta(days=6))
        return [start, start - timedelta(microseconds=1)]


def awkward_instants(
    captures: Sequence[tuple[date, datetime]], calendar: Calendar
) -> list[datetime]:
    """Return the instants at which something may go wrong around the captures."""
    tick = timedelta(microseconds=1)
    found = []
    for day, captured_at in captures:
        start, end = calendar.utc_start(day), calendar.utc_end(day)
        found += [
            datetime.combine(day, time(10)),
            start,
            end - tick,
            end,
            end + timedelta(minutes=40),
            captured_at,
            captured_at + tick,
            start + timedelta(hours=1, seconds=1, microseconds=1),
        ]
    first_day, last_day = captures[0][0], captures[-1][0]
    found += [
        datetime.combine(first_day - timedelta(days=1), time(15, 30)),
        datetime.combine(first_day - timedelta(days=3), time(8)),
        datetime.combine(first_day - timedelta(days=200), time(12)),
        datetime.combine(last_day + timedelta(days=30), time(12)),
    ]
    return list(dict.fromkeys(found))


def target_rows(
    hidden: tuple[str, int] | None, moved: tuple[str, int] | None, loose: set[tuple[str, int]]
) -> list[Row]:
    """Return the relation `target`: the tree, one target hidden, one moved, some without parent."""
    rows = [target_row("GLOBAL", None, None, None)]
    for kind, ref, parent_type, parent_ref in TREE:
        if (kind, ref) == moved:
            parent_ref = 2 if parent_ref == 1 else 1
        if (kind, ref) in loose:
            parent_type, parent_ref = None, None
        if (kind, ref) != hidden:
            rows.append(target_row(kind, ref, parent_type, parent_ref))
    return rows


def target_row(
    target_type: str, ref: int | None, parent_type: str | None, parent_ref: int | None
) -> Row:
    """Return one row of the relation `target`."""
    return {
        "target_type": target_type,
        "ref_id": ref,
        "label": f"{target_type} {ref or ''}",
        "parent_type": parent_type,
        "parent_ref_id": parent_ref,
    }


def scope_rows(learners: Sequence[int]) -> list[Row]:
    """Return the relation `scope`: all groups, trainers and sessions, and the learners given."""
    scopes: list[tuple[str, int | None]] = [("GLOBAL", None), ("SOUS_GROUPE", 1)]
    scopes += [("GROUPE", ref) for ref in GROUPS]
    scopes += [("FORMATEUR", ref) for ref in TRAINER_GROUPS]
    scopes += [("SESSION", ref) for ref in SESSION_GROUPS]
    scopes += [("APPRENANT", ref) for ref in learners]
    return [
        {"scope_type": kind, "ref_id": ref, "label": f"{kind} {ref or ''}"} for kind, ref in scopes
    ]


def membership_row(
    scope_type: str,
    ref: int | None,
    learner: int,
    active_from: datetime | None = None,
    active_to: datetime | None = None,
) -> Row:
    """Return one row of the relation `membership`."""
    return {
        "scope_type": scope_type,
        "scope_ref_id": ref,
        "learner_id": learner,
        "active_from": active_from,
        "active_to": active_to,
    }


@dataclass(frozen=True)
class Stay:
    """Where an active learner is, since when (registered, joined) and until when (left)."""

    groups: tuple[int, ...]
    sous_groupes: tuple[int, ...]
    registered: datetime | None
    joined: datetime | None
    left: datetime | None


def membership_rows(
    learner: int, stay: Stay, sessions: dict[int, tuple[datetime, datetime]]
) -> list[Row]:
    """Return a learner's rows of the relation `membership`, as an adapter would derive them."""
    joined, left = stay.joined, stay.left
    rows = [membership_row("GLOBAL", None, learner, stay.registered)]
    rows.append(membership_row("APPRENANT", learner, learner, stay.registered))
    rows += [membership_row("GROUPE", group, learner, joined, left) for group in stay.groups]
    rows += [membership_row("SOUS_GROUPE", ref, learner, joined) for ref in stay.sous_groupes]
    for trainer, taught in TRAINER_GROUPS.items():
        if set(taught) & set(stay.groups):
            rows.append(membership_row("FORMATEUR", trainer, learner, joined, left))
    for session, group in SESSION_GROUPS.items():
        if group in stay.groups:
            rows.append(membership_row("SESSION", session, learner, *sessions[session]))
    return rows


def feedback_row(
    submission: int,
    learner: int,
    target: tuple[str, int | None],
    submitted_at: datetime | None,
    feedback_at: datetime | None,
    kind: str = "TACHE",
) -> Row:
    """Return one row of the relation `feedback`."""
    return {
        "kind": kind,
        "submission_id": submission,
        "learner_id": learner,
        "target_type": target[0],
        "target_ref_id": target[1],
        "submitted_at": submitted_at,
        "feedback_at": feedback_at,
        "trainer_id": 1,
    }


def captures(calendar: Calendar, *sources: Source, one_day: bool = False) -> World:
    """Return a world of ordinary nights, or of captures of one day, 20 minutes apart.

    Relations not given are as usual (scope, target) or empty.
    """
    usual: Source = {"scope": scope_rows(LEARNERS), "target": target_rows(None, None, set())}
    usual |= {"realisation": [], "membership": [], "plan": [], "feedback": []}
    nights = []
    for index, source in enumerate(sources):
        day = FIRST_DAYS[0] + timedelta(days=0 if one_day else index)
        captured_at = datetime.combine(day + timedelta(days=1), time(1, 30))
        captured_at += timedelta(minutes=20 * index if one_day else 0)
        nights.append(Night(day, captured_at, usual | source))
    return World(nights, calendar)


def realisation_row(domain: str, ref: int, learner: int, **fields: Any) -> Row:
    """Return one row of the relation `realisation`, in TODO and without dates by default."""
    row: Row = {"domain": domain, "ref_id": ref, "learner_id": learner}
    row |= {"state_code": "TODO", "state_order": 1, "is_final": False}
    row |= {"progress_pct": 0, "score": None, "score_max": None}
    row |= dict.fromkeys(("started_at", "finished_at", "last_activity_at"))
    row |= dict.fromkeys(("created_at", "changed_at"))
    unknown = set(fields) - set(row)
    if unknown:
        raise ValueError(f"A realisation has no column {sorted(unknown)}: use {sorted(row)}.")
    return row | fields
