"""What a request asks for, as an object made of its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Depends

T = TypeVar("T")


def parameters_of(kind: Callable[..., T]) -> Any:
    """Return the dependency that makes one from the parameters that its fields name.

    FastAPI sends a class to a thread, as it might wait for something; these hold values, and the way there and
    back would take longer than the making.
    """

    async def make(**values: Any) -> T:
        return kind(**values)

    make.__signature__ = inspect.signature(kind, eval_str=True)  # type: ignore[attr-defined]
    return Depends(make)
