"""The benchmark of retention: a month's days removed by exchange, against deleting them in chunks.

Usage: make bench-retention [ARGS='--days-rows 200000 --kept-rows 100000']. It makes a server of its own and fills a
month of kpi_value twice: with D rows, which go, and W rows, which stay. Meanwhile a writer inserts rows of another
month and a reader counts; the longest that each had to wait is shown. Ratios are to the exchange, in the same run.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

os.environ["SSL_CERT_FILE"] = os.devnull
sys.path.insert(0, str(Path(__file__).parent.parent))

from kpi.core.connections import ADMIN, session
from kpi.core.ledger import Author
from kpi.core.settings import Settings
from kpi.upkeep.partitions.table_locks import Patience
from kpi.upkeep.retention.planner import Decision
from kpi.upkeep.retention.removal import Work, month_locked, remove
from mysql_accounts import connect_as
from mysql_server import PrivateServer
from rich.console import Console
from rich.table import Table

from tests.warehouse import Warehouse

MONTH = date(2026, 2, 1)
OTHER_MONTH = date(2026, 3, 1)
CHUNK = 5000


class Waiting(threading.Thread):
    """Runs a statement all the time and notes the longest that one took, in seconds."""

    def __init__(self, account: dict[str, Any], sql: str) -> None:
        super().__init__()
        self.account, self.sql = account, sql
        self.over = threading.Event()
        self.longest = 0.0

    def run(self) -> None:
        with connect_as(self.account) as connection, connection.cursor() as cursor:
            number = 0
            while not self.over.wait(0.005):
                number += 1
                begun = time.monotonic()
                cursor.execute(self.sql.replace("%n", str(number)))
                if cursor.with_rows:
                    cursor.fetchall()
                connection.commit()
                self.longest = max(self.longest, time.monotonic() - begun)


def fill(made: Warehouse, days_rows: int, kept_rows: int) -> None:
    """Fill the month with D rows that are to go and W rows that stay, in place of what it has."""
    made.execute("ALTER TABLE kpi_value TRUNCATE PARTITION p202602")
    made.execute("SET SESSION cte_max_recursion_depth = 100000000")
    for period, rows in (("D", days_rows), ("W", kept_rows)):
        made.execute(
            "INSERT INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num, sample_size)"
            f" WITH RECURSIVE number AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM number WHERE n < {rows})"
            f" SELECT '2026-02-01' + INTERVAL MOD(n, 28) DAY, '{period}', n DIV 2800, MOD(n DIV 28, 100), 1,"
            " MOD(n, 100), 10 FROM number"
        )


def by_exchange(made: Warehouse, days_rows: int, kept_rows: int) -> None:
    """Remove the month's D rows as kpi_retention does."""
    decision = Decision("rewrite", "kpi_value", MONTH, "p202602", ("D",), days_rows, kept_rows)
    with session(ADMIN) as admin:
        now = datetime.now(UTC).replace(tzinfo=None)
        work = Work(admin, made.settings, Author(), Patience(), now)
        with month_locked(work, "kpi_value", MONTH):
            remove(work, decision)


def by_chunks(made: Warehouse) -> None:
    """Remove them by DELETE … LIMIT."""
    with session(ADMIN) as admin:
        deleted = CHUNK
        while deleted == CHUNK:
            with admin.transaction():
                deleted = admin.run(
                    "DELETE FROM kpi_value WHERE date_id >= '2026-02-01' AND date_id <= '2026-02-28' "
                    f"AND period = 'D' LIMIT {CHUNK}"
                )


def measured(made: Warehouse, work: Callable[[], None]) -> tuple[float, float, float]:
    """Do it while others write and read; return its seconds and the longest wait of a writer and of a reader."""
    insert = (
        "INSERT INTO kpi_value (date_id, scope_id, target_id, metric_id) "
        f"VALUES ('{OTHER_MONTH}', {time.monotonic_ns() % 10**9}, %n, 1)"
    )
    count = f"SELECT COUNT(*) FROM kpi_value WHERE date_id = '{OTHER_MONTH}'"
    others = [
        Waiting(made.connections["kpi_etl"], insert),
        Waiting(made.connections["kpi_read"], count),
    ]
    for other in others:
        other.start()
    begun = time.monotonic()
    try:
        work()
    finally:
        seconds = time.monotonic() - begun
        for other in others:
            other.over.set()
            other.join()
    return seconds, others[0].longest, others[1].longest


def main() -> None:
    """Measure both ways and print them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days-rows", type=int, default=200_000, help="D rows, which go")
    arguments.add_argument("--kept-rows", type=int, default=100_000, help="W rows, which stay")
    given = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="kpi_bench_") as folder,
        PrivateServer(Path(folder), bound=True) as server,
    ):
        made = Warehouse(server.root_uri, "bench_retention", Settings()).create()
        made.bootstrap(date(2026, 1, 1), date(2026, 4, 30))
        by_way = {}
        for name, work in (
            ("exchange", lambda: by_exchange(made, given.days_rows, given.kept_rows)),
            (f"DELETE, {CHUNK} rows at a time", lambda: by_chunks(made)),
        ):
            fill(made, given.days_rows, given.kept_rows)
            by_way[name] = measured(made, work)
        made.close()
    title = f"{given.days_rows} rows removed, {given.kept_rows} stay"
    table = Table("how", "seconds", "× exchange", "a writer waited", "a reader waited", title=title)
    base = by_way["exchange"][0]
    for name, (seconds, writer, reader) in by_way.items():
        table.add_row(
            name, f"{seconds:.2f}", f"{seconds / base:.2f}", f"{writer:.2f} s", f"{reader:.2f} s"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
