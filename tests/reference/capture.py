"""Capture of one night, or of some learners alone: from the contract relations to the history, one row at a time.

`source` maps each contract relation to its rows (dicts with exactly the contract's columns,
instants naive UTC); a relation `reject` may list what the adapter set aside itself.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from .belief import (
    Capture,
    believe,
    believe_activity,
    ends_before_start,
    join_runs,
    made_apart,
)
from .calendar import Calendar
from .cleaning import (
    Rejects,
    source_key,
    usable_feedback,
    usable_memberships,
    usable_plans,
    usable_realisations,
    usable_targets,
)
from .history import (
    CAPTURED,
    FOREVER,
    Feedback,
    History,
    Membership,
    Plan,
    Realisation,
    Reject,
)
from .reconstruction import reconstruct_membership, reconstruct_plan, reconstruct_realisation
from .versions import Counts, capture_versions

Row = dict[str, Any]
MICROSECOND = timedelta(microseconds=1)


@dataclass
class CaptureReport:
    """Counts per contract relation, and each row or field set aside."""

    counts: dict[str, Counts] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)


def capture(
    history: History,
    source: dict[str, list[Row]],
    business_day: date,
    captured_at: datetime,
    calendar: Calendar,
) -> CaptureReport:
    """Bring the history up to the source as it is at `captured_at`, on behalf of `business_day`."""
    previous = history.captures[-1] if history.captures else None
    now = Capture(
        captured_at=captured_at,
        previous=previous,
        stamp=calendar.utc_end(business_day) - MICROSECOND,
        seen_alone=history.seen_alone,
        previous_whole=previous,
    )
    rejects = Rejects()
    for row in source.get("reject", []):
        rejects.add(row["relation"], row["source_key"], row["field"] or "", row["reason"])
    plans = usable_plans(source, rejects)

    report = CaptureReport()
    report.counts["target"] = _capture_targets(history, source["target"], rejects)
    report.counts["plan"] = _capture_plans(history, plans, now)
    _capture_rows_of_learners(history, source, now, rejects, report)
    history.captures.append(captured_at)
    return report


def capture_learners(
    history: History,
    source: dict[str, list[Row]],
    learners: Collection[int],
    captured_at: datetime,
) -> CaptureReport:
    """Bring what is some learners' up to the source as it is at `captured_at`, during the day.

    A whole capture came before. The plan, the tree and what the adapter set aside wait for the next one; rows of
    other learners are not looked at.
    """
    wanted = frozenset(learners)
    now = Capture(
        captured_at=captured_at,
        previous=history.captures[-1],
        stamp=captured_at,
        seen_alone=history.seen_alone,
        learners=wanted,
        previous_whole=history.captures[-1],
    )
    shown = {
        relation: [row for row in source[relation] if row["learner_id"] in wanted]
        for relation in ("realisation", "membership", "feedback")
    }
    shown["scope"] = [
        row
        for row in source["scope"]
        if row["scope_type"] != "APPRENANT" or row["ref_id"] in wanted
    ]
    shown["target"] = [{"target_type": kind, "ref_id": ref} for kind, ref in history.targets]

    report = CaptureReport()
    _capture_rows_of_learners(history, shown, now, Rejects(), report)
    history.seen_alone |= dict.fromkeys(wanted, captured_at)
    return report


def _capture_rows_of_learners(
    history: History,
    source: dict[str, list[Row]],
    now: Capture,
    rejects: Rejects,
    report: CaptureReport,
) -> None:
    """Capture all but plan and tree, and complete the report with it and with all rejects."""
    realisations = usable_realisations(source, rejects)
    memberships = usable_memberships(source, rejects)
    feedback = usable_feedback(source, rejects)

    now = replace(
        now,
        reused=_reused_learners(history, memberships),
        made_again=_rows_made_again(history, realisations),
    )
    for learner in now.reused:
        key = source_key("membership", ("APPRENANT", learner, learner))
        rejects.add("membership", key, "active_from", "reused_id")
    for made_again in now.made_again:
        if made_again[2] not in now.reused:
            key = source_key("realisation", made_again)
            rejects.add("realisation", key, "created_at", "reused_id")
    if now.learners is None and now.previous is not None and _went_back(history, realisations, now):
        rejects.add("realisation", "source", "newest_row", "source_went_back")

    report.counts["scope"] = _capture_scopes(history, source["scope"])
    report.counts["realisation"] = _capture_realisations(history, realisations, now)
    report.counts["membership"] = _capture_memberships(history, memberships, now)
    report.counts["feedback"] = _capture_feedback(history, feedback, now, rejects)

    for version in history.realisations:
        if version.valid_to == FOREVER and now.looks_at(version) and ends_before_start(version):
            key = source_key("realisation", version.key)
            rejects.add("realisation", key, "finished_at", "finish_before_start")
    report.rejects = rejects.found
    for reject in report.rejects:
        report.counts.setdefault(reject.relation, Counts()).rejected += 1
        first_seen, _ = history.rejects.get(reject, (now.captured_at, now.captured_at))
        history.rejects[reject] = (first_seen, now.captured_at)


def _reused_learners(history: History, memberships: list[Row]) -> frozenset[int]:
    """Return the learners who began at another instant than those captured last under their ids."""
    latest = {
        version.learner_id: version.active_from
        for version in sorted(history.memberships, key=lambda version: version.valid_from)
        if version.scope_type == "APPRENANT"
    }
    return frozenset(
        row["learner_id"]
        for row in memberships
        if row["scope_type"] == "APPRENANT"
        and None not in (row["active_from"], latest.get(row["learner_id"]))
        and row["active_from"] != latest[row["learner_id"]]
    )


def _went_back(history: History, rows: list[Row], now: Capture) -> bool:
    """Tell whether the newest row, by its creation and activity so far, is older than the newest in force."""
    captured = [
        instant
        for version in history.realisations
        if version.valid_to == FOREVER
        for instant in (version.created_at, version.last_activity_at)
    ]
    shown = [row[name] for row in rows for name in ("created_at", "last_activity_at")]
    newest, newest_before = (
        max((one for one in some if one is not None and one <= now.captured_at), default=None)
        for some in (shown, captured)
    )
    return bool(rows) and newest_before is not None and (newest is None or newest < newest_before)


def _rows_made_again(history: History, rows: list[Row]) -> frozenset[tuple[str, int, int]]:
    """Return the keys of rows of which the version in force was made at another instant."""
    in_force = {
        version.key: version for version in history.realisations if version.valid_to == FOREVER
    }
    keys = {(row["domain"], row["ref_id"], row["learner_id"]): row["created_at"] for row in rows}
    return frozenset(
        key
        for key, created_at in keys.items()
        if key in in_force and made_apart(in_force[key], created_at)
    )


def _todo_orders(rows: list[Row]) -> dict[str, int]:
    """Return the order of the first state, the least there is, by domain."""
    found: dict[str, int] = {}
    for row in rows:
        if row["state_code"] == "TODO":
            order = found.get(row["domain"], row["state_order"])
            found[row["domain"]] = min(order, row["state_order"])
    return found


def _capture_realisations(history: History, rows: list[Row], now: Capture) -> Counts:
    todo_orders = _todo_orders(rows)

    def fresh(row: Row) -> Realisation:
        seen = now.of_learner(row["learner_id"])
        in_window = seen.window_holds(row["changed_at"])
        return Realisation(
            domain=row["domain"],
            ref_id=row["ref_id"],
            learner_id=row["learner_id"],
            valid_from=row["changed_at"] if in_window else seen.stamp,
            state_code=row["state_code"],
            state_order=row["state_order"],
            is_final=row["is_final"],
            progress_pct=row["progress_pct"],
            score=row["score"],
            score_max=row["score_max"],
            last_activity_at=row["last_activity_at"],
            created_at=row["created_at"],
            source_started_at=row["started_at"],
            source_finished_at=row["finished_at"],
            origin=CAPTURED,
        )

    def settle(new: Realisation, before: Realisation | None, over: Realisation | None) -> None:
        join_runs(new, before, over, now.of_learner(new.learner_id))
        believe(new)

    if now.previous is None:
        for row in rows:
            order = todo_orders.get(row["domain"], 0)
            history.realisations.extend(reconstruct_realisation(fresh(row), order, now))
        return Counts(new=len(rows))
    versions = [fresh(row) for row in rows]
    _believe_activities(history, versions, now)
    return capture_versions(history.realisations, versions, now, settle)


def _believe_activities(history: History, versions: list[Realisation], now: Capture) -> None:
    """Let each version have the last activity that is believed, where the source's is a hint."""
    if "last_activity_at" not in history.hints:
        return
    in_force = {one.key: one for one in history.realisations if one.valid_to == FOREVER}
    for version in versions:
        another = version.key in now.made_again or version.learner_id in now.reused
        if version.key in in_force and not another:
            believe_activity(version, in_force[version.key], now.of(version))


def _capture_memberships(history: History, rows: list[Row], now: Capture) -> Counts:
    def fresh(row: Row) -> Membership:
        seen = now.of_learner(row["learner_id"])
        in_window = seen.window_holds(row["active_from"])
        return Membership(
            scope_type=row["scope_type"],
            scope_ref_id=row["scope_ref_id"],
            learner_id=row["learner_id"],
            valid_from=row["active_from"] if in_window else seen.stamp,
            active_from=row["active_from"],
            active_to=row["active_to"],
            origin=CAPTURED,
        )

    if now.previous is None:
        since: dict[int, datetime | None] = {}
        for row in rows:
            if row["scope_type"] == "APPRENANT":
                since[row["learner_id"]] = row["active_from"]
        for row in rows:
            version = fresh(row)
            reconstruct_membership(version, since.get(row["learner_id"]), now)
            history.memberships.append(version)
        return Counts(new=len(rows))
    return capture_versions(history.memberships, [fresh(row) for row in rows], now)


def _capture_plans(history: History, rows: list[Row], now: Capture) -> Counts:
    def fresh(row: Row) -> Plan:
        in_window = now.window_holds(row["created_at"])
        return Plan(
            scope_type=row["scope_type"],
            scope_ref_id=row["scope_ref_id"],
            ua_ref_id=row["ua_ref_id"],
            valid_from=row["created_at"] if in_window else now.stamp,
            due_on=row["due_on"],
            created_at=row["created_at"],
            origin=CAPTURED,
        )

    if now.previous is None:
        for row in rows:
            version = fresh(row)
            reconstruct_plan(version, now)
            history.plans.append(version)
        return Counts(new=len(rows))
    return capture_versions(history.plans, [fresh(row) for row in rows], now)


def _capture_feedback(history: History, rows: list[Row], now: Capture, rejects: Rejects) -> Counts:
    counts = Counts()
    earlier: dict[tuple[str, int, int], list[Feedback]] = {}
    for event in history.feedback:
        earlier.setdefault(event.key, []).append(event)
    new = {
        submission_key(row)
        for row in rows
        if not any(same_submission(event, row) for event in earlier.get(submission_key(row), ()))
    }
    for key in new & set(earlier):
        rejects.add("feedback", source_key("feedback", key), "submitted_at", "reused_id")
    for row in rows:
        if submission_key(row) not in new:
            counts.unchanged += 1
            continue
        counts.new += 1
        history.feedback.append(
            Feedback(
                kind=row["kind"],
                submission_id=row["submission_id"],
                target_type=row["target_type"],
                target_ref_id=row["target_ref_id"],
                learner_id=row["learner_id"],
                submitted_at=row["submitted_at"],
                feedback_at=row["feedback_at"],
                trainer_id=row["trainer_id"],
                captured_at=now.captured_at,
            )
        )
    if now.learners is None:
        _find_ids_of_other_learners(history, rows, now, rejects)
    return counts


def submission_key(row: Row) -> tuple[str, int, int]:
    """Return (kind, submission_id, learner_id) of a row of the relation `feedback`."""
    return (row["kind"], row["submission_id"], row["learner_id"])


def same_submission(event: Feedback, row: Row) -> bool:
    """Tell whether event and row, of one key, may be one submission: the instants known are the same."""
    return None in (event.submitted_at, row["submitted_at"]) or (
        event.submitted_at == row["submitted_at"]
    )


def _find_ids_of_other_learners(
    history: History, rows: list[Row], now: Capture, rejects: Rejects
) -> None:
    """Report what was taken since the last whole capture under an id of a learner who has it no more."""
    shown = {submission_key(row) for row in rows}
    for event in history.feedback:
        for other in history.feedback:
            if (
                (other.kind, other.submission_id) == (event.kind, event.submission_id)
                and other.learner_id != event.learner_id
                and other.captured_at < event.captured_at
                and now.previous is not None
                and event.captured_at > now.previous
                and other.key not in shown
            ):
                rejects.add(
                    "feedback", source_key("feedback", event.key), "learner_id", "reused_id"
                )


def _capture_scopes(history: History, rows: list[Row]) -> Counts:
    counts = Counts()
    for row in rows:
        key = (row["scope_type"], row["ref_id"] or 0)
        if key not in history.scopes:
            counts.new += 1
        elif history.scopes[key] != row["label"]:
            counts.changed += 1
        else:
            counts.unchanged += 1
        history.scopes[key] = row["label"]
    return counts


def _capture_targets(history: History, rows: list[Row], rejects: Rejects) -> Counts:
    counts = Counts()
    for row in usable_targets(rows, set(history.targets), rejects):
        key = (row["target_type"], row["ref_id"] or 0)
        found = (row["label"], row["parent_type"], row["parent_ref_id"])
        if key not in history.targets:
            counts.new += 1
        elif history.targets[key] != found:
            counts.changed += 1
        else:
            counts.unchanged += 1
        history.targets[key] = found
    return counts
