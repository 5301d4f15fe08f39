"""Whether what a capture read can be true: how much of what is in force would vanish, or change at once.

The SQL that counts is include/sql/capture/plausible.sql; what is too much is decided here, and is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpi.core.errors import KpiError
from kpi.core.settings import Settings

# A source always has everybody (GLOBAL) and everything: without a row of these it was not read at all.
NEVER_EMPTY = ("scope", "target")
# A session that is moved changes all of its memberships, and a dictionary one domain: only these are judged by part.
CHANGES_BY_PART = ("realisation",)


@dataclass(frozen=True)
class Part:
    """A domain or scope type of a relation: its rows in force, and those of them that would vanish or change."""

    relation: str
    name: str
    in_force: int
    vanished: int
    changed: int

    def __str__(self) -> str:
        return f"{self.relation} {self.name}".rstrip()


class Implausible(KpiError):
    """Too much of a relation would vanish or change at once; `what` says what, how many of how many."""

    def __init__(self, relation: str, what: str, way_out: str) -> None:
        super().__init__(
            f"The source does not look whole, so nothing was captured: {what}; {way_out}."
        )
        self.relation = relation
        self.what = what


def objections(parts: Sequence[Part], settings: Settings) -> str | None:
    """Say what of a relation's parts is too much at once, None when nothing is.

    The parts are told, or the relation as a whole when no part by itself is too much.
    """
    if not parts:
        return None
    relation = parts[0].relation
    whole = Part(
        relation,
        "",
        sum(part.in_force for part in parts),
        sum(part.vanished for part in parts),
        sum(part.changed for part in parts),
    )
    gone = [part for part in parts if _gone(part, settings)] or [
        part for part in [whole] if _gone(part, settings)
    ]
    judged = parts if relation in CHANGES_BY_PART else [whole]
    other = [
        part
        for part in judged
        if _many(
            part.changed,
            part.in_force,
            settings.capture_max_changed_percent,
            settings.capture_floor_rows,
        )
    ]
    said = [f"{part.vanished} of {part.in_force} rows of {part} would vanish" for part in gone]
    said += [f"{part.changed} of {part.in_force} rows of {part} would change" for part in other]
    return ", ".join(said) or None


def _gone(part: Part, settings: Settings) -> bool:
    if part.relation in NEVER_EMPTY and part.vanished == part.in_force > 0:
        return True
    most, floor = settings.capture_max_vanished_percent, settings.capture_floor_rows
    return _many(part.vanished, part.in_force, most, floor)


def _many(rows: int, in_force: int, most_percent: int, floor: int) -> bool:
    return rows >= floor and rows * 100 > most_percent * in_force
