"""Steps: a script's statements, each with what it is in attributes, and the one way to run them.

A line `-- step: <name> | key=value …` begins a statement. The name is for people, in the log; the keys say the rest:

phase     when it runs: `create` makes a temporary table, before the transaction begins; `run`, where none is said, is
          the script's work; `find` is work that only looks at what differs, before anything is written; `look` is asked
          by its word when the caller wants to know; `write` is the writer's (figures.slices), `compare` a dry run's
each      how often: `day` for each date of a slice, `closing` for each day on which a week or month closes, else once
when      for which captures alone: the `first`, or `later` ones
gives     a word by which the caller takes the rows that it selects (history.capture, incremental.refresh, figures)
does      which step of a table's writer it is: `count`, `update`, `insert`, `delete`
part      tells two writers of one table in a script apart
counts    a word under which the rows that it affects are told
table, relation, figure    what it is about
needs     what must have been touched for it to have anything to do
days      of a figure computed day by day: how many days up to that day its window is
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal, get_args

from kpi.core.connections import Session
from kpi.core.errors import KpiError

log = logging.getLogger(__name__)

Phase = Literal["create", "find", "run", "look", "write", "compare"]
Each = Literal["once", "day", "closing"]
When = Literal["first", "later"]
Does = Literal["count", "update", "insert", "delete"]

_STEP = re.compile(r"^-- step: (?P<name>[^|\n]+?)(?: *\| *(?P<attributes>.*))?$", re.MULTILINE)
_WORDS: dict[str, tuple[str, ...]] = {
    "phase": get_args(Phase),
    "each": get_args(Each),
    "when": get_args(When),
    "does": get_args(Does),
}


class StepError(KpiError):
    """A `-- step:` line says what no runner knows."""


@dataclass(frozen=True)
class Step:
    """One statement of a script, and what it is (see above)."""

    name: str
    sql: str
    phase: Phase = "run"
    each: Each = "once"
    when: When | None = None
    gives: str | None = None
    does: Does | None = None
    part: str | None = None
    counts: str | None = None
    table: str | None = None
    relation: str | None = None
    figure: str | None = None
    needs: str | None = None
    days: str | None = None


_KEYS = tuple(key.name for key in fields(Step) if key.name not in ("name", "sql"))


def steps(script: str) -> list[Step]:
    """Split a rendered script at its `-- step:` lines into single statements, in order.

    Raises StepError when a line has an unknown key or word.
    """
    marks = list(_STEP.finditer(script))
    ends = [mark.start() for mark in marks[1:]] + [len(script)]
    return [
        Step(
            mark["name"].strip(),
            script[mark.end() : end].strip().rstrip(";"),
            **_attributes(mark["name"].strip(), mark["attributes"] or ""),
        )
        for mark, end in zip(marks, ends, strict=True)
    ]


def _attributes(name: str, text: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for attribute in text.split():
        key, _, value = attribute.partition("=")
        if key not in _KEYS:
            raise StepError(
                f"The step '{name}' has the unknown key '{key}'; the keys are {', '.join(_KEYS)}."
            )
        allowed = _WORDS.get(key)
        if not value or (allowed and value not in allowed):
            raise StepError(
                f"The step '{name}' has {key}={value}; choose {' or '.join(allowed or ('a value',))}."
            )
        attributes[key] = value
    return attributes


def giving(script: Iterable[Step], word: str) -> Step:
    """Return the step whose rows are known by a word; raises StepError when the script has none."""
    for step in script:
        if step.gives == word:
            return step
    raise StepError(
        f"No step of the script gives '{word}'; add `gives={word}` to the one that does."
    )


def create_temporary(etl: Session, script: Iterable[Step]) -> None:
    """Run the steps that create temporary tables, which MySQL does outside of transactions."""
    for step in script:
        if step.phase == "create":
            run_step(etl, step, None)


def run_step(etl: Session, step: Step, parameters: Mapping[str, Any] | None) -> int:
    """Run one statement and say how long it took; return the rows it affected."""
    log.info("%s …", step.name)
    begun = time.monotonic()
    affected = etl.run(step.sql, parameters)
    log.info("%s: %s rows, %.2f s", step.name, affected, time.monotonic() - begun)
    return affected


@dataclass
class Runner:
    """Runs the steps of a script on a session.

    `values` are bound to each statement. `each` gives, for `day` and `closing`, the values of each time that a step
    is run. `takes` says, by the word that a step gives, what is done with the step instead of running it. `when` is
    which captures' steps are run; `wanted` tells whether what a step needs was touched.
    """

    etl: Session
    values: dict[str, Any] = field(default_factory=dict)
    each: dict[Each, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    takes: Mapping[str, Callable[[Step], None]] = field(default_factory=dict)
    when: When | None = None
    wanted: Callable[[str], bool] = lambda needed: True

    def run(self, script: Iterable[Step], phases: Sequence[Phase] = ("run",)) -> dict[Step, int]:
        """Run the steps of some phases, in order; return the rows that each one affected.

        Raises StepError when a step gives what nobody takes here.
        """
        affected: dict[Step, int] = {}
        for step in script:
            if step.phase not in phases or not self._due(step):
                continue
            if step.gives:
                self._take(step)
            else:
                affected[step] = sum(
                    run_step(self.etl, step, values) for values in self._times(step)
                )
        return affected

    def _due(self, step: Step) -> bool:
        return (step.when is None or step.when == self.when) and (
            step.needs is None or self.wanted(step.needs)
        )

    def _take(self, step: Step) -> None:
        take = self.takes.get(step.gives or "")
        if take is None:
            raise StepError(
                f"The step '{step.name}' gives '{step.gives}', which nobody takes here; "
                f"the words are {', '.join(self.takes) or 'none'}."
            )
        take(step)

    def _times(self, step: Step) -> Sequence[Mapping[str, Any]]:
        if step.each == "once":
            return [self.values]
        return [
            {**self.values, **values, **_window(step, values)} for values in self.each[step.each]
        ]


def _window(step: Step, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first day of the window of a figure that is computed day by day, where it has one."""
    if step.days is None:
        return {}
    return {"since": values["as_of"] - timedelta(days=int(step.days) - 1)}
