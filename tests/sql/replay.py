"""A world replayed into a real warehouse and into the reference, and how the two differ.

Differences come as lines of text, so that a failing example shows only what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.reference import facts
from tests.reference.capture import CaptureReport, capture, capture_learners
from tests.reference.history import Feedback, History, Version
from tests.warehouse import Warehouse
from tests.worlds import Night, World

# Columns compared, by table of the history: the first ones are the key.
VERSION = ("valid_from", "valid_to", "origin")
HISTORY: dict[str, tuple[int, tuple[str, ...]]] = {
    "kpi_src_realisation": (
        4,
        (
            *("domain", "ref_id", "learner_id", *VERSION, "state_code", "state_order", "is_final"),
            *("progress_pct", "score", "score_max", "last_activity_at", "created_at"),
            *("source_started_at", "source_finished_at", "started_at", "finished_at"),
            *("started_from", "started_seen_at", "unstarted_seen_at"),
            *("final_from", "final_seen_at", "unfinal_seen_at", "last_seen_at"),
        ),
    ),
    "kpi_src_membership": (
        4,
        ("scope_type", "scope_ref_id", "learner_id", *VERSION, "active_from", "active_to"),
    ),
    "kpi_src_plan": (
        4,
        ("scope_type", "scope_ref_id", "ua_ref_id", *VERSION, "due_on", "created_at"),
    ),
    "kpi_src_feedback": (
        6,
        (
            *("kind", "submission_id", "learner_id", "target_type", "target_ref_id", "captured_at"),
            *("submitted_at", "feedback_at", "trainer_id"),
        ),
    ),
}
# What these rest on says nothing while the row is not started, or not final.
OF_RUN = {"unstarted_seen_at": "started_from", "unfinal_seen_at": "final_from"}

OF_SCOPE_AND_TARGET = """
INNER JOIN kpi_scope
  ON kpi_scope.id = fact.scope_id
INNER JOIN kpi_target
  ON kpi_target.id = fact.target_id
WHERE
  fact.date_id = %s
  AND fact.period = 'D'
"""
PAIR = "kpi_scope.scope_type, kpi_scope.ref_key, kpi_target.target_type, kpi_target.ref_key"
VALUES = f"""
SELECT {PAIR}, kpi_metric.code, value_num, numerator, denominator, sample_size, extra_json
FROM kpi_value AS fact
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
{OF_SCOPE_AND_TARGET}
"""
STATES = f"""
SELECT {PAIR}, domain, state_code, state_ordre, count
FROM kpi_state_count AS fact
{OF_SCOPE_AND_TARGET}
"""
PERCENTILES = f"""
SELECT {PAIR}, measure_code, p50, p75, p90, sample_size
FROM kpi_percentiles AS fact
{OF_SCOPE_AND_TARGET}
"""


@dataclass
class Replay:
    """A world on its way through the reference and a warehouse, which must be empty at first."""

    warehouse: Warehouse
    world: World
    history: History = field(default_factory=History)

    def capture(self, night: Night, alone: Collection[int] | None = None) -> list[str]:
        """Capture one night on both sides, or some learners alone; return how what they found and kept differs."""
        self.warehouse.load_source(night.source)
        source, at = night.source, night.captured_at
        if alone is None:
            found = self.warehouse.capture(night.business_day, at)
            report = capture(self.history, source, night.business_day, at, self.world.calendar)
        else:
            found = self.warehouse.capture_learners(alone, at)
            report = capture_learners(self.history, source, alone, at)
        counted = {(one.relation,): vars(one) for one in found or ()}
        lines = differences("counts", counted, counts(report))
        return [f"{at} {line}" for line in (*lines, *self.history_differences())]

    def history_differences(self) -> list[str]:
        """Return how the kept history differs."""
        kept = {
            "kpi_src_realisation": self.history.realisations,
            "kpi_src_membership": self.history.memberships,
            "kpi_src_plan": self.history.plans,
            "kpi_src_feedback": self.history.feedback,
        }
        lines = []
        for table, rows in kept.items():
            lines += differences(table, self._stored(table), as_table(table, rows))
        rejects = self.warehouse.rows(
            "SELECT relation, source_key, field, reason, first_seen_at, last_seen_at "
            "FROM kpi_reject"
        )
        expected = {
            (one.relation, one.source_key, one.field, one.reason): seen
            for one, seen in self.history.rejects.items()
        }
        return lines + differences("kpi_reject", {row[:4]: row[4:] for row in rejects}, expected)

    def _stored(self, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        size, names = HISTORY[table]
        columns = [
            f"IF({OF_RUN[name]} IS NULL, NULL, {name})" if name in OF_RUN else name
            for name in names
        ]
        rows = self.warehouse.rows(f"SELECT {', '.join(columns)} FROM {table}")
        return {row[:size]: dict(zip(names, row, strict=True)) for row in rows}

    def dimensions(self) -> list[str]:
        """Bring scopes and targets up to date; return how their labels differ."""
        self.warehouse.dimensions()
        scopes = self.warehouse.rows("SELECT scope_type, ref_key, label FROM kpi_scope")
        targets = self.warehouse.rows("SELECT target_type, ref_key, label FROM kpi_target")
        scope_labels = {key: (label,) for key, label in self.history.scopes.items()}
        target_labels = {key: (label,) for key, (label, _, _) in self.history.targets.items()}
        return [
            *differences("kpi_scope", {row[:2]: row[2:] for row in scopes}, scope_labels),
            *differences("kpi_target", {row[:2]: row[2:] for row in targets}, target_labels),
        ]

    def compute(self, day: date) -> list[str]:
        """Compute a day's facts on both sides; return how they differ."""
        self.warehouse.facts(day)
        return self.fact_differences(day)

    def fact_differences(self, day: date) -> list[str]:
        """Return how a day's stored facts differ from the reference's."""
        seen = (self.history, day, self.world.calendar)
        values = {
            row[:5]: (*row[5:9], None if row[9] is None else json.loads(row[9]))
            for row in self.warehouse.rows(VALUES, [day])
        }
        states = {row[:6]: row[6:] for row in self.warehouse.rows(STATES, [day])}
        percentiles = {row[:5]: row[5:] for row in self.warehouse.rows(PERCENTILES, [day])}
        lines = [
            *differences("kpi_value", values, facts.value_rows(*seen)),
            *differences("kpi_state_count", states, facts.state_rows(*seen)),
            *differences("kpi_percentiles", percentiles, facts.percentile_rows(*seen)),
        ]
        return [f"{day} {line}" for line in lines]


def counts(report: CaptureReport) -> dict[tuple[str], dict[str, Any]]:
    """Return the reference's counts by relation, as the capture gives them."""
    return {
        (relation,): {"relation": relation, **vars(found)}
        for relation, found in report.counts.items()
    }


def as_table(
    table: str, rows: Iterable[Version | Feedback]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return rows of the reference's history as those of its table."""
    size, names = HISTORY[table]
    found = {}
    for row in rows:
        values = {name: getattr(row, name) for name in names}
        found[tuple(values[name] for name in names[:size])] = values
    return found


def differences(
    what: str, sql: Mapping[tuple[Any, ...], Any], reference: Mapping[tuple[Any, ...], Any]
) -> list[str]:
    """Return a line for each key that only one side has, or whose values differ."""
    lines = []
    for key in sorted({*sql, *reference}, key=str):
        row = f"{what} {':'.join(map(str, key))}"
        if key not in reference:
            lines.append(f"{row}: only by SQL, {shown(sql[key])}")
        elif key not in sql:
            lines.append(f"{row}: only by the reference, {shown(reference[key])}")
        elif isinstance(sql[key], dict):
            lines += [
                f"{row}: {name} is {value} by SQL, {reference[key][name]} by the reference"
                for name, value in sql[key].items()
                if value != reference[key][name]
            ]
        elif sql[key] != reference[key]:
            lines.append(
                f"{row}: {shown(sql[key])} by SQL, {shown(reference[key])} by the reference"
            )
    return lines


def shown(values: Any) -> str:
    """Return a row's values as text."""
    if isinstance(values, dict):
        return ", ".join(f"{name}={value}" for name, value in values.items())
    return ", ".join(map(str, values))
