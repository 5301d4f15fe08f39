"""The first capture ever: what the source's dates prove about the time before it."""

from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from .belief import Capture, believe, join_runs
from .history import (
    FIRST_STATE,
    RECONSTRUCTED,
    UNKNOWN_ORDER,
    UNKNOWN_STATE,
    Membership,
    Plan,
    Realisation,
)

ALWAYS = datetime(1970, 1, 1)


def reconstruct_realisation(
    current: Realisation, todo_order: int, now: Capture
) -> list[Realisation]:
    """Return one to three adjoining versions: not started, in progress, and `current` as the source has it."""

    def proof(instant: datetime | None) -> datetime | None:
        return instant if instant is not None and instant <= now.captured_at else None

    created = proof(current.created_at)
    started = proof(current.source_started_at)
    finished = proof(current.source_finished_at)
    active = proof(current.last_activity_at)
    if current.state_code == FIRST_STATE:
        proofs = [active, created]
    elif current.is_final:
        proofs = [finished, active, started, created]
    else:
        proofs = [active, started, created]
    current.valid_from = now.stamp
    for instant in reversed(proofs):
        if instant is not None:
            current.valid_from = instant
    current.origin = RECONSTRUCTED
    versions = [current]

    in_progress = None
    if current.state_code != FIRST_STATE and started is not None and started < current.valid_from:
        in_progress = _earlier(current, started, UNKNOWN_STATE, UNKNOWN_ORDER)
        in_progress.last_activity_at = started
        in_progress.started_at = started
        versions.insert(0, in_progress)
    if created is not None and created < versions[0].valid_from:
        not_started = _earlier(current, created, FIRST_STATE, todo_order)
        not_started.progress_pct = Decimal(0)
        versions.insert(0, not_started)

    for version, following in pairwise(versions):
        version.valid_to = following.valid_from
    if in_progress is not None:
        join_runs(in_progress, None, None, now)
    join_runs(current, in_progress, None, now)
    believe(current)
    return versions


def _earlier(current: Realisation, valid_from: datetime, code: str, order: int) -> Realisation:
    return Realisation(
        domain=current.domain,
        ref_id=current.ref_id,
        learner_id=current.learner_id,
        valid_from=valid_from,
        state_code=code,
        state_order=order,
        is_final=False,
        progress_pct=None,
        score=None,
        score_max=None,
        last_activity_at=None,
        created_at=current.created_at,
        source_started_at=current.source_started_at,
        source_finished_at=current.source_finished_at,
        origin=RECONSTRUCTED,
    )


def reconstruct_membership(
    version: Membership, learner_since: datetime | None, now: Capture
) -> None:
    """Date the version back to its active_from, else to the learner's own, else to always."""
    proven = version.active_from
    if proven is None:
        proven = learner_since
    if proven is None:
        proven = ALWAYS
    version.valid_from = min(proven, now.stamp)
    version.origin = RECONSTRUCTED


def reconstruct_plan(version: Plan, now: Capture) -> None:
    """Date the version back to the plan's creation, else to always."""
    proven = version.created_at if version.created_at is not None else ALWAYS
    version.valid_from = min(proven, now.stamp)
    version.origin = RECONSTRUCTED
