"""Which source rows and fields can be used; the rest is rejected with a reason."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from .history import UNKNOWN_ORDER, UNKNOWN_STATE, Reject

Row = dict[str, Any]
TEN_PLACES = Decimal("0.0000000001")
TOO_LARGE = 10**10  # a mark or scale that the tables cannot hold


class Rejects:
    """The rows and fields set aside by one capture, each once."""

    def __init__(self) -> None:
        self.found: list[Reject] = []

    def add(self, relation: str, key: str, field: str, reason: str) -> None:
        """Record one row (field '') or field."""
        reject = Reject(relation, key, field, reason)
        if reject not in self.found:
            self.found.append(reject)


def source_key(relation: str, key: tuple[object, ...]) -> str:
    """Return a row's key as text, as kpi_reject has it."""
    if relation == "plan":
        return f"GROUPE:{key[1]}:{key[2]}"
    return ":".join(str(part) for part in key)


# Finest first; a parent is of a level above.
LEVELS = ("UA", "MICRO_COMPETENCE", "COMPETENCE", "MODULE", "REFERENTIEL", "GLOBAL")


def usable_targets(rows: list[Row], captured: set[tuple[str, int]], rejects: Rejects) -> list[Row]:
    """Return all targets, without a parent where theirs is of no level above or there is none such."""
    known = captured | {(row["target_type"], row["ref_id"] or 0) for row in rows}
    usable = []
    for row in rows:
        kind, parent, ref = row["target_type"], row["parent_type"], row["parent_ref_id"]
        reason = None
        if ref is not None and (parent, ref) not in known:
            reason = "unknown_parent"
        elif (ref is not None or parent == "GLOBAL") and (
            LEVELS.index(parent) <= LEVELS.index(kind)
        ):
            reason = "parent_not_above"
        if reason:
            key = source_key("target", (kind, row["ref_id"] or 0))
            rejects.add("target", key, "parent_ref_id", reason)
            row = row | {"parent_type": None, "parent_ref_id": None}
        usable.append(row)
    return usable


def usable_realisations(source: dict[str, list[Row]], rejects: Rejects) -> list[Row]:
    """Return the realisations whose learner and target exist, unusable fields set to None."""
    usable = []
    for row in source["realisation"]:
        key = source_key("realisation", (row["domain"], row["ref_id"], row["learner_id"]))
        if not _target_exists(source, row["domain"], row["ref_id"]):
            rejects.add("realisation", key, "", "unknown_target")
            continue
        if not _learner_exists(source, row["learner_id"]):
            rejects.add("realisation", key, "", "unknown_learner")
            continue

        clean = dict(row)
        for name in ("progress_pct", "score", "score_max"):
            clean[name] = _decimal(row[name])
        clean["is_final"] = bool(row["is_final"])
        if row["state_code"] is None:
            clean["state_code"] = UNKNOWN_STATE
        if row["state_code"] is None or row["state_order"] is None:
            clean["state_order"] = UNKNOWN_ORDER
        _clean_fields(clean, key, rejects)
        usable.append(clean)
    return usable


def _clean_fields(row: Row, key: str, rejects: Rejects) -> None:
    """Set the unusable fields of a realisation to None."""
    if row["progress_pct"] is not None and not 0 <= row["progress_pct"] <= 100:
        rejects.add("realisation", key, "progress_pct", "progress_outside_0_100")
        row["progress_pct"] = None
    for name in ("score", "score_max"):
        if row[name] is not None and row[name] < 0:
            rejects.add("realisation", key, name, f"negative_{name}")
            row[name] = None
        elif row[name] is not None and row[name] >= TOO_LARGE:
            rejects.add("realisation", key, name, f"{name}_too_large")
            row[name] = None
    if None not in (row["score"], row["score_max"]) and row["score"] > row["score_max"]:
        rejects.add("realisation", key, "score", "score_above_scale")  # and kept


def usable_memberships(source: dict[str, list[Row]], rejects: Rejects) -> list[Row]:
    """Return the memberships whose learner and scope exist."""
    usable = []
    for row in source["membership"]:
        clean = dict(row, scope_ref_id=row["scope_ref_id"] or 0)
        key = (clean["scope_type"], clean["scope_ref_id"], clean["learner_id"])
        if not _scope_exists(source, clean["scope_type"], clean["scope_ref_id"]):
            rejects.add("membership", source_key("membership", key), "", "unknown_scope")
        elif not _learner_exists(source, clean["learner_id"]):
            rejects.add("membership", source_key("membership", key), "", "unknown_learner")
        else:
            usable.append(clean)
    return usable


def usable_plans(source: dict[str, list[Row]], rejects: Rejects) -> list[Row]:
    """Return the planned UAs whose group and UA exist."""
    usable = []
    for row in source["plan"]:
        key = (row["scope_type"], row["scope_ref_id"], row["ua_ref_id"])
        if not _scope_exists(source, row["scope_type"], row["scope_ref_id"]):
            rejects.add("plan", source_key("plan", key), "", "unknown_scope")
        elif not _target_exists(source, "UA", row["ua_ref_id"]):
            rejects.add("plan", source_key("plan", key), "", "unknown_target")
        else:
            usable.append(dict(row))
    return usable


def usable_feedback(source: dict[str, list[Row]], rejects: Rejects) -> list[Row]:
    """Return the feedback whose learner and target exist; feedback_at is None if not after."""
    usable = []
    for row in source["feedback"]:
        clean = dict(row, target_ref_id=row["target_ref_id"] or 0)
        target = (clean["target_type"], clean["target_ref_id"])
        key = source_key(
            "feedback", (clean["kind"], clean["submission_id"], clean["learner_id"], *target)
        )
        if not _target_exists(source, *target):
            rejects.add("feedback", key, "", "unknown_target")
            continue
        if not _learner_exists(source, clean["learner_id"]):
            rejects.add("feedback", key, "", "unknown_learner")
            continue
        submitted, answered = clean["submitted_at"], clean["feedback_at"]
        if submitted is not None and answered is not None and answered <= submitted:
            rejects.add("feedback", key, "feedback_at", "feedback_not_after_submission")
            clean["feedback_at"] = None
        usable.append(clean)
    return usable


def _learner_exists(source: dict[str, list[Row]], learner_id: int) -> bool:
    return _scope_exists(source, "APPRENANT", learner_id)


def _scope_exists(source: dict[str, list[Row]], scope_type: str, ref_id: int) -> bool:
    return any(
        row["scope_type"] == scope_type and (row["ref_id"] or 0) == ref_id
        for row in source["scope"]
    )


def _target_exists(source: dict[str, list[Row]], target_type: str, ref_id: int) -> bool:
    return any(
        row["target_type"] == target_type and (row["ref_id"] or 0) == ref_id
        for row in source["target"]
    )


def _decimal(value: float | Decimal | None) -> Decimal | None:
    """Return the value as the tables keep it: ten places."""
    if value is None:
        return None
    return Decimal(str(value)).quantize(TEN_PLACES, rounding=ROUND_HALF_UP)
