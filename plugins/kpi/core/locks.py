"""Named locks of MySQL: one writer of a slice, one capture, one rollup at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kpi.core.connections import Session
from kpi.core.errors import KpiError


def lock_name(schema: str, *parts: object) -> str:
    """Return a lock's name, at most 64 characters whatever the schema's name; locks are server-wide."""
    place = hashlib.sha256(schema.encode()).hexdigest()[:12]
    return ":".join(["kpi", place, *map(str, parts)])


@contextmanager
def lock(etl: Session, name: str, wait_seconds: int) -> Iterator[None]:
    """Hold a named lock of MySQL; raises KpiError naming the holder when the wait is over."""
    if etl.value("SELECT GET_LOCK(%(name)s, %(wait)s)", {"name": name, "wait": wait_seconds}) != 1:
        raise _not_free(etl, name, wait_seconds)
    try:
        yield
    finally:
        # A lost connection has released its locks by itself.
        if etl.connection.is_connected():
            etl.value("SELECT RELEASE_LOCK(%(name)s)", {"name": name})


@contextmanager
def locks(etl: Session, names: Sequence[str], wait_seconds: int) -> Iterator[None]:
    """Hold several named locks, taken in the order given in one round trip; raises KpiError like `lock`.

    The session must hold no other: at the end all of its locks are released.
    """
    asked = {f"name_{number}": name for number, name in enumerate(names)}
    taken = ", ".join(f"GET_LOCK(%({key})s, %(wait)s)" for key in asked)
    try:
        row = etl.rows(f"SELECT {taken}", {**asked, "wait": wait_seconds})[0]
        missed = [name for name, got in zip(names, row, strict=True) if got != 1]
        if missed:
            raise _not_free(etl, missed[0], wait_seconds)
        yield
    finally:
        if etl.connection.is_connected():
            etl.value("SELECT RELEASE_ALL_LOCKS()")


def _not_free(etl: Session, name: str, wait_seconds: int) -> KpiError:
    holder = etl.value("SELECT IS_USED_LOCK(%(name)s)", {"name": name})
    return KpiError(
        f"The lock '{name}' was not free within {wait_seconds} s (held by MySQL connection {holder}); "
        "wait for that run to end, or raise KPI_LOCK_WAIT_SECONDS."
    )
