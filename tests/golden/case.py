"""A golden case: a YAML file with rows in, dates and rows out. README.md says how to read one."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import yaml

HERE = Path(__file__).parent
LONG_AGO, FOREVER = datetime(2025, 1, 1), datetime(9999, 12, 31)

Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

# order, and whether the state is final
STATES: dict[str | None, tuple[int | None, bool]] = {
    "TODO": (1, False),
    "IN_PROGRESS": (2, False),
    "DONE": (3, True),
    "PAUSED": (4, False),
    "BLOCKED": (5, False),
    "UNKNOWN": (999, False),
    None: (None, False),
}


class Thing(NamedTuple):
    """A scope or a target: `GROUPE 1`, or `GLOBAL`, which has no id."""

    kind: str
    ref: int | None

    @classmethod
    def read(cls, text: str) -> Thing:
        kind, _, ref = text.partition(" ")
        return cls(kind, int(ref) if ref else None)

    @property
    def key(self) -> int:
        """The id in kpi_src_* tables, where GLOBAL is 0."""
        return self.ref or 0


@dataclass(frozen=True)
class Night:
    """What the source says at `captured_at` (naive UTC), captured for the local day `day`, or of learners `alone`."""

    day: date
    captured_at: datetime
    rows: dict[str, Rows]
    alone: tuple[int, ...] | None = None


class When(NamedTuple):
    """What rows out are of: a day, a week, a month, or the days of a rolling window."""

    text: str
    period: str
    date_id: date
    first: date
    window: str = ""

    @classmethod
    def read(cls, key: date | str) -> When:
        """Read `2026-01-15`, `2026-W03`, `2026-01`, or `R7 2026-01-15`."""
        text = str(key)
        if isinstance(key, date):
            return cls(text, "D", key, key)
        if week := re.fullmatch(r"(\d{4})-W(\d\d)", text):
            monday = date.fromisocalendar(int(week[1]), int(week[2]), 1)
            return cls(text, "W", monday + timedelta(days=6), monday)
        if month := re.fullmatch(r"(\d{4})-(\d\d)", text):
            first = date(int(month[1]), int(month[2]), 1)
            return cls(text, "M", first.replace(day=monthrange(first.year, first.month)[1]), first)
        if window := re.fullmatch(r"R(7|30) (\d{4}-\d\d-\d\d)", text):
            last = date.fromisoformat(window[2])
            first = last - timedelta(days=int(window[1]) - 1)
            return cls(text, "R", last, first, f"_R{window[1]}")
        raise ValueError(f"{text} is no day, week, month or window; see README.md.")


@dataclass(frozen=True)
class Case:
    """One file, see README.md; `path` is relative to this folder."""

    path: Path
    shows: str
    targets: dict[str, str | None] = field(default_factory=dict)
    example: str | None = None
    learners: tuple[int, ...] | None = None
    hints: tuple[str, ...] = ()
    history: dict[str, Rows] = field(default_factory=dict)
    nights: tuple[Night, ...] = ()
    only: dict[str, str] = field(default_factory=dict)
    done: tuple[date, ...] = ()
    rows_out: dict[When, Rows] = field(default_factory=dict)
    history_out: dict[str, Rows] = field(default_factory=dict)
    rejects: Rows = ()

    @property
    def table(self) -> str:
        """The fact table whose rows come out, or `capture`."""
        return self.path.parts[0]

    @property
    def code(self) -> str:
        return self.path.parts[1]

    def latest_done(self, when: When) -> date | None:
        """The last done day of a period, None when there is none."""
        days = [day for day in self.done if when.first <= day <= when.date_id]
        return max(days, default=None)


class _Loader(yaml.SafeLoader):
    """Reads numbers with a point as Decimal, so that 33.3333 is compared as written."""


_Loader.add_constructor(
    "tag:yaml.org,2002:float", lambda loader, node: Decimal(loader.construct_scalar(node))
)


def read(path: Path) -> Case:
    """Read one case; a key that there is not is an error."""
    values = yaml.load(path.read_text("utf-8"), _Loader)
    values["nights"] = tuple(_night(night) for night in values.get("nights", ()))
    if values.get("learners") is not None:
        values["learners"] = tuple(values["learners"])
    values["hints"] = tuple(values.get("hints", ()))
    values["rows_out"] = {When.read(key): rows for key, rows in values.get("rows_out", {}).items()}
    values["done"] = tuple(_days(values.get("done", ())))
    return Case(path.relative_to(HERE), **values)


def _night(values: Row) -> Night:
    day = values.pop("day")
    next_morning = datetime.combine(day, datetime.min.time()) + timedelta(hours=25, minutes=30)
    captured_at, alone = values.pop("captured_at", next_morning), values.pop("alone", None)
    return Night(day, captured_at, values, None if alone is None else tuple(alone))


def _days(listed: Sequence[date | str]) -> Iterator[date]:
    """Spread `2026-01-12..2026-01-18` in a list of days."""
    for one in listed:
        first, _, last = str(one).partition("..")
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last or first):
            yield day
            day += timedelta(days=1)


def cases(folder: str) -> list[Case]:
    """Read all cases below a folder, in the order of their paths."""
    return [read(path) for path in sorted((HERE / folder).rglob("*.yaml"))]


def spread(rows: Rows) -> list[Row]:
    """Write a row about `learners` as one row for each learner."""
    found = []
    for row in rows:
        several = row.get("learners")
        rest = {name: value for name, value in row.items() if name != "learners"}
        found += [rest | {"learner": one} for one in several] if several else [rest]
    return found


def state_columns(row: Row) -> Row:
    """Return a realisation's state_code, state_order and is_final."""
    code = row["state"]
    order, final = STATES[code]
    return {
        "state_code": code,
        "state_order": row.get("state_order", order),
        "is_final": row.get("is_final", final),
    }
