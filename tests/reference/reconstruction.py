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
    """Return one to three adjoining versions: not started, in progress, as the source has it."""
    created = _proof(current.created_at, now)
    started = _proof(current.source_started_at, now)
    current.valid_from = _current_since(current, now)
    current.origin = RECONSTRUCTED
    versions = [current]

    in_progress = None
    if current.is_started and started is not None and started < current.valid_from:
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


def _proof(instant: datetime | None, now: Capture) -> datetime | None:
    return instant if instant is not None and instant <= now.captured_at else None


def _current_since(current: Realisation, now: Capture) -> datetime:
    """Return since when the source's state can be taken to hold: the first proof there is."""
    proofs = [current.last_activity_at, current.created_at]
    if current.is_started:
        proofs.insert(1, current.source_started_at)
    if current.is_final:
        proofs.insert(0, current.source_finished_at)
    for proof in proofs:
        if _proof(proof, now) is not None:
            return proof  # type: ignore[return-value]
    return now.stamp


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
