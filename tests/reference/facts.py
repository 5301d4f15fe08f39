"""The daily facts, computed from the history with loops and exact fractions.

Every function takes the window's last local day (`day`, which also says as of when the world is
looked at) and its first (`window_start_day`, by default the same day; only delays look at it). Keys
hold (type, ref) pairs; GLOBAL's ref is 0.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from .calendar import Calendar
from .history import RECONSTRUCTED, Feedback, History, Realisation
from .look import Look, Ref

Value = tuple[Decimal, int | None, int | None, int, dict[str, int] | None]

LEVELS = {
    "PROGRESSION_MOY": ("MODULE", "COMPETENCE", "MICRO_COMPETENCE"),
    "SCORE_NORM": ("MODULE", "COMPETENCE", "MICRO_COMPETENCE"),
    "PCT_ACQUIS": ("MODULE", "COMPETENCE"),
    "PCT_COUVERTURE_UA": ("UA", "MODULE"),
    "INACTIVITE_7J": ("COMPETENCE", "MICRO_COMPETENCE"),
    "DELAI_ACQUIS_MICRO": ("MICRO_COMPETENCE",),
    "DELAI_FEEDBACK": ("MODULE", "COMPETENCE", "MICRO_COMPETENCE"),
}
PERCENTILE_LEVELS = ("GLOBAL", "MODULE", "COMPETENCE", "MICRO_COMPETENCE")
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


def value_rows(
    history: History, day: date, calendar: Calendar, window_start_day: date | None = None
) -> dict[tuple[str, int, str, int, str], Value]:
    """Return (scope_type, scope_ref, target_type, target_ref, metric_code) → the row of kpi_value.

    The row is (value_num, numerator, denominator, sample_size, extra).
    """
    look = Look(history, day, calendar, window_start_day)
    found: dict[tuple[str, int, str, int, str], Value] = {}
    for scope, members in look.members.items():
        for target in look.targets:
            for metric, levels in LEVELS.items():
                if target[0] not in levels:
                    continue
                value = METRICS[metric](look, members, target)
                if value is not None:
                    found[(*scope, *target, metric)] = value
    return found


def progression_moy(look: Look, members: set[int], target: Ref) -> Value | None:
    """Mean progress of the realisations of the target itself."""
    rows = [row for row in look.rows(members, target[0], target) if row.progress_pct is not None]
    return mean([Fraction(row.progress_pct or 0) for row in rows], rows)


def score_norm(look: Look, members: set[int], target: Ref) -> Value | None:
    """Mean mark, on a scale of 100, of the realisations of the target itself."""
    rows, marks = [], []
    for row in look.rows(members, target[0], target):
        if row.score is not None and row.score_max is not None and row.score_max > 0:
            rows.append(row)
            marks.append(100 * Fraction(row.score) / Fraction(row.score_max))
    return mean(marks, rows)


def pct_acquis(look: Look, members: set[int], target: Ref) -> Value | None:
    """Share of final realisations among those of competences under the target."""
    rows = look.rows(members, "COMPETENCE", target)
    return percentage(sum(row.is_final for row in rows), len(rows), rows)


def pct_couverture_ua(look: Look, members: set[int], target: Ref) -> Value | None:
    """Share of done UAs among the (learner, UA) pairs planned and due."""
    due = [
        (learner, ua)
        for (learner, ua), due_on in look.due.items()
        if learner in members and due_on <= look.day and look.is_under(("UA", ua), target)
    ]
    rows = [row for row in look.realisations if row.domain == "UA"]
    rows = [row for row in rows if (row.learner_id, row.ref_id) in due]
    return percentage(sum(row.is_final for row in rows), len(due), rows)


def inactivite_7j(look: Look, members: set[int], target: Ref) -> Value | None:
    """Share of started, unfinished micro-competences without activity in the last seven days."""
    rows = [
        row
        for row in look.rows(members, "MICRO_COMPETENCE", target)
        if row.started_at is not None and not row.is_final
    ]
    inactive = [
        row
        for row in rows
        if row.last_activity_at is None or row.last_activity_at < look.inactive_before
    ]
    return percentage(len(inactive), len(rows), rows)


def delai_acquis_micro(look: Look, members: set[int], target: Ref) -> Value | None:
    """Median of finish minus start, in days, of micro-competences finished within the window."""
    rows = look.acquisitions(look.rows(members, "MICRO_COMPETENCE", target))
    if not rows:
        return None
    median = percentile(acquisition_days(rows), Fraction(1, 2))
    return (four_places(median), None, None, len(rows), reconstructed(rows))


def delai_feedback(look: Look, members: set[int], target: Ref) -> Value | None:
    """Median of feedback minus submission, in hours, of feedback given within the window."""
    events = look.answers(members, target)
    if not events:
        return None
    median = percentile(feedback_hours(events), Fraction(1, 2))
    return (four_places(median), None, None, len(events), None)


METRICS = {
    "PROGRESSION_MOY": progression_moy,
    "SCORE_NORM": score_norm,
    "PCT_ACQUIS": pct_acquis,
    "PCT_COUVERTURE_UA": pct_couverture_ua,
    "INACTIVITE_7J": inactivite_7j,
    "DELAI_ACQUIS_MICRO": delai_acquis_micro,
    "DELAI_FEEDBACK": delai_feedback,
}


def state_rows(
    history: History, day: date, calendar: Calendar, window_start_day: date | None = None
) -> dict[tuple[str, int, str, int, str, str], tuple[int, int]]:
    """Return (scope…, target…, domain, state_code) → (state_ordre, count), at all six levels.

    A state has one order in all cells: the greatest that any row in force gives it.
    """
    look = Look(history, day, calendar, window_start_day)
    orders: dict[tuple[str, str], int] = {}
    for row in look.realisations:
        state = (row.domain, row.state_code)
        orders[state] = max(row.state_order, orders.get(state, row.state_order))
    found: dict[tuple[str, int, str, int, str, str], tuple[int, int]] = {}
    for scope, members in look.members.items():
        for row in look.realisations:
            if row.learner_id not in members:
                continue
            for target in look.above[(row.domain, row.ref_id)]:
                key = (*scope, *target, row.domain, row.state_code)
                order = orders[row.domain, row.state_code]
                found[key] = (order, found.get(key, (order, 0))[1] + 1)
    return found


def percentile_rows(
    history: History, day: date, calendar: Calendar, window_start_day: date | None = None
) -> dict[tuple[str, int, str, int, str], tuple[Decimal, Decimal, Decimal, int]]:
    """Return (scope…, target…, measure_code) → (p50, p75, p90, sample_size)."""
    look = Look(history, day, calendar, window_start_day)
    found = {}
    for scope, members in look.members.items():
        for target in look.targets:
            if target[0] not in PERCENTILE_LEVELS:
                continue
            micro = look.acquisitions(look.rows(members, "MICRO_COMPETENCE", target))
            comp = look.acquisitions(look.rows(members, "COMPETENCE", target))
            samples = {
                "DELAI_ACQUIS_MICRO": acquisition_days(micro),
                "DELAI_ACQUIS_COMP": acquisition_days(comp),
                "DELAI_FEEDBACK": feedback_hours(look.answers(members, target)),
            }
            for measure, sample in samples.items():
                if sample:
                    found[(*scope, *target, measure)] = (
                        four_places(percentile(sample, Fraction(50, 100))),
                        four_places(percentile(sample, Fraction(75, 100))),
                        four_places(percentile(sample, Fraction(90, 100))),
                        len(sample),
                    )
    return found


def acquisition_days(rows: list[Realisation]) -> list[Fraction]:
    """Return finish minus start of each row, in days of 24 h."""
    return [Fraction(microseconds(row.started_at, row.finished_at), DAY_US) for row in rows]


def feedback_hours(events: list[Feedback]) -> list[Fraction]:
    """Return feedback minus submission of each event, in hours."""
    return [Fraction(microseconds(e.submitted_at, e.feedback_at), HOUR_US) for e in events]


def microseconds(start: datetime | None, end: datetime | None) -> int:
    """Return end minus start; both must be known."""
    if start is None or end is None:
        raise ValueError(f"A delay needs both instants, not {start} and {end}.")
    return (end - start) // timedelta(microseconds=1)


def percentile(sample: list[Fraction], share: Fraction) -> Fraction:
    """Interpolate linearly at position (n − 1) · share of the sorted sample."""
    ordered = sorted(sample)
    position = (len(ordered) - 1) * share
    below = position.numerator // position.denominator
    if below == len(ordered) - 1:
        return ordered[below]
    return ordered[below] + (position - below) * (ordered[below + 1] - ordered[below])


def mean(values: list[Fraction], rows: list[Realisation]) -> Value | None:
    """Return the row of a mean, None without values."""
    if not values:
        return None
    average = sum(values, Fraction(0)) / len(values)
    return (four_places(average), None, None, len(values), reconstructed(rows))


def percentage(numerator: int, denominator: int, rows: list[Realisation]) -> Value | None:
    """Return the row of a percentage, None when there is nothing to divide by."""
    if denominator == 0:
        return None
    value = four_places(Fraction(100 * numerator, denominator))
    return (value, numerator, denominator, denominator, reconstructed(rows))


def reconstructed(rows: list[Realisation]) -> dict[str, int] | None:
    """Return how many rows of a sample rest on reconstructed versions, None when none does."""
    count = sum(row.origin == RECONSTRUCTED for row in rows)
    return {"reconstructed": count} if count else None


def four_places(value: Fraction) -> Decimal:
    """Round to four places, halves away from zero."""
    scaled = abs(value) * 10_000
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    rounded = Decimal(whole).scaleb(-4)
    return -rounded if value < 0 else rounded
