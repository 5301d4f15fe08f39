"""How long each module's tests take, so that several workers end at about the same time: the longest begin first.

durations.tsv holds what `make test-all ARGS=--durations=0` told last; its output given to `python -m tests.durations`
writes it anew (docs/testing.md).
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_suffix(".tsv")
# The schools of the browser's tests are shared by the whole folder.
TOGETHER = ("tests/e2e/",)
_LINE = re.compile(r"^(?P<seconds>[\d.]+)s (?:setup|call|teardown) +(?P<test>tests/\S+)")


def group(test: str) -> str:
    """Return what a worker takes as a whole: the test's module, or the folder that shares its fixtures."""
    module = test.partition("::")[0]
    return next((folder for folder in TOGETHER if module.startswith(folder)), module)


def order(test: str) -> tuple[float, str]:
    """Sort a test's group by its length, longest first; what is not in the table begins at once."""
    name = group(test)
    return -seconds().get(name, float("inf")), name


@cache
def seconds() -> dict[str, float]:
    """Return the seconds that each group took."""
    rows = (line.split("\t") for line in TABLE.read_text().splitlines()[1:])
    return {name: float(took) for name, took in rows}


def measured(output: str) -> dict[str, float]:
    """Sum up what pytest's --durations=0 tells, by group, longest first."""
    found: Counter[str] = Counter()
    for line in output.splitlines():
        if told := _LINE.match(line):
            found[group(told["test"])] += float(told["seconds"])
    return dict(found.most_common())


if __name__ == "__main__":
    table = [f"{name}\t{took:.1f}" for name, took in measured(sys.stdin.read()).items()]
    TABLE.write_text("\n".join(["group\tseconds", *table]) + "\n")
