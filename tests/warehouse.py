"""A KPI database and a source on a real MySQL server, driven as the DAGs drive them but without Airflow's scheduler."""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlparse
from kpi.core import catalog, ledger, local_days
from kpi.core.connections import ADMIN, ETL, SOURCE, session
from kpi.core.ledger import Written
from kpi.core.settings import Settings
from kpi.core.steps import Runner, Step, create_temporary, steps
from kpi.core.templates import renderer
from kpi.figures import rollups, slices
from kpi.history import capture
from kpi.history.taking_back import TakenBack, take_back
from kpi.incremental import opening, refresh
from kpi.operators.dimensions import metric_rows
from kpi.upkeep import migrations, partitions, time_dimension
from kpi.vocabulary import DAILY_TABLES, FACT_TABLES, MONTH, ROLLING, WEEK
from mysql_accounts import connect, create_accounts

FACTS = DAILY_TABLES
ROLLUPS = (
    *(
        (table, period, f"facts/{table}/closing.sql")
        for table in FACT_TABLES
        for period in (WEEK, MONTH)
    ),
    ("kpi_value", ROLLING, "facts/kpi_value/windows.sql"),
)
HISTORY = ("kpi_src_realisation", "kpi_src_membership", "kpi_src_plan", "kpi_src_feedback")
COLLATIONS = ("utf8mb4_0900_ai_ci", "utf8mb4_unicode_ci")  # MySQL's usual one, and Laravel's
CONTRACT_SCHEMA = Path(__file__).parent / "contract_schema.sql"

CONTRACT_OF_HINTS = Path(__file__).parent / "contract_source_of_hints"

Rows = list[tuple[Any, ...]]


@dataclass(repr=False)
class Warehouse:
    """One KPI database with its source; its accounts have the rights of docs/accounts.sql and no others."""

    root_uri: str
    name: str
    settings: Settings
    source_root_uri: str | None = None
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    keeps_scripts: bool = False
    _scripts: dict[tuple[str, str], list[Step]] = field(default_factory=dict)
    _sessions: dict[tuple[str, int], Any] = field(default_factory=dict)  # root's, by server, thread
    _opened: ExitStack = field(default_factory=ExitStack)

    @property
    def source_name(self) -> str:
        return f"{self.name}_source"

    def __repr__(self) -> str:
        return f"Warehouse({self.name})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Make Hypothesis show it by its __repr__."""
        printer.text(repr(self))

    def create(self) -> Warehouse:
        """Make both databases empty and the accounts; point Airflow's connections at them."""
        for uri, database in (
            (self.root_uri, self.name),
            (self.source_root_uri or self.root_uri, self.source_name),
        ):
            with connect(uri) as root, root.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
                cursor.execute(
                    f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE {collation_of(database)}"
                )
        prefix = f"{self.name}_"[:20]
        if self.source_root_uri is None:
            self.connections = create_accounts(
                self.root_uri, self.name, self.source_name, PASSWORDS, prefix
            )
        else:
            self.connections = create_accounts(self.root_uri, self.name, None, PASSWORDS, prefix)
            self.connections |= create_accounts(
                self.source_root_uri, None, self.source_name, PASSWORDS, prefix
            )
        self.use()
        return self

    def use(self) -> None:
        for conn_id, values in self.connections.items():
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(values)

    def bootstrap(self, first: date, last: date) -> Warehouse:
        """Schema, metric dictionary, partitions of the months, and kpi_time from `first` to `last`."""
        with session(ADMIN) as admin:
            files = migrations.available(self.settings.sql_dir, self.settings.storage)
            migrations.migrate(admin, files, resume=False, lock_wait_seconds=10)
            for statement in partitions.missing(admin, partitions.months(first, last)):
                admin.run(statement)
        self.register_metrics()
        upsert = self.render("dimensions/kpi_time.sql")
        chosen = self.settings.model_copy(
            update={"calendar_start": first, "calendar_days_ahead": (last - first).days}
        )
        time_dimension.fill(upsert, "", first, force=False, settings=chosen)
        return self

    def register_metrics(self) -> None:
        sql = self.render("dimensions/kpi_metric.sql")
        with session(ETL) as etl, etl.transaction():
            for row in metric_rows(catalog.metrics(self.settings.sql_dir)):
                etl.run(sql, row)

    def render(self, path: str) -> str:
        return renderer(self.settings, source_schema=lambda: f"`{self.source_name}`")(path)

    def script(self, path: str) -> list[Step]:
        """Render a script and split it into its steps; with the same settings once only where `keeps_scripts`."""
        key = path, self.settings.model_dump_json()
        if key not in self._scripts or not self.keeps_scripts:
            self._scripts[key] = steps(self.render(path))
        return self._scripts[key]

    # -- the nightly batch, a task at a time

    def capture(
        self, day: date, captured_at: datetime | None = None, accepts: bool = False
    ) -> list[capture.Found] | None:
        instant = captured_at or datetime.combine(
            day + timedelta(days=1), datetime.min.time().replace(hour=1, minute=30)
        )
        script = self.script("capture/capture.sql")
        return capture.capture(day, instant, script, self.settings, ledger.Author(), accepts)

    def take_back(self, captured_at: datetime | None, dry_run: bool = False) -> TakenBack:
        """Restore the history from before a capture, as kpi_take_back does, without its figures."""
        script = self.script("capture/take_back.sql")
        return take_back(captured_at, script, self.settings, ledger.Author(), dry_run=dry_run)

    def capture_learners(
        self, learners: Iterable[int], captured_at: datetime
    ) -> list[capture.Found]:
        """Capture some learners alone, as a refresh during the day does, but without its figures."""
        script = self.script("capture/learners.sql")
        day = local_days.local_date(captured_at, self.settings.timezone)
        with session(SOURCE) as source, session(ETL) as etl:
            last = capture.last_capture(etl)
            assert last is not None, "a whole capture comes first"
            create_temporary(etl, script)
            with etl.transaction():
                some = capture.LearnersCapture(
                    sorted(learners),
                    capture.Plan(day, captured_at, last.captured_at),
                    source,
                    etl,
                    script,
                    self.settings,
                )
                some.find()
                return some.write()

    def dimensions(self) -> None:
        script = self.script("dimensions/dimensions.sql")
        with session(ETL) as etl:
            create_temporary(etl, script)
            with etl.transaction():
                Runner(etl).run(script)

    def facts(self, day: date, tables: Iterable[str] = FACTS) -> dict[str, ledger.Written]:
        return {
            table: self._write(slices.Slice.daily(table, day), f"facts/{table}/day.sql")
            for table in tables
        }

    def fact_range(
        self,
        first: date,
        last: date,
        tables: Iterable[str] = FACTS,
        scopes: slices.Scopes = slices.ALL_SCOPES,
    ) -> dict[str, ledger.Written]:
        """Compute the D rows of a range of days at once, as a chunk of kpi_backfill does."""
        return {
            table: self._write(
                slices.Slice.days(table, first, last, scopes), f"facts/{table}/range.sql"
            )
            for table in tables
        }

    def rollup(
        self,
        first: date,
        last: date | None = None,
        tables: Iterable[str] = FACT_TABLES,
        takes_missed: bool = False,
    ) -> dict[str, ledger.Written]:
        """Roll up a day or a range as kpi_backfill does, or with `takes_missed` a day as a night of kpi_rollup does."""
        last = last or first
        written: dict[str, ledger.Written] = {}
        for table, period, path in ROLLUPS:
            if table not in tables:
                continue
            if takes_missed:
                parts = rollups.due_slices(table, period, first, self.settings)
            else:
                parts = rollups.slices_to_roll_up(table, period, first, last, self.settings)
            for part in parts:
                one = self._write(part, path)
                written[f"{table} {period}"] = written.get(f"{table} {period}", Written()) + one
        written["tiles"] = self._write(slices.Slice.tiles(last), "display/kpi_tile_cache.sql")
        return written

    def _write(self, part: slices.Slice, path: str) -> ledger.Written:
        return slices.write_slice(part, self.script(path), self.settings, ledger.Author())

    def night(self, day: date, captured_at: datetime | None = None) -> dict[str, ledger.Written]:
        self.capture(day, captured_at)
        self.dimensions()
        return self.facts(day)

    # -- during the day

    def open_day(self, day: date) -> bool:
        """Compute a day and what it is rolled up into, and keep the sums that changes add to."""
        self.facts(day)
        self.rollup(day)
        return opening.open_day(day, self.script("roads/opening.sql"), self.settings)

    def changed(self, *learners: int) -> None:
        """Put learners on the list of changes, as the source's triggers do."""
        for learner in learners:
            self.execute(
                "INSERT INTO kpi_change (domain, learner_id) VALUES ('LEARNER', %s)", [learner]
            )

    def refresh_scripts(self) -> refresh.Scripts:
        return refresh.Scripts(
            self.script("roads/change/before_and_after.sql"),
            self.script("capture/learners.sql"),
            self.script("roads/change/cells.sql"),
        )

    def refresh(self, captured_at: datetime) -> list[refresh.Refreshed]:
        """Refresh the day of an instant, which is open, until no change is pending."""
        day = local_days.local_date(captured_at, self.settings.timezone)
        found = []
        while done := self.refresh_next(captured_at):
            found.append(done)
            if done.unfinished:
                paths = {path: self.script(path) for path in refresh.WHOLE}
                refresh.complete(done, day, paths, self.settings, ledger.Author())
        return found

    def refresh_next(self, captured_at: datetime) -> refresh.Refreshed | None:
        """Refresh the day of an instant for the oldest pending changes."""
        scripts = self.refresh_scripts()
        return refresh.refresh_next(
            "a test", lambda: captured_at, scripts, self.settings, ledger.Author()
        )

    # -- rows in, rows out

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Rows:
        """Query the KPI database as root."""
        return self._root(self.root_uri, self.name, sql, parameters)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._root(self.root_uri, self.name, sql, parameters)

    def source(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Query or change the source as root, as the application would."""
        return self._root(self.source_root_uri or self.root_uri, self.source_name, sql, parameters)

    def create_contract_source(self) -> None:
        for statement in sqlparse.split(CONTRACT_SCHEMA.read_text()):
            self.source(statement.rstrip(";"))

    def load_source(self, relations: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Replace the contract source's rows by these."""
        with self._cursor(self.source_root_uri or self.root_uri, self.source_name) as cursor:
            cursor.execute("START TRANSACTION")
            for relation, columns in catalog.CONTRACT.items():
                if relation == "reject":
                    continue
                cursor.execute(f"DELETE FROM {relation}")
                rows = [
                    [row.get(column) for column in columns] for row in relations.get(relation, ())
                ]
                if rows:
                    marks = ", ".join(["%s"] * len(columns))
                    cursor.executemany(
                        f"INSERT INTO {relation} ({', '.join(columns)}) VALUES ({marks})", rows
                    )
            cursor.execute("COMMIT")

    def empty(self) -> None:
        """Empty every KPI table but kpi_time and kpi_metric."""
        with self._cursor(self.root_uri, self.name) as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
                "AND table_name NOT IN ('kpi_time', 'kpi_metric', 'kpi_migration')"
            )
            tables = [table for (table,) in cursor.fetchall()]
            cursor.execute("SET SESSION foreign_key_checks = 0")
            cursor.execute("START TRANSACTION")  # one commit for all
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")
            cursor.execute("COMMIT")
            cursor.execute("SET SESSION foreign_key_checks = 1")

    def close(self) -> None:
        """Close root's sessions; the databases stay."""
        self._sessions.clear()
        self._opened.close()

    def _root(
        self, uri: str, database: str, sql: str, parameters: Sequence[Any] | Mapping[str, Any]
    ) -> Rows:
        with self._cursor(uri, database) as cursor:
            cursor.execute(
                sql, parameters if isinstance(parameters, Mapping) else tuple(parameters)
            )
            return list(cursor.fetchall()) if cursor.with_rows else []

    @contextmanager
    def _cursor(self, uri: str, database: str) -> Iterator[Any]:
        """A cursor of root's session on a server, autocommit; each thread keeps its own session."""
        key = (uri, threading.get_ident())
        if key not in self._sessions or not self._sessions[key].is_connected():
            self._sessions[key] = self._opened.enter_context(connect(uri))
            self._sessions[key].time_zone = "+00:00"
        with self._sessions[key].cursor() as cursor:
            cursor.execute(f"USE `{database}`")
            yield cursor


def collation_of(database: str) -> str:
    """The database's own collation: by its name one of two, so that the tests run on databases of both."""
    return COLLATIONS[zlib.crc32(database.encode()) % len(COLLATIONS)]


PASSWORDS = dict.fromkeys(("kpi_source", "kpi_etl", "kpi_admin", "kpi_read"), "Test-account-1")


def of_hints(contract: Settings) -> Settings:
    """Return the settings with an adapter for the same tables that says of the last activity that it is a hint."""
    folder = contract.sql_dir / "source" / "contract_of_hints"
    if not folder.exists():
        folder.mkdir()
        for path in (contract.sql_dir / "source" / "contract").iterdir():
            hinting = CONTRACT_OF_HINTS / path.name
            (folder / path.name).symlink_to(hinting if hinting.exists() else path)
    return contract.model_copy(update={"source_adapter": folder.name})
