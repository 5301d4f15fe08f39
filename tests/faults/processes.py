"""Work done in a process of its own, which can be made to die at any of its statements.

Processes are forked from a server process that has imported the package once, so each takes some
milliseconds, and none shares a connection with the tests.
"""

from __future__ import annotations

import functools
import itertools
import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any, Protocol

import pytest
from kpi.core import ledger
from kpi.core.connections import Session
from kpi.core.settings import Settings
from kpi.core.steps import Step
from kpi.figures import slices
from kpi.history import capture

STATEMENTS = ("run", "rows", "load", "commit")  # what of a Session talks to the server
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Job:
    """What to do, for whom: everything a new process needs to know."""

    connections: dict[str, dict[str, Any]]
    settings: Settings
    script: list[Step]
    part: slices.Slice | None = None
    night: tuple[date, datetime] | None = None

    def do(self) -> object:
        """Write the slice, or capture the night."""
        for conn_id, values in self.connections.items():
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(values)
        author = ledger.Author()
        if self.part is not None:
            return slices.write_slice(self.part, self.script, self.settings, author)
        assert self.night is not None
        return capture.capture(*self.night, self.script, self.settings, author)


class Work(Protocol):
    """What a process can be given to do."""

    def do(self) -> object: ...


@dataclass(frozen=True)
class Outcome:
    """How a process ended; without a result when it was killed."""

    exit_code: int
    result: Any = None
    statements: int = 0
    memory: int = 0  # bytes that it grew by at its height


class Running:
    """A process at work."""

    def __init__(self, job: Work, dies_at: int | None = None, gate: Barrier | None = None) -> None:
        self._answer, answers = PROCESSES.Pipe(duplex=False)
        self._process = PROCESSES.Process(target=_work, args=(job, dies_at, gate, answers))
        self._process.start()
        answers.close()

    def outcome(self, timeout: float = 60) -> Outcome:
        """Wait for its end; raises what the work raised."""
        answered: dict[str, Any] = {}
        if self._answer.poll(timeout):
            try:
                answered = self._answer.recv()
            except EOFError:
                answered = {}  # it was killed
        self._process.join(timeout)
        assert self._process.exitcode is not None, "the process goes on and on"
        error = answered.pop("error", None)
        if error:
            raise AssertionError(error)
        return Outcome(self._process.exitcode, **answered)


def run(job: Work, dies_at: int | None = None) -> Outcome:
    """Do a job in a process that kills itself before its `dies_at`-th statement, if told."""
    return Running(job, dies_at).outcome()


@contextmanager
def before_each_statement(
    act: Callable[[int], None], names: Sequence[str] = STATEMENTS
) -> Iterator[None]:
    """Call `act` with 1, 2, 3, … before each statement of this process, or before those of some kinds."""
    usual = {name: getattr(Session, name) for name in names}
    numbers = itertools.count(1)

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def statement(*args: Any, **kwargs: Any) -> Any:
            act(next(numbers))
            return method(*args, **kwargs)

        return statement

    for name, method in usual.items():
        setattr(Session, name, counted(method))
    try:
        yield
    finally:
        for name, method in usual.items():
            setattr(Session, name, method)


def statements_of(work: Callable[[], object]) -> list[str]:
    """Do it in this process; return what was sent, in the numbering of a process that is to die."""
    sent: list[str] = []
    usual = {name: getattr(Session, name) for name in ("run", "rows", "load")}

    def told(method: Callable[..., Any]) -> Callable[..., Any]:
        def statement(self: Any, sql: str, *arguments: Any) -> Any:
            sent[-1] = " ".join(sql.split())
            return method(self, sql, *arguments)

        return statement

    try:
        for name, method in usual.items():
            setattr(Session, name, told(method))
        with before_each_statement(lambda _: sent.append("COMMIT")):
            work()
    finally:
        for name, method in usual.items():
            setattr(Session, name, method)
    return sent


def shortest_first(names: Iterable[str], shortest: str) -> list[Any]:
    """Return the parameters of a test that kills: the shortest stands for them all in `make test`."""
    assert shortest in names
    return [
        name if name == shortest else pytest.param(name, marks=pytest.mark.long) for name in names
    ]


def _work(job: Work, dies_at: int | None, gate: Barrier | None, answers: Connection) -> None:
    done = 0

    def count(number: int) -> None:
        nonlocal done
        done = number
        if number == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    memory = _peak_memory()
    if gate is not None:
        gate.wait(30)
    try:
        with before_each_statement(count):
            result = job.do()
        grown = _peak_memory() - memory
        answers.send({"result": result, "statements": done, "memory": grown})
    except Exception as error:
        answers.send({"error": f"{type(error).__name__}: {error}"})


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
