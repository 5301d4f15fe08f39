"""Comparing the rows that a capture sees with the versions kept, and changing these."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from .belief import Capture
from .history import FOREVER, Membership, Plan, Realisation, Version

V = TypeVar("V", Realisation, Membership, Plan)


@dataclass
class Counts:
    """What became of the rows of one relation; a usable row is in one of the first four."""

    new: int = 0
    changed: int = 0
    reopened: int = 0
    unchanged: int = 0
    closed: int = 0
    rejected: int = 0


def capture_versions(
    versions: list[V],
    fresh: Sequence[V],
    now: Capture,
    settle: Callable[[V, V | None, V | None], None] | None = None,
) -> Counts:
    """Compare the rows seen now (`fresh`, as versions) with the history, and change the history.

    `settle(new, before, overwritten)` completes a new version once its valid_from is known.
    """
    counts = Counts()
    for new in fresh:
        of_key = [version for version in versions if version.key == new.key]
        of_key.sort(key=lambda version: version.valid_from)
        last = of_key[-1] if of_key else None
        before = last
        overwritten = None

        if last is None:
            counts.new += 1
        elif last.valid_to != FOREVER:
            counts.reopened += 1
            new.valid_from = max(new.valid_from, last.valid_to)
        elif last.payload() == new.payload() and not now.is_reused(new):
            counts.unchanged += 1
            continue
        else:
            counts.changed += 1
            if not isinstance(new, Realisation):
                new.valid_from = now.of(new).stamp
            if new.valid_from > last.valid_from:
                _close(last, new.valid_from, now)
            else:
                overwritten = last
                before = of_key[-2] if len(of_key) > 1 else None
                new.valid_from = last.valid_from
                versions.remove(last)

        if settle is not None:
            settle(new, before, overwritten)
        versions.append(new)
    counts.closed = _close_absent(versions, [version.key for version in fresh], now)
    return counts


def _close_absent(versions: list[V], seen_keys: list[tuple[str, int, int]], now: Capture) -> int:
    """Close the open versions of rows not seen, and return how many; those that never lasted go."""
    absent = [
        version
        for version in versions
        if version.valid_to == FOREVER and now.looks_at(version) and version.key not in seen_keys
    ]
    for version in absent:
        stamp = now.of(version).stamp
        if stamp <= version.valid_from:
            versions.remove(version)
        else:
            _close(version, stamp, now)
    return len(absent)


def _close(version: Version, valid_to: datetime, now: Capture) -> None:
    version.valid_to = valid_to
    if isinstance(version, Realisation):
        version.last_seen_at = now.of(version).previous
