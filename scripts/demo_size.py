"""How much the demo computes, and its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date

from demo_source.school import School

FIRST_DAY = date(2026, 2, 9)  # a Monday


@dataclass(frozen=True)
class Size:
    """How much the demo computes: nights, days backfilled before them, and the school (`seed`: another of its size)."""

    nights: int
    history: int
    learners: int
    groups: int
    trainers: int
    seed: int = 7

    def school(self) -> School:
        """Return the made-up school."""
        return School(self.seed, self.learners, groups=self.groups, trainers=self.trainers)


# All that is odd in the demo source happens to the first 35 learners.
SMALL = Size(nights=2, history=28, learners=48, groups=4, trainers=3)
LARGE = Size(nights=10, history=28, learners=240, groups=10, trainers=6)


def chosen_size(given: Sequence[str]) -> tuple[Size, date]:
    """Read the command line: the size, and the first night's day."""
    parser = argparse.ArgumentParser(
        prog="make demo", description="Nights of a made-up LMS through the real DAGs."
    )
    parser.add_argument("--large", action="store_true", help=f"the large school: {LARGE}")
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST_DAY, metavar="YYYY-MM-DD")
    for option in fields(Size):
        parser.add_argument(
            f"--{option.name}", type=int, help=f"default: {getattr(SMALL, option.name)}"
        )
    asked = vars(parser.parse_args(given))
    first, size = asked.pop("first"), LARGE if asked.pop("large") else SMALL
    return replace(
        size, **{name: value for name, value in asked.items() if value is not None}
    ), first
