"""What a learner hands in on a task and what trainers answer, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from . import names
from .clock import DAY, SECOND, Calendar, local_day

_DELAY_DAYS = (0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 5, 9)
MOST_ROUNDS = 3


class Round(NamedTuple):
    """Submissions and the answer to them.

    `answered` is None for submissions nobody answers; `remark` is empty for an approval without a
    word.
    """

    submissions: tuple[datetime, ...]
    answered: datetime | None = None
    approved: bool = False
    by_comment: bool = False
    remark: str = ""


@dataclass
class Exchange:
    """All that happens on one task; `early` is a remark before anything was handed in."""

    started: datetime
    early: datetime | None = None
    rounds: list[Round] = field(default_factory=list)

    @property
    def approved_at(self) -> datetime | None:
        """When the task was approved; None while it is not."""
        last = self.rounds[-1] if self.rounds else None
        return last.answered if last is not None and last.approved else None


def converse(
    calendar: Calendar, rng: Random, day: date, not_before: datetime, stop: datetime
) -> Exchange | None:
    """Return the exchange on a task begun on that day; None when the learner stops before it."""
    started = max(calendar.moment(day, rng), not_before + 60 * SECOND)
    if started > stop:
        return None
    exchange = Exchange(started)
    now = started
    if rng.random() < 0.03:
        now = exchange.early = started + timedelta(minutes=20 + int(200 * rng.random()))
    while len(exchange.rounds) < MOST_ROUNDS:
        submissions = _submissions(calendar, rng, now, stop)
        if not submissions:
            break
        answer = _answer(calendar, rng, submissions)
        exchange.rounds.append(answer)
        if answer.answered is None or answer.approved:
            break
        now = answer.answered
    return exchange


def _submissions(
    calendar: Calendar, rng: Random, now: datetime, stop: datetime
) -> tuple[datetime, ...]:
    """Return one to three submissions after `now`, as far as the learner does not stop."""
    made: list[datetime] = []
    for _ in range(1 + (rng.random() < 0.3) + (rng.random() < 0.08)):
        day = local_day(now) + (DAY if rng.random() < 0.7 else 0 * DAY)
        now = max(calendar.moment(day, rng), now + 600 * SECOND)
        if now > stop:
            break
        made.append(now)
    return tuple(made)


def _answer(calendar: Calendar, rng: Random, submissions: tuple[datetime, ...]) -> Round:
    if rng.random() < 0.07:
        return Round(submissions)
    last = submissions[-1]
    delay = rng.choice(_DELAY_DAYS)
    answered = calendar.office_hour(local_day(last) + delay * DAY, rng)
    if answered <= last:
        answered = last + timedelta(minutes=15 + int(180 * rng.random()))
    approved = rng.random() < 0.75
    if approved and rng.random() < 0.12:
        return Round(submissions, answered, approved)
    remark = rng.choice(names.APPROVED_PIECES if approved else names.REVISION_PIECES)
    return Round(submissions, answered, approved, rng.random() < 0.3, remark)
