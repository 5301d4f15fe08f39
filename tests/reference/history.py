"""What the capture keeps: versions, events, current dimensions, as in the kpi_src_* tables."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

FOREVER = datetime(9999, 12, 31)
CAPTURED = "CAPTURED"
RECONSTRUCTED = "RECONSTRUCTED"
FIRST_STATE = "TODO"
UNKNOWN_STATE = "UNKNOWN"
UNKNOWN_ORDER = 999


@dataclass
class Realisation:
    """One version of one learner's work on one target (kpi_src_realisation)."""

    domain: str
    ref_id: int
    learner_id: int
    valid_from: datetime
    state_code: str
    state_order: int
    is_final: bool
    progress_pct: Decimal | None
    score: Decimal | None
    score_max: Decimal | None
    last_activity_at: datetime | None
    created_at: datetime | None
    source_started_at: datetime | None
    source_finished_at: datetime | None
    origin: str
    valid_to: datetime = FOREVER
    # What is believed
    started_at: datetime | None = None
    finished_at: datetime | None = None
    # What the belief rests on; those of a run are None outside of it
    started_from: datetime | None = None
    started_seen_at: datetime | None = None
    unstarted_seen_at: datetime | None = None
    final_from: datetime | None = None
    final_seen_at: datetime | None = None
    unfinal_seen_at: datetime | None = None
    last_seen_at: datetime | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        """Return (domain, ref_id, learner_id)."""
        return (self.domain, self.ref_id, self.learner_id)

    @property
    def is_started(self) -> bool:
        """Tell whether the state is any but the first one; UNKNOWN is started."""
        return self.state_code != FIRST_STATE

    def substance(self) -> tuple[object, ...]:
        """Return what changes when the learner, or who marks him, does something."""
        return (
            self.state_code,
            self.progress_pct,
            self.score,
            self.source_started_at,
            self.source_finished_at,
        )

    def payload(self) -> tuple[object, ...]:
        """Return what is compared to find a change: the source's own words."""
        return (
            self.state_code,
            self.state_order,
            self.is_final,
            self.progress_pct,
            self.score,
            self.score_max,
            self.source_started_at,
            self.source_finished_at,
            self.last_activity_at,
            self.created_at,
        )


@dataclass
class Membership:
    """One version of a learner's belonging to a scope (kpi_src_membership)."""

    scope_type: str
    scope_ref_id: int
    learner_id: int
    valid_from: datetime
    active_from: datetime | None
    active_to: datetime | None
    origin: str
    valid_to: datetime = FOREVER

    @property
    def key(self) -> tuple[str, int, int]:
        """Return (scope_type, scope_ref_id, learner_id)."""
        return (self.scope_type, self.scope_ref_id, self.learner_id)

    def payload(self) -> tuple[object, ...]:
        """Return what is compared to find a change."""
        return (self.active_from, self.active_to)


@dataclass
class Plan:
    """One version of a group's due date for a UA (kpi_src_plan)."""

    scope_type: str
    scope_ref_id: int
    ua_ref_id: int
    valid_from: datetime
    due_on: date
    created_at: datetime | None
    origin: str
    valid_to: datetime = FOREVER

    @property
    def key(self) -> tuple[str, int, int]:
        """Return (scope_type, scope_ref_id, ua_ref_id)."""
        return (self.scope_type, self.scope_ref_id, self.ua_ref_id)

    def payload(self) -> tuple[object, ...]:
        """Return what is compared to find a change."""
        return (self.due_on,)


Version = Realisation | Membership | Plan


@dataclass
class Feedback:
    """One target of one submission and the first feedback on it (kpi_src_feedback)."""

    kind: str
    submission_id: int
    target_type: str
    target_ref_id: int
    learner_id: int
    submitted_at: datetime | None
    feedback_at: datetime | None
    trainer_id: int | None
    captured_at: datetime

    @property
    def key(self) -> tuple[str, int, int]:
        """Return (kind, submission_id, learner_id), which several submissions have when an id is used again."""
        return (self.kind, self.submission_id, self.learner_id)


@dataclass(frozen=True)
class Reject:
    """A source row, or one field of it, that could not be used; field is '' for a whole row."""

    relation: str
    source_key: str
    field: str
    reason: str


@dataclass
class History:
    """Everything that the captures so far have left; scopes and targets are the current ones.

    `hints` are the instants of realisations that the source moves without anything having happened.
    """

    hints: frozenset[str] = frozenset()
    realisations: list[Realisation] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    scopes: dict[tuple[str, int], str | None] = field(default_factory=dict)
    targets: dict[tuple[str, int], tuple[str | None, str | None, int | None]] = field(
        default_factory=dict
    )  # (label, parent_type, parent_ref_id)
    captures: list[datetime] = field(default_factory=list)  # whole ones
    seen_alone: dict[int, datetime] = field(default_factory=dict)  # learner → last capture of him
    rejects: dict[Reject, tuple[datetime, datetime]] = field(
        default_factory=dict
    )  # first and last capture that found it
