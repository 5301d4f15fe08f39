"""What writing a slice would change: its figures are computed and compared with the stored rows; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpi.core.settings import Settings
from kpi.core.steps import Step, giving
from kpi.figures.slices import Slice, computed

EXAMPLES = 5


@dataclass(frozen=True)
class Comparison:
    """Rows that would be inserted, changed and deleted; examples are (date, scope, target, …, was, becomes)."""

    new: int
    changed: int
    vanished: int
    examples: list[tuple[Any, ...]]


def compare_slice(part: Slice, steps: Sequence[Step], settings: Settings) -> Comparison:
    """Compute a slice and say how it differs from what is stored, with the largest changes first.

    Takes the slice's locks as a writer would. Raises KpiError when another run holds them too long.
    """
    count = giving(steps, "new_and_changed").sql
    vanished = giving(steps, "vanished").sql
    largest = giving(steps, "largest_changes").sql
    new = changed = gone = 0
    examples: list[tuple[Any, ...]] = []
    with computed(part, steps, settings) as etl:
        for day in part.dates:
            values = part.at(day)
            ((one_new, one_changed),) = etl.rows(count, values)
            new, changed = new + int(one_new), changed + int(one_changed)
            gone += int(etl.value(vanished, values))
            examples += [(day, *row) for row in etl.rows(largest, values)]
        etl.rollback()
    examples.sort(key=lambda row: -abs((row[-1] or 0) - (row[-2] or 0)))
    return Comparison(new, changed, gone, examples[:EXAMPLES])
