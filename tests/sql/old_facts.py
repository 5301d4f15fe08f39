"""A school whose February and March 2026 are old, for the tests of retention."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple

from kpi.core.ledger import Author
from kpi.core.settings import Settings
from kpi.upkeep.partitions.table_locks import Patience
from kpi.upkeep.retention import run
from kpi.upkeep.retention.planner import Decision

from tests.golden import school
from tests.sql.schemas import FACTS
from tests.warehouse import Warehouse

FIRST, LAST = school.day_of(0), date(2026, 4, 5)
FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)
# February is over since more than 90 days, March is not; in JULY both are.
TODAY, JULY = date(2026, 6, 5), date(2026, 7, 5)
SHORT = Patience(wait_seconds=1, attempts=2, longest_pause_seconds=1)


def make(new: Callable[..., Warehouse], name: str, **changes: object) -> Warehouse:
    """Capture three nights, compute 52 days and roll them up; kpi_run knows of a day near TODAY."""
    made = new(name, **changes)
    compute(made)
    return made


def source(night: int) -> dict[str, list[dict[str, Any]]]:
    """What the small school's source says of three of its learners."""

    def kept(row: dict[str, Any]) -> bool:
        person = row["ref_id"] if row.get("scope_type") == "APPRENANT" and "ref_id" in row else None
        return (row.get("learner_id") or person or 0) <= 3

    return {name: [row for row in rows if kept(row)] for name, rows in school.source(night).items()}


def compute(made: Warehouse) -> None:
    for night in range(3):
        made.load_source(source(night))
        made.capture(school.day_of(night))
    made.capture(LAST)
    made.dimensions()
    made.fact_range(FIRST, LAST)
    made.rollup(FIRST, LAST)
    computed_until(made, "2026-06-01")


def computed_until(made: Warehouse, day: str) -> None:
    """Have the ledger say that a day near today was computed, so that today is plausible."""
    made.execute(
        "INSERT INTO kpi_run (table_name, date_from, date_to, state, started_at, finished_at)"
        " VALUES ('kpi_tile_cache', %s, %s, 'DONE', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        (day, day),
    )


def retained(made: Warehouse, today: date = TODAY, **how: Any) -> dict[tuple[str, str], Decision]:
    """Run retention; return what was decided on, by table and month."""
    done = run.retain(
        today, made.settings, Author(), **{"dry_run": False, "patience": SHORT, **how}
    )
    return {(one.table, f"{one.month:%Y-%m}"): one for one in done.decisions}


def restored(made: Warehouse, asked: str = "2026-02", **how: Any) -> list[str]:
    found = run.restore(
        asked,
        made.settings,
        Author(),
        **{"over": False, "dry_run": False, "patience": SHORT, **how},
    )
    return [one.undo_table for one in found]


class Part(NamedTuple):
    """A table's rows of one period and month: how many, and checksums of all columns, ids and instants included."""

    period: str
    month: str
    rows: int
    checksums: tuple[int, int]


def stored(made: Warehouse, where: str = "TRUE") -> dict[str, list[Part]]:
    """What the fact tables hold, summed up by the server: there are too many rows to read them again and again."""
    return {table: _parts(made, table, where) for table in FACTS}


def _parts(made: Warehouse, table: str, where: str) -> list[Part]:
    columns = made.rows(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position",
        (table,),
    )
    text = ", ".join(f"COALESCE(CAST(`{name}` AS CHAR), 'NULL')" for (name,) in columns)
    found = made.rows(
        "SELECT period, month, COUNT(*), SUM(CRC32(text)), BIT_XOR(CRC32(SHA2(text, 256))) FROM ("
        f"SELECT period, DATE_FORMAT(date_id, '%Y-%m') AS month, CONCAT_WS('#', {text}) AS text"
        f" FROM {table} WHERE {where}) AS line GROUP BY period, month ORDER BY period, month"
    )
    return [Part(period, month, n, (int(sums), xor)) for period, month, n, sums, xor in found]


def count(parts: Iterable[Part]) -> int:
    return sum(part.rows for part in parts)


def without_days(found: dict[str, list[Part]], *months: str) -> dict[str, list[Part]]:
    """The same without the D rows of some months."""
    return {
        table: [part for part in parts if not (part.period == "D" and part.month in months)]
        for table, parts in found.items()
    }


def undo_tables(made: Warehouse) -> list[str]:
    found = made.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        " AND table_name LIKE 'kpi\\_undo\\_%' ORDER BY table_name"
    )
    return [name for (name,) in found]


def with_settings(made: Warehouse, **changes: object) -> None:
    made.settings = Settings(**(made.settings.model_dump() | changes))  # type: ignore[arg-type]
