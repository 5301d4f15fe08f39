"""The undo tables: how they are named, what kpi_undo says of them, and the ledger's marks of what they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from kpi.core import ledger, periods
from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.ledger import Author, Written
from kpi.core.statements import script, statement
from kpi.core.tables import Column, Rows
from kpi.upkeep.storage.copying import Digest
from kpi.vocabulary import FACT_TABLES

_NAME = re.compile(rf"kpi_undo_({'|'.join(FACT_TABLES)})_[0-9]{{6}}_[0-9]{{20}}")

UNDO = "retention/undo.sql"
COPYING, EXCHANGING, DELETING = "COPYING", "EXCHANGING", "DELETING"
KEPT, RESTORED, PURGED = "KEPT", "RESTORED", "PURGED"


class RetentionError(KpiError):
    """What retention was to remove or to restore is not such as it must be; the tables are as they were."""


@dataclass(frozen=True)
class Undo:
    """A row of kpi_undo: the month's rows of `periods` are in `undo_table`, or on their way there or back.

    `digests` are of the month's rows before, by period; instants are naive UTC.
    """

    id: int
    table: str
    undo_table: str
    month: date
    periods: tuple[str, ...]
    state: str
    rows_before: int
    rows_removed: int
    digests: Mapping[str, Digest]
    keep_until: datetime

    @property
    def last(self) -> date:
        """The last day of the month."""
        return periods.month_of(self.month).last

    @property
    def place(self) -> Rows:
        """The fact table's rows of the month and its periods, removed or not."""
        return Rows(self.table, None, self.month, self.last, self.periods)

    @property
    def values(self) -> dict[str, object]:
        """What is bound to the statements about it."""
        return {
            "id": self.id,
            "table_name": self.table,
            "first": self.month,
            "last": self.last,
            "kept_as": kept_as(self.undo_table),
        }


def undo_name(table: str, month: date, at: datetime) -> str:
    """Return the name of an undo table made at an instant."""
    return require_undo_name(f"kpi_undo_{table}_{month:%Y%m}_{at:%Y%m%d%H%M%S%f}")


def require_undo_name(name: str) -> str:
    """Return a name that is an undo table's; raises RetentionError otherwise, so that no other table is dropped."""
    if not _NAME.fullmatch(name):
        raise RetentionError(
            f"'{name}' is not the name of an undo table; give one that kpi_undo lists, or a month as YYYY-MM."
        )
    return name


def kept_as(undo_table: str) -> str:
    """Return what the ledger says of rows that are in an undo table."""
    return f"kept as {undo_table}"


def digests(admin: Session, rows: Rows, columns: Sequence[Column]) -> dict[str, Digest]:
    """Return the number and the checksum of rows by period, over all columns; about 3 µs a row."""
    sql = statement("retention/digests.sql", rows=rows, columns=columns)
    rows_by_period = admin.rows(sql, rows.values)
    return {
        period: Digest(number, int(xor), int(total))
        for period, number, xor, total in rows_by_period
    }


def begin(admin: Session, table: str, month: date, removed: Sequence[str], keep_days: int) -> Undo:
    """Write the row of an undo table that is to be made; commits."""
    made_at = datetime.now(UTC).replace(tzinfo=None)
    name = undo_name(table, month, made_at)
    with admin.transaction():
        admin.run(
            script(UNDO)["begin"],
            {
                "table_name": table,
                "undo_table": name,
                "month_first": month,
                "periods": ",".join(removed),
                "made_at": made_at,
                "keep_until": made_at + timedelta(days=keep_days),
            },
        )
    return next(undo for undo in read(admin, (COPYING,)) if undo.undo_table == name)


def read(admin: Session, states: Sequence[str]) -> list[Undo]:
    """Return the rows of kpi_undo in these states, in the order they were made."""
    rows = admin.rows(script(UNDO)["those in some states"], {"states": ",".join(states)})
    return [
        Undo(
            number,
            table,
            require_undo_name(name),
            month,
            tuple(removed.split(",")),
            state,
            before,
            gone,
            {period: Digest(*values) for period, values in json.loads(digest or "{}").items()},
            until,
        )
        for number, table, name, month, removed, state, before, gone, digest, until in rows
    ]


def set_state(admin: Session, undo: Undo, state: str) -> None:
    """Change the state of an undo table's row, in the session's transaction."""
    admin.run(script(UNDO)["change the state"], {"state": state, "id": undo.id})


def forget(admin: Session, undo: Undo) -> None:
    """Drop an undo table that holds nothing that is not in the fact table, and its row; commits."""
    drop_undo_table(admin, undo)
    with admin.transaction():
        admin.run(script(UNDO)["forget"], undo.values)


def drop_undo_table(admin: Session, undo: Undo) -> None:
    """Drop an undo table if it is there."""
    name = require_undo_name(undo.undo_table)
    admin.run(statement("retention/drop_undo_table.sql", undo_table=name))


def mark_removed(
    admin: Session, undo: Undo, before: Mapping[str, Digest], state: str, by: Author
) -> None:
    """Tell kpi_undo and the ledger of rows that are about to go; commits.

    Said before they go: killed in between, days count as removed that are still there, and are not rolled up; the
    other way round a rollup could take them for empty.
    """
    started, statements = datetime.now(UTC).replace(tzinfo=None), script(UNDO)
    total = sum(digest.rows for digest in before.values())
    with admin.transaction():
        admin.run(
            statements["say what goes"],
            {
                "state": state,
                "rows_before": total,
                "rows_removed": sum(before[period].rows for period in undo.periods),
                "digest": json.dumps(before),
                "id": undo.id,
            },
        )
        if "D" in undo.periods:
            admin.run(statements["days are dropped"], undo.values)
        for period in undo.periods:
            rows = before[period].rows
            entry = ledger.Entry(
                undo.table,
                period,
                undo.last,
                Written(deleted=rows, unchanged=total - rows),
                first=undo.month,
                state="DROPPED",
                message=kept_as(undo.undo_table),
            )
            ledger.record(admin, entry, by, started)


def mark_there(admin: Session, undo: Undo) -> None:
    """Tell the ledger that the rows of an undo table are back, or never went; in the session's transaction.

    Days that an earlier run of retention removed, and nobody computed since, stay removed.
    """
    statements = script(UNDO)
    if "D" in undo.periods:
        earlier = admin.value(statements["earlier removal"], undo.values)
        admin.run(statements["days are there"], undo.values | {"earlier": earlier})
    admin.run(statements["removal is restored"], undo.values)
