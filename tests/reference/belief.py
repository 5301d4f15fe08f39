"""Which start and end of a realisation to believe, from what the captures have seen of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .history import FIRST_STATE, FOREVER, Plan, Realisation, Version


@dataclass(frozen=True)
class Capture:
    """One capture: its instant, the last whole one before (None: first ever), when undated changes begin.

    `previous` of one learner is when he was last captured, alone or not; `previous_whole` stays.
    `seen_alone` says when learners were last captured alone; `learners` who is captured now, None for all;
    `reused` the ids that are another learner's since,
    `made_again` the keys in force that are another row's.
    """

    captured_at: datetime
    previous: datetime | None
    stamp: datetime
    seen_alone: Mapping[int, datetime] = field(default_factory=dict)
    learners: frozenset[int] | None = None
    reused: frozenset[int] = frozenset()
    made_again: frozenset[tuple[str, int, int]] = frozenset()
    previous_whole: datetime | None = None

    def of_learner(self, learner_id: int) -> "Capture":
        """Return what the capture is to one learner, who may have been seen alone since the previous one."""
        alone_at = self.seen_alone.get(learner_id)
        if alone_at is None or self.previous is None:
            return self
        previous, stamp = max(self.previous, alone_at), max(self.stamp, alone_at)
        return replace(self, previous=previous, stamp=stamp)

    def of(self, version: Version) -> "Capture":
        """Return what the capture is to the version's learner; a plan has none."""
        return self if isinstance(version, Plan) else self.of_learner(version.learner_id)

    def looks_at(self, version: Version) -> bool:
        """Tell whether the version is of those that the capture would see, if they were there."""
        if self.learners is None:
            return True
        return not isinstance(version, Plan) and version.learner_id in self.learners

    def is_reused(self, version: Version) -> bool:
        """Tell whether the version's learner has the id of another one before him."""
        return not isinstance(version, Plan) and version.learner_id in self.reused

    def seen_whole(self, seen_at: datetime | None) -> datetime | None:
        """Return the capture that first saw a run: one alone, since the previous whole one, gives way to this one."""
        if seen_at is None or self.previous_whole is None or seen_at <= self.previous_whole:
            return seen_at
        return self.captured_at

    def window_holds(self, instant: datetime | None) -> bool:
        """Tell whether the instant lies after the previous capture and not after this one."""
        if instant is None or self.previous is None:
            return False
        return self.previous < instant <= self.captured_at


@dataclass
class Run:
    """A chain of adjoining versions that are all started (or all final)."""

    first_from: datetime | None
    seen_at: datetime | None
    outside_seen_at: datetime | None


NO_RUN = Run(None, None, None)


def started_run(version: Realisation) -> Run:
    """Return the started run that the version says it is in."""
    return Run(version.started_from, version.started_seen_at, version.unstarted_seen_at)


def final_run(version: Realisation) -> Run:
    """Return the final run that the version says it is in."""
    return Run(version.final_from, version.final_seen_at, version.unfinal_seen_at)


def find_run(
    new: Realisation,
    before: Realisation | None,
    overwritten: Realisation | None,
    capture: Capture,
    inside: Callable[[Realisation], bool],
    run_of: Callable[[Realisation], Run],
) -> Run:
    """Return the run that `new` is in.

    `before` is the version before it in time, already closed (or None); `overwritten` the open
    version whose place it takes, which the previous capture saw. `inside` says whether a version
    belongs to a run of the kind asked for.
    """
    if not inside(new):
        return NO_RUN

    if overwritten is not None and inside(overwritten):
        run = run_of(overwritten)
    elif before is not None and before.valid_to == new.valid_from and inside(before):
        run = run_of(before)
    else:
        run = Run(new.valid_from, capture.captured_at, None)
    previous = overwritten if overwritten is not None else before
    outside = last_seen_outside(previous, capture, inside, run_of)
    return Run(run.first_from, capture.seen_whole(run.seen_at), outside)


def last_seen_outside(
    previous: Realisation | None,
    capture: Capture,
    inside: Callable[[Realisation], bool],
    run_of: Callable[[Realisation], Run],
) -> datetime | None:
    """Return the last capture that saw the row outside of the run, from what it was before."""
    if previous is None:
        return None
    if inside(previous):
        return run_of(previous).outside_seen_at
    if previous.valid_to == FOREVER:  # overwritten, so open until now
        return capture.previous
    return previous.last_seen_at


def join_runs(
    new: Realisation,
    before: Realisation | None,
    overwritten: Realisation | None,
    capture: Capture,
) -> None:
    """Write into `new` the started and the final run it is in, of versions of the same row."""
    if new.learner_id in capture.reused or new.key in capture.made_again:
        before = overwritten = None
    elif overwritten is not None and before is not None and made_apart(before, new.created_at):
        before = None
    started = find_run(new, before, overwritten, capture, lambda v: v.is_started, started_run)
    new.started_from = started.first_from
    new.started_seen_at = started.seen_at
    new.unstarted_seen_at = started.outside_seen_at
    final = find_run(new, before, overwritten, capture, lambda v: v.is_final, final_run)
    new.final_from = final.first_from
    new.final_seen_at = final.seen_at
    new.unfinal_seen_at = final.outside_seen_at


def made_apart(version: Realisation, created_at: datetime | None) -> bool:
    """Tell whether the version is of another row than one under the same key, by the instants they were made at."""
    return None not in (version.created_at, created_at) and version.created_at != created_at


def is_contradicted(instant: datetime | None, run: Run) -> bool:
    """Tell whether the history contradicts the source's instant for the run's beginning."""
    if instant is None:
        return True
    if run.outside_seen_at is not None and instant < run.outside_seen_at:
        return True
    return run.seen_at is not None and instant > run.seen_at


def believe(version: Realisation) -> None:
    """Set the version's started_at and finished_at from the source's instants and its runs.

    A final version without finished_at afterwards is one whose end lies before its start.
    """
    version.started_at = None
    version.finished_at = None
    start_replaced = False
    if version.state_code != FIRST_STATE:
        version.started_at = version.source_started_at
        if is_contradicted(version.source_started_at, started_run(version)):
            version.started_at = version.started_from
            start_replaced = True
    if version.is_final:
        version.finished_at = version.source_finished_at
        if is_contradicted(version.source_finished_at, final_run(version)):
            version.finished_at = version.final_from
    if version.started_at is None or version.finished_at is None:
        return
    if version.finished_at < version.started_at:
        if start_replaced:
            version.started_at = version.finished_at
        else:
            version.finished_at = None


def believe_activity(new: Realisation, in_force: Realisation, capture: Capture) -> None:
    """Keep the last activity that was believed, unless something changed with the source's, a hint.

    That is since the row was last seen, or up to an hour before, as a transaction is seen after its instants.
    """
    assert capture.previous is not None
    at = new.last_activity_at
    moved = at is not None and at > capture.previous - timedelta(hours=1)
    if not moved or new.substance() == in_force.substance():
        new.last_activity_at = in_force.last_activity_at


def ends_before_start(version: Realisation) -> bool:
    """Tell whether `believe` had to set the end aside."""
    return version.is_final and version.finished_at is None
