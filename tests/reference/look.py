"""The world as of the end of one local day: who is where, what is planned and what is in force."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from .calendar import Calendar
from .history import Feedback, History, Realisation, Version

Ref = tuple[str, int]

GLOBAL: Ref = ("GLOBAL", 0)


class Look:
    """The world as of the end of one local day, and the window of days that ends with it."""

    def __init__(
        self, history: History, day: date, calendar: Calendar, window_start_day: date | None
    ) -> None:
        self.day = day
        self.end = calendar.utc_end(day)
        self.window_start = calendar.utc_start(window_start_day or day)
        self.inactive_before = calendar.utc_start(day - timedelta(days=6))
        self.targets = sorted(set(history.targets) | {GLOBAL})
        self.above = {target: self_and_above(history, target) for target in self.targets}

        self.realisations = [v for v in history.realisations if self.in_force(v)]
        self.plans = [v for v in history.plans if self.in_force(v)]
        self.members: dict[Ref, set[int]] = {}
        for version in history.memberships:
            begun = version.active_from is None or version.active_from < self.end
            lasting = version.active_to is None or version.active_to >= self.end
            if self.in_force(version) and begun and lasting:
                scope = (version.scope_type, version.scope_ref_id)
                self.members.setdefault(scope, set()).add(version.learner_id)
        self.due = self.planned_pairs()
        self.feedback = [
            event
            for event in history.feedback
            if event.submitted_at is not None
            and event.feedback_at is not None
            and self.in_window(event.feedback_at)
        ]

    def in_force(self, version: Version) -> bool:
        """Tell whether the version was the one at the end of the day."""
        return version.valid_from < self.end <= version.valid_to

    def in_window(self, instant: datetime) -> bool:
        """Tell whether the instant lies in the window's local days."""
        return self.window_start <= instant < self.end

    def planned_pairs(self) -> dict[tuple[int, int], date]:
        """Return (learner, UA) → earliest due date over the groups the learner is in."""
        pairs: dict[tuple[int, int], date] = {}
        for plan in self.plans:
            for learner in self.members.get((plan.scope_type, plan.scope_ref_id), set()):
                pair = (learner, plan.ua_ref_id)
                if pair not in pairs or plan.due_on < pairs[pair]:
                    pairs[pair] = plan.due_on
        return pairs

    def is_under(self, ref: Ref, target: Ref) -> bool:
        """Tell whether `ref` is the target or lies below it."""
        return target in self.above[ref]

    def rows(self, members: set[int], domain: str, target: Ref) -> list[Realisation]:
        """Return the members' realisations of one domain at or under the target."""
        return [
            row
            for row in self.realisations
            if row.learner_id in members
            and row.domain == domain
            and self.is_under((row.domain, row.ref_id), target)
        ]

    def acquisitions(self, rows: Iterable[Realisation]) -> list[Realisation]:
        """Return the rows that were finished within the window and whose start is known."""
        return [
            row
            for row in rows
            if row.is_final
            and row.started_at is not None
            and row.finished_at is not None
            and self.in_window(row.finished_at)
        ]

    def answers(self, members: set[int], target: Ref) -> list[Feedback]:
        """Return the feedback to members at or under the target, each submission once."""
        found: dict[tuple[object, ...], Feedback] = {}
        for event in self.feedback:
            ref = (event.target_type, event.target_ref_id)
            if event.learner_id in members and self.is_under(ref, target):
                found[(*event.key, event.captured_at)] = event
        return list(found.values())


def self_and_above(history: History, target: Ref) -> list[Ref]:
    """Return the target and all above it, GLOBAL last; an unknown parent counts as none."""
    path = [target]
    while path[-1] != GLOBAL:
        _, parent_type, parent_ref = history.targets[path[-1]]
        parent = (parent_type or "GLOBAL", parent_ref or 0)
        if parent not in history.targets or parent in path:
            parent = GLOBAL
        path.append(parent)
    return path
