"""The rollups: weeks (W), months (M), rolling windows (R), the plan gap and the tiles.

The daily facts are those of reference/facts.py, kept as they were when their day was computed (the
tree may be another one since). A day is done once it has been computed; what is done decides how
far a period has come.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from . import facts
from .calendar import ONE_DAY, Calendar
from .facts import four_places
from .history import History
from .look import Look, Ref

Key = tuple[str, int, str, int, str]
Columns = tuple[Decimal | None, int | None, int | None, int]
Value = tuple[Decimal | None, int | None, int | None, int, dict[str, Any] | None]
Values = dict[Key, Value]
Gap = tuple[int, int, int, Decimal | None]

LAST, RECOMPUTE = "LAST", "RECOMPUTE"
SUM, RATIO_OF_SUMS, WEIGHTED_MEAN = "SUM", "RATIO_OF_SUMS", "WEIGHTED_MEAN"
RULES = {
    "PROGRESSION_MOY": LAST,
    "SCORE_NORM": LAST,
    "PCT_ACQUIS": LAST,
    "PCT_COUVERTURE_UA": LAST,
    "INACTIVITE_7J": LAST,
    "DELAI_ACQUIS_MICRO": RECOMPUTE,
    "DELAI_FEEDBACK": RECOMPUTE,
}
ROLLING_RULES = {
    "PROGRESSION_MOY": WEIGHTED_MEAN,
    "SCORE_NORM": WEIGHTED_MEAN,
    "PCT_ACQUIS": RATIO_OF_SUMS,
    "DELAI_ACQUIS_MICRO": RECOMPUTE,
    "DELAI_FEEDBACK": RECOMPUTE,
}
OF_A_HUNDRED = ("PROGRESSION_MOY", "PCT_ACQUIS", "PCT_COUVERTURE_UA", "INACTIVITE_7J")
WINDOWS = {"R7": 7, "R30": 30}
PLAN_LEVELS = ("UA", "MODULE", "GLOBAL")


@dataclass
class Past:
    """What a rollup looks at: the history, and the daily values and states of the done days."""

    history: History
    calendar: Calendar
    values: dict[date, Values] = field(default_factory=dict)
    states: dict[date, dict[tuple[str, int, str, int, str, str], tuple[int, int]]] = field(
        default_factory=dict
    )

    def compute(self, day: date) -> None:
        """Compute a day's facts, from the history as it is now; the day is done then."""
        self.values[day] = facts.value_rows(self.history, day, self.calendar)
        self.states[day] = facts.state_rows(self.history, day, self.calendar)

    def done_days(self, first: date, last: date) -> list[date]:
        """Return the done days between two days, both included."""
        return [day for day in days_between(first, last) if day in self.values]

    def values_between(self, first: date, last: date) -> dict[Key, list[Value]]:
        """Return the daily rows between two days, both included, by scope, target and metric."""
        found: dict[Key, list[Value]] = {}
        for day in self.done_days(first, last):
            for key, row in self.values[day].items():
                found.setdefault(key, []).append(row)
        return found


@dataclass
class Period:
    """A week or month as far as it has come, and the closing day of each scope in it."""

    first: date
    last: date
    latest: date
    closing: dict[Ref, date]

    @property
    def is_complete(self) -> bool:
        """Tell whether the last day is done."""
        return self.latest == self.last

    def by_closing_day(self) -> Iterator[tuple[date, set[Ref]]]:
        """Yield each closing day with the scopes that close on it."""
        for end in sorted(set(self.closing.values())):
            yield end, {scope for scope, closing in self.closing.items() if closing == end}


def bounds(kind: str, day: date) -> tuple[date, date]:
    """Return the first and last day of the week (W, from Monday) or month (M) that holds a day."""
    if kind == "W":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    if kind == "M":
        in_next_month = day.replace(day=1) + timedelta(days=31)
        return day.replace(day=1), in_next_month.replace(day=1) - ONE_DAY
    raise ValueError(f"A period is W or M, not {kind}.")


def days_between(first: date, last: date) -> list[date]:
    """Return all days from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def period_of(past: Past, kind: str, day: date) -> Period | None:
    """Return the period that holds the day, None when no day of it is done.

    A scope closes on the last day, up to the latest done one, as of which it has a member.
    """
    first, last = bounds(kind, day)
    done = past.done_days(first, last)
    if not done:
        return None
    closing: dict[Ref, date] = {}
    for one in days_between(first, done[-1]):
        for scope in Look(past.history, one, past.calendar, None).members:
            closing[scope] = one
    return Period(first, last, done[-1], closing)


# Weeks and months


def value_rows(
    past: Past, kind: str, day: date, rules: Mapping[str, str] = RULES
) -> dict[Key, Value]:
    """Return the rows of kpi_value of the week or month that holds the day, as those of a day.

    `rules` says how each metric rolls up.
    """
    period = period_of(past, kind, day)
    if period is None:
        return {}
    found: dict[Key, Value] = {}
    for end, scopes in period.by_closing_day():
        length = (end - period.first).days + 1
        anew = facts.value_rows(past.history, end, past.calendar, period.first)
        for rule, rows in ((LAST, past.values.get(end, {})), (RECOMPUTE, anew)):
            for key in chosen(rows, scopes, rules, rule):
                found[key] = extended(rows[key], end, length, period.is_complete)
        done = len(past.done_days(period.first, end))
        summed = past.values_between(period.first, end)
        for rule in (SUM, RATIO_OF_SUMS, WEIGHTED_MEAN):
            for key in chosen(summed, scopes, rules, rule):
                whole = period.is_complete and done == length
                found[key] = extended(added(rule, key[4], summed[key]), end, done, whole)
    return found


def state_rows(
    past: Past, kind: str, day: date
) -> dict[tuple[str, int, str, int, str, str], tuple[int, int]]:
    """Return the rows of kpi_state_count: each scope's of its closing day."""
    period = period_of(past, kind, day)
    found: dict[tuple[str, int, str, int, str, str], tuple[int, int]] = {}
    for end, scopes in period.by_closing_day() if period else ():
        rows = past.states.get(end, {})
        found |= {key: row for key, row in rows.items() if key[:2] in scopes}
    return found


def percentile_rows(
    past: Past, kind: str, day: date
) -> dict[Key, tuple[Decimal, Decimal, Decimal, int]]:
    """Return the rows of kpi_percentiles, over each scope's days up to its closing day."""
    period = period_of(past, kind, day)
    found: dict[Key, tuple[Decimal, Decimal, Decimal, int]] = {}
    for end, scopes in period.by_closing_day() if period else ():
        rows = facts.percentile_rows(past.history, end, past.calendar, period.first)
        found |= {key: row for key, row in rows.items() if key[:2] in scopes}
    return found


def plan_rows(past: Past, kind: str, day: date) -> dict[tuple[str, int, str, int], Gap]:
    """Return (scope…, target…) → (expected_count, done_count, gap, coverage_pct)."""
    period = period_of(past, kind, day)
    found: dict[tuple[str, int, str, int], Gap] = {}
    for end, scopes in period.by_closing_day() if period else ():
        look = Look(past.history, end, past.calendar, None)
        for scope in scopes:
            for target in look.targets:
                gap = plan_gap(look, look.members[scope], target)
                if gap is not None and target[0] in PLAN_LEVELS:
                    found[(*scope, *target)] = gap
    return found


def plan_gap(look: Look, members: set[int], target: Ref) -> Gap | None:
    """Return the row of one scope and target, None when nothing is planned."""
    planned = {
        pair: due_on
        for pair, due_on in look.due.items()
        if pair[0] in members and look.is_under(("UA", pair[1]), target)
    }
    if not planned:
        return None
    final = {
        (row.learner_id, row.ref_id)
        for row in look.realisations
        if row.domain == "UA" and row.is_final
    }
    expected = sum(due_on <= look.day for due_on in planned.values())
    done = len(final & set(planned))
    coverage = four_places(Fraction(100 * done, expected)) if expected else None
    return (expected, done, done - expected, coverage)


# Rolling windows


def rolling_rows(past: Past, day: date) -> dict[Key, Value]:
    """Return the rows of kpi_value of the 7 and the 30 days that end with a done day."""
    if day not in past.values:
        return {}
    members = set(Look(past.history, day, past.calendar, None).members)
    found: dict[Key, Value] = {}
    for name, length in WINDOWS.items():
        first = day - timedelta(days=length - 1)
        anew = facts.value_rows(past.history, day, past.calendar, first)
        for key in chosen(anew, members, ROLLING_RULES, RECOMPUTE):
            found[renamed(key, name)] = extended(anew[key], day, length, True)
        done = len(past.done_days(first, day))
        summed = past.values_between(first, day)
        for rule in (RATIO_OF_SUMS, WEIGHTED_MEAN):
            for key in chosen(summed, members, ROLLING_RULES, rule):
                row = added(rule, key[4], summed[key])
                found[renamed(key, name)] = extended(row, day, done, done == length)
    return found


def renamed(key: Key, name: str) -> Key:
    """Return the key with the metric of a window, PCT_ACQUIS_R7."""
    return (*key[:4], f"{key[4]}_{name}")


# Rules


def chosen(
    rows: Collection[Key], scopes: Collection[Ref], rules: Mapping[str, str], rule: str
) -> list[Key]:
    """Return the keys of some scopes whose metric rolls up by the rule."""
    return [key for key in rows if key[:2] in scopes and rules.get(key[4]) == rule]


def added(rule: str, metric: str, rows: list[Value]) -> Value:
    """Return the row that some daily rows of one metric add up to."""
    values = [Fraction(row[0]) for row in rows if row[0] is not None]
    numerator, denominator = total(row[1] for row in rows), total(row[2] for row in rows)
    size = sum(row[3] for row in rows)
    columns: Columns
    if rule == SUM:
        columns = (four_places(sum(values, Fraction(0))), numerator, denominator, size)
    elif rule == RATIO_OF_SUMS:
        scale = 100 if metric in OF_A_HUNDRED else 1
        ratio = four_places(Fraction(scale * (numerator or 0), denominator or 1))
        columns = (ratio, numerator, denominator, size)
    else:
        weighted = sum((Fraction(row[0] or 0) * row[3] for row in rows), Fraction(0))
        columns = (four_places(weighted / size), None, None, size)
    count = sum((row[4] or {}).get("reconstructed", 0) for row in rows)
    return (*columns, {"reconstructed": count} if count else None)


def total(counts: Iterator[int | None]) -> int | None:
    """Add what is known, None when nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def extended(row: Value, as_of: date, days: int, complete: bool) -> Value:
    """Return the row with what is said of its period beside what it says itself."""
    told = {"as_of": as_of.isoformat(), "days": days, "complete": complete}
    return (*row[:4], told | (row[4] or {}))
