"""Hypothesis strategies for small random worlds: what a source shows on each of a few nights.

A world is small (at most three learners, a few realisations, five captures) so that hundreds can be
tried, and draws its instants from a short list of awkward ones, so that ties and coincidences are
common and examples shrink well.
"""

from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.reference.calendar import Calendar
from tests.worlds import (
    EVERYONE,
    FIRST_DAYS,
    GROUPS,
    LABELS,
    LEARNERS,
    MOVABLE,
    NOBODY,
    ODD_PARENTS,
    PLACES,
    PROGRESS,
    SCALES,
    SCORES,
    SESSION_GROUPS,
    STATES,
    TREE,
    UAS,
    WORK,
    Frame,
    Night,
    Row,
    Stay,
    World,
    awkward_instants,
    feedback_row,
    membership_row,
    membership_rows,
    scope_rows,
    target_rows,
)

T = TypeVar("T")

# When a day is captured, after its midnight in UTC; instants have microseconds, as real ones
NIGHTLY = timedelta(days=1, hours=1, minutes=30, microseconds=1)
AT_NOON = timedelta(hours=11)
LATE = timedelta(days=3, hours=2)


def instant(frame: Frame) -> st.SearchStrategy[datetime | None]:
    """Draw one of the world's instants, or None."""
    return st.sampled_from([*frame.instants, None])


@st.composite
def rarely(draw: st.DrawFn, strategy: st.SearchStrategy[T]) -> T | None:
    """Draw None, or now and then a value."""
    return draw(strategy) if draw(st.sampled_from((False,) * 7 + (True,))) else None


@st.composite
def frames(draw: st.DrawFn, calendar: Calendar, during_the_day: bool, max_nights: int) -> Frame:
    """Draw the captures (see `worlds`) and the few instants and dates that the world uses."""
    day = draw(st.sampled_from(FIRST_DAYS))
    captures: list[tuple[date, datetime]] = []
    for _ in range(draw(st.integers(2, max_nights))):
        moments = (NIGHTLY, AT_NOON, LATE) if during_the_day else (NIGHTLY,)
        captured_at = datetime.combine(day, time(0)) + draw(st.sampled_from(moments))
        if captures and captured_at <= captures[-1][1]:
            captured_at = captures[-1][1] + timedelta(minutes=20)
        captures.append((day, captured_at))
        day += timedelta(days=draw(st.sampled_from((1, 0, 2) if during_the_day else (1, 2, 7))))
    awkward = awkward_instants(captures, calendar)
    some = draw(st.lists(st.sampled_from(awkward), min_size=3, max_size=7, unique=True))
    midnight = calendar.utc_end(draw(st.sampled_from(captures))[0])  # the most awkward one
    instants = {midnight, *some}
    dates = [day for day, _ in captures]
    dates += [dates[0] - timedelta(days=9), dates[-1] + timedelta(days=3)]
    learners = LEARNERS[: draw(st.integers(1, len(LEARNERS)))]
    return Frame(captures, learners, sorted(instants), list(dict.fromkeys(dates)), calendar)


@st.composite
def targets(draw: st.DrawFn, frame: Frame) -> list[list[Row]]:
    """Draw the tree on each night: some targets hang loose, one may move on a night, one may go."""
    loose = draw(st.sets(st.sampled_from(MOVABLE), max_size=3))
    event = st.tuples(st.sampled_from(MOVABLE), st.sampled_from(frame.indices))
    moved, gone = draw(st.none() | event), draw(rarely(event))
    nights = [
        target_rows(
            hidden=gone[0] if gone is not None and night >= gone[1] else None,
            moved=moved[0] if moved is not None and night >= moved[1] else None,
            loose=loose,
        )
        for night in frame.indices
    ]
    odd = draw(rarely(st.tuples(st.sampled_from(TREE), st.sampled_from((*TREE, *ODD_PARENTS)))))
    if odd is not None:
        for rows in nights[draw(st.sampled_from(frame.indices)) :]:
            for row in rows:
                if (row["target_type"], row["ref_id"]) == odd[0][:2]:
                    row["parent_type"], row["parent_ref_id"] = odd[1][:2]
    draw(relabelling(nights))
    return nights


@st.composite
def relabelling(draw: st.DrawFn, nights: list[list[Row]]) -> None:
    """Now and then, give the first row other labels on some nights."""
    if draw(rarely(st.just(True))):
        for rows in nights:
            rows[0]["label"] = draw(st.sampled_from(LABELS))


@st.composite
def scopes(draw: st.DrawFn, frame: Frame) -> list[list[Row]]:
    """Draw the scopes on each night: all there are; one but GLOBAL may be deleted on a night."""
    rows = scope_rows(frame.learners)
    event = st.tuples(st.sampled_from(range(len(rows) - 1, 0, -1)), st.sampled_from(frame.indices))
    deleted = draw(rarely(event))
    nights = []
    for night in frame.indices:
        gone = deleted[0] if deleted is not None and night >= deleted[1] else None
        nights.append([dict(row) for index, row in enumerate(rows) if index != gone])
    draw(relabelling(nights))
    return nights


@st.composite
def memberships(draw: st.DrawFn, frame: Frame) -> list[list[Row]]:
    """Draw where each learner is on each night, as an adapter would tell it."""
    sessions = {}
    for session in SESSION_GROUPS:
        start = draw(st.sampled_from(frame.dates))
        end = start + timedelta(days=draw(st.sampled_from((1, 0, 3, 13))))
        sessions[session] = (frame.calendar.utc_start(start), frame.calendar.utc_end(end))
    prolonged = {ref: (start, end + timedelta(days=1)) for ref, (start, end) in sessions.items()}
    prolonged_from = draw(rarely(st.sampled_from(frame.indices)))
    stray = draw(rarely(st.sampled_from((("GROUPE", NOBODY, 1), ("GROUPE", 1, NOBODY)))))

    nights: list[list[Row]] = [[] for _ in frame.indices]
    for learner in frame.learners:
        registered = draw(instant(frame))
        place = draw(st.sampled_from(PLACES))
        joined, left = draw(instant(frame)), None
        for night in frame.indices:
            if night > 0 and draw(st.sampled_from((False, False, True))):
                place = draw(st.sampled_from(PLACES))
                joined = draw(instant(frame))
                left = draw(rarely(instant(frame)))
                # Now and then another person
                registered = draw(rarely(instant(frame))) or registered
            if place is not None:
                is_prolonged = prolonged_from is not None and night >= prolonged_from
                stay = Stay(*place, registered, joined, left)
                dates = prolonged if is_prolonged else sessions
                nights[night] += membership_rows(learner, stay, dates)
    if stray is not None:
        for rows in nights:
            rows.append(membership_row(*stray))
    return nights


VALUES: dict[str, tuple[object, ...]] = {
    "state": STATES,  # stands for three columns
    "progress_pct": PROGRESS,
    "score": SCORES,
    "score_max": SCALES,
}
INSTANTS = ("created_at", "started_at", "last_activity_at", "finished_at")
FIELDS = (*VALUES, *INSTANTS)


def realisation_field(frame: Frame, name: str) -> st.SearchStrategy[Any]:
    """Draw one field of a realisation."""
    if name in VALUES:
        return st.sampled_from(VALUES[name])
    if name == "last_activity_at":
        return st.sampled_from([*frame.instants, *frame.week_edge, None])
    return instant(frame)


@st.composite
def realisation_fields(draw: st.DrawFn, frame: Frame) -> dict[str, Any]:
    """Draw all fields of a realisation, half of the time with its instants in natural order."""
    fields = {name: draw(realisation_field(frame, name)) for name in FIELDS}
    if draw(st.booleans()):
        known = [name for name in INSTANTS if fields[name] is not None]
        in_order = sorted(fields[name] for name in known)
        fields.update(zip(known, in_order, strict=True))
    return fields


@st.composite
def realisations(draw: st.DrawFn, frame: Frame) -> list[list[Row]]:
    """Draw a few rows; each night a row stays, is edited, is written anew, or is not there."""
    whose = st.sampled_from((*frame.learners, EVERYONE))
    keys = draw(
        st.lists(st.tuples(st.sampled_from(WORK), whose), min_size=1, max_size=6, unique=True)
    )
    stray = draw(rarely(st.sampled_from(((("UA", NOBODY), 1), (("UA", 1), NOBODY)))))
    if stray is not None:
        keys.append(stray)

    nights: list[dict[tuple[str, int, int], Row]] = [{} for _ in frame.indices]
    for (domain, ref), one_or_all in keys:
        learners = frame.learners if one_or_all == EVERYONE else (one_or_all,)
        fields: dict[str, Any] | None = None
        own_start: dict[int, datetime | None] = {}
        for night in frame.indices:
            action = draw(st.sampled_from(("stays", "edited", "anew", "stays", "edited", "gone")))
            if action == "gone":
                continue  # and comes back as it was, unless edited then
            if fields is None or action == "anew":
                fields = draw(realisation_fields(frame))
                own_start = {learner: draw(instant(frame)) for learner in learners[1:]}
            elif action == "edited":
                edited = draw(st.sets(st.sampled_from(FIELDS), min_size=1, max_size=3))
                changes = {name: draw(realisation_field(frame, name)) for name in sorted(edited)}
                fields = {**fields, **changes}
            code, order, is_final = fields["state"]
            changed_at = draw(instant(frame))
            for learner in learners:
                row = {"domain": domain, "ref_id": ref, "learner_id": learner}
                row |= {"state_code": code, "state_order": order, "is_final": is_final}
                row |= {name: fields[name] for name in FIELDS if name != "state"}
                row["changed_at"] = changed_at
                row["started_at"] = own_start.get(learner, fields["started_at"])
                nights[night].setdefault((domain, ref, learner), row)
    return [list(rows.values()) for rows in nights]


@st.composite
def plans(draw: st.DrawFn, frame: Frame) -> list[list[Row]]:
    """Draw the groups' planned UAs; each night a plan stays, moves or is not there."""
    pairs = st.tuples(st.sampled_from(GROUPS), st.sampled_from(UAS))
    keys = draw(st.lists(pairs, max_size=4, unique=True))
    stray = draw(rarely(st.sampled_from(((1, NOBODY), (NOBODY, 1)))))
    if stray is not None:
        keys.append(stray)
    nights: list[list[Row]] = [[] for _ in frame.indices]
    for group, ua in keys:
        due_on = draw(st.sampled_from(frame.dates))
        created_at = draw(instant(frame))
        for night in frame.indices:
            action = draw(st.sampled_from(("stays", "stays", "moves", "gone")))
            if action == "gone":
                continue
            if action == "moves":
                due_on = draw(st.sampled_from(frame.dates))
                created_at = draw(instant(frame))
            nights[night].append(
                {
                    "scope_type": "GROUPE",
                    "scope_ref_id": group,
                    "ua_ref_id": ua,
                    "due_on": due_on,
                    "created_at": created_at,
                }
            )
    return nights


@st.composite
def feedback(draw: st.DrawFn, frame: Frame) -> list[list[Row]]:
    """Draw submissions and their feedback: they appear, are edited, hang elsewhere, vanish; some are a team's.

    Two kinds have the same ids; what is edited may be another submission, or another learner's.
    """
    hooks = st.sampled_from((*WORK, ("GLOBAL", None), ("REFERENTIEL", 1)))
    whose = st.sampled_from([*((learner,) for learner in frame.learners), frame.learners])
    stray = draw(rarely(st.sampled_from((0, 1, 2))))
    nights: list[list[Row]] = [[] for _ in frame.indices]
    for number in range(draw(st.integers(0, 4))):
        learners = (NOBODY,) if number == stray else draw(whose)
        shown: tuple[list[tuple[str, int | None]], datetime | None, datetime | None] | None = None
        for night in frame.indices:
            action = draw(st.sampled_from(("stays", "stays", "edited", "gone")))
            if action == "gone":
                continue
            if shown is None or action == "edited":
                hung_on = draw(st.lists(hooks, min_size=1, max_size=3, unique=True))
                if number == stray:
                    hung_on.append(("UA", NOBODY))
                elif shown is not None:
                    learners = draw(rarely(whose)) or learners
                submitted_at, feedback_at = draw(instant(frame)), draw(instant(frame))
                if submitted_at and feedback_at and draw(st.sampled_from((True, True, False))):
                    submitted_at, feedback_at = sorted((submitted_at, feedback_at))
                shown = (hung_on, submitted_at, feedback_at)
            hung_on, submitted_at, feedback_at = shown
            kind = ("TACHE", "QUIZ")[number % 2]
            nights[night] += [
                feedback_row(number // 2 + 1, learner, target, submitted_at, feedback_at, kind)
                for target in hung_on
                for learner in learners
            ]
    return nights


@st.composite
def worlds(
    draw: st.DrawFn, calendar: Calendar, during_the_day: bool = False, max_nights: int = 5
) -> World:
    """Draw a world of two to `max_nights` captures.

    By default each capture is of another local day, at 01:30 UTC after it; with `during_the_day`
    there are captures at noon, two days late, and several of one day too.
    """
    frame = draw(frames(calendar, during_the_day, max_nights))
    relations = {
        "target": draw(targets(frame)),
        "scope": draw(scopes(frame)),
        "realisation": draw(realisations(frame)),
        "membership": draw(memberships(frame)),
        "plan": draw(plans(frame)),
        "feedback": draw(feedback(frame)),
    }
    nights = []
    for index, (day, captured_at) in enumerate(frame.captures):
        source = {name: rows[index] for name, rows in relations.items()}
        nights.append(Night(day, captured_at, source))
    return World(nights, calendar)
