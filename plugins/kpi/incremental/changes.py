"""The durable list of changes, kpi_change: a change is pending until the figures hold it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from kpi.connections import Session

# Written by an event that only names learners.
LEARNER = "LEARNER"

_PENDING = """
SELECT id, learner_id
FROM kpi_change
WHERE done_at IS NULL
ORDER BY id
LIMIT %(most)s
"""
# By their ids: a change whose own transaction is still open is neither waited for nor taken for done.
_OF_BATCH = """
UPDATE kpi_change
INNER JOIN JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
  ON listed.id = kpi_change.id
"""
_CLAIM = f"{_OF_BATCH} SET kpi_change.claimed_by = %(by)s, kpi_change.claimed_at = %(now)s"
_DONE = f"{_OF_BATCH} SET kpi_change.done_at = %(now)s"


@dataclass(frozen=True)
class Batch:
    """Pending changes taken up together, and the learners that they name, each once."""

    ids: tuple[int, ...]
    learners: tuple[int, ...]


def note(etl: Session, learners: Iterable[int]) -> int:
    """Put learners on the list, each once; return how many. Commits."""
    rows = [(LEARNER, learner) for learner in sorted(set(learners))]
    if rows:
        with etl.transaction():
            etl.load("INSERT INTO kpi_change (domain, learner_id) VALUES (%s, %s)", rows)
    return len(rows)


def claim(etl: Session, by: str, most: int) -> Batch | None:
    """Take up the oldest pending changes, at most `most` of them; None when there are none. Commits.

    The caller holds the lock that every claimer holds, so a claim of another run is that of one that died, and is
    taken over.
    """
    with etl.transaction():
        found = etl.rows(_PENDING, {"most": most})
        if not found:
            return None
        batch = Batch(tuple(one for one, _ in found), tuple(sorted({who for _, who in found})))
        etl.run(_CLAIM, {"ids": json.dumps(batch.ids), "by": by, "now": _now()})
    return batch


def finish(etl: Session, batch: Batch) -> None:
    """Say in the session's transaction that the figures hold a batch's changes."""
    etl.run(_DONE, {"ids": json.dumps(batch.ids), "now": _now()})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
