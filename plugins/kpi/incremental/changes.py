"""The durable list of changes, kpi_change: a change is pending until the figures hold it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from kpi.core.connections import Session
from kpi.core.statements import script, statement

# Written by an event that only names learners.
LEARNER = "LEARNER"


@dataclass(frozen=True)
class Batch:
    """Pending changes taken up together, and the learners that they name, each once."""

    ids: tuple[int, ...]
    learners: tuple[int, ...]


def note(etl: Session, learners: Iterable[int]) -> int:
    """Put learners on the list, each once; return how many. Commits."""
    rows = [{"domain": LEARNER, "learner_id": learner} for learner in sorted(set(learners))]
    if rows:
        with etl.transaction():
            etl.load(statement("changes/note.sql"), rows)
    return len(rows)


def pending(etl: Session) -> bool:
    """Tell whether any change is not in the figures yet."""
    return bool(etl.rows(statement("changes/pending.sql"), {"most": 1}))


def claim(etl: Session, by: str, most: int) -> Batch | None:
    """Take up the oldest pending changes, at most `most` of them; None when there are none. Commits.

    The caller holds the lock that every claimer holds, so a claim of another run is that of one that died, and is
    taken over.
    """
    with etl.transaction():
        pending = etl.rows(statement("changes/pending.sql"), {"most": most})
        if not pending:
            return None
        batch = Batch(
            tuple(change_id for change_id, _ in pending), tuple(sorted({who for _, who in pending}))
        )
        claimed = {"ids": json.dumps(batch.ids), "claimed_by": by, "now": _now()}
        etl.run(script("changes/batch.sql")["claim"], claimed)
    return batch


def finish(etl: Session, batch: Batch) -> None:
    """Say in the session's transaction that the figures hold a batch's changes."""
    done = {"ids": json.dumps(batch.ids), "now": _now()}
    etl.run(script("changes/batch.sql")["done"], done)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
