"""Params that several DAGs ask for, French first as the UI is."""

from __future__ import annotations

from airflow.sdk import Param

REASON = Param(
    None,
    type=["null", "string"],
    maxLength=500,
    title="Motif · Reason",
    description="Pourquoi ; gardé dans le journal (kpi_run.reason). · Why; kept in the ledger.",
)


def local_day(description: str) -> Param:
    """Return the param of a local day, YYYY-MM-DD, that may be left out."""
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="Jour local · Local day (YYYY-MM-DD)",
        description=description,
    )


def replayed_at(example: str) -> Param:
    """Return the param of the instant at which a replay looks at the source."""
    return Param(
        None,
        type=["null", "string"],
        title="Instant de capture · Capture instant",
        description="Rejouer : l'instant auquel la source est lue. · Replay: the instant at which the source is "
        f"looked at, {example}.",
    )


def dry_run(description: str) -> Param:
    """Return the param of a run that says what it would do, and writes nothing."""
    return Param(
        False, type=["null", "boolean"], title="À blanc · Dry run", description=description
    )
