"""The demo's steps as people see them: what each does and how long it took, with a bar on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_WIDTH = 78  # of what a step does, so that the seconds stand below one another


class Steps:
    """So many steps; each leaves a line. A terminal has a bar below them, anything else has no control characters."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._done = console, total, 0
        self._bar = Progress(
            TextColumn("  "),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Steps:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    @contextmanager
    def step(self, does: str) -> Iterator[None]:
        """Name a step while it runs, and say how long it took once it is done."""
        begun = time.monotonic()
        line = f"{self._done + 1:>2}/{self._total}  {does}"
        self._bar.update(self._task, description=does)
        if not self._console.is_terminal:
            # Whoever reads a log sees what is under way.
            self._say(f"{line} …", end="")
        yield
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        took = f"{time.monotonic() - begun:6.1f} s"
        if self._console.is_terminal:
            self._say(f"{line.ljust(_WIDTH)} {took}")
        else:
            self._say(f"{' ' * (_WIDTH - len(line) - 2)} {took}")

    def _say(self, text: str, end: str = "\n") -> None:
        self._console.print(text, end=end, markup=False, highlight=False)
        self._console.file.flush()
