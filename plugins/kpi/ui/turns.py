"""Threads for the routes: few at a time, whoever came first goes first.

Threads of one Python process take turns in any case; with many of them at it the unlucky wait far longer
(docs/performance.md). Airflow's own routes keep the threads that they share.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from fastapi.routing import APIRoute

from kpi.ui.reading import SESSIONS

# One for each event loop, as it is bound to the loop that it is made in.
_turns: RunVar[CapacityLimiter] = RunVar("kpi.ui.turns")


class InTurn(APIRoute):
    """A route whose function runs in a thread as soon as one of the sessions is free for it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _in_turn(endpoint), **options)


def _in_turn(answer: Callable[..., Any]) -> Callable[..., Any]:
    # It has been through here before: the application makes its own copy of a router's routes.
    if iscoroutinefunction(answer):
        return answer

    @wraps(answer)
    async def wait_and_answer(**values: Any) -> Any:
        return await run_sync(partial(answer, **values), limiter=_limiter())

    return wait_and_answer


def _limiter() -> CapacityLimiter:
    try:
        return _turns.get()
    except LookupError:
        _turns.set(CapacityLimiter(SESSIONS))
        return _turns.get()
