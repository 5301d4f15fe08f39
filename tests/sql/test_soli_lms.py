"""The adapter soli_lms on a real MySQL: rows of the LMS in, contract rows out (soli_lms/*.yaml)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import mysql.connector
import pytest
import yaml
from kpi.core import catalog
from kpi.core.servers import Server
from kpi.core.settings import PROJECT, Settings
from kpi.core.templates import renderer
from mysql_accounts import connect
from mysql_server import PrivateServer

Row = Mapping[str, Any]

CASES = Path(__file__).parent / "soli_lms"
SCHEMA = PROJECT / "scripts" / "demo_source" / "schema.sql"
RELATIONS = sorted(catalog.CONTRACT)
ADAPTER = catalog.relations(Settings().sql_dir, "soli_lms")
UNKNOWN_COLUMN = 1054
ACTUAL_ROWS = re.compile(r"actual time=\S+ rows=(\S+) loops=(\d+)")
# What a column gets that may not be NULL and that a case does not name.
FILLERS: dict[str, Any] = {
    "varchar": "",
    "longtext": "",
    "date": date(2025, 9, 1),
    "datetime": datetime(2025, 9, 1),
}


class Lms:
    """A database with the LMS's tables, or some of them, and the adapter's SELECTs on it."""

    def __init__(self, cursor: Any, name: str) -> None:
        self.cursor = cursor
        self.name = name
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        cursor.execute(f"USE {name}")

    def create_all_tables(self) -> Lms:
        for statement in statements(SCHEMA):
            self.cursor.execute(statement)
        return self

    def create_tables(self, columns: Mapping[str, Sequence[str]], types: Row) -> Lms:
        """Make tables with these columns only; `types` is by "table.column"."""
        for table, names in columns.items():
            declared = ", ".join(f"`{name}` {types[f'{table}.{name}']}" for name in names)
            self.cursor.execute(f"CREATE TABLE {table} ({declared})")
        return self

    def drop_tables(self) -> None:
        for table in self.tables():
            self.cursor.execute(f"DROP TABLE {table}")

    def insert(self, table: str, row: Row) -> None:
        names = ", ".join(f"`{name}`" for name in row)
        marks = ", ".join(["%s"] * len(row))
        self.cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))

    def tables(self) -> list[str]:
        return sorted({table for table, *_ in self._columns()})

    def types(self) -> dict[str, str]:
        return {f"{table}.{name}": kind for table, name, kind, _ in self._columns()}

    def load(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Replace all rows of the LMS by these, in which columns may be missing."""
        for table in self.tables():
            self.cursor.execute(f"DELETE FROM {table}")
        needed = [(table, name, kind) for table, name, kind, filled in self._columns() if filled]
        for table, rows in tables.items():
            filler = {
                name: FILLERS.get(kind.partition("(")[0], 0)
                for owner, name, kind in needed
                if owner == table
            }
            for number, given in enumerate(rows):
                row = (
                    filler
                    | ({"reference": f"r{number}"} if "reference" in filler else {})
                    | dict(given)
                )
                self.cursor.execute(
                    f"INSERT INTO {table} ({', '.join(f'`{name}`' for name in row)}) "
                    f"VALUES ({', '.join(['%s'] * len(row))})",
                    tuple(row.values()),
                )

    def select(
        self, relation: str, app_timezone: str = "UTC", soft_deleted: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """The relation's rows, read as on two servers and staged as on one: both are the same."""
        sql = self.rendered(relation, app_timezone, soft_deleted)
        self.cursor.execute(sql)
        columns = self.cursor.column_names
        read = [dict(zip(columns, row, strict=True)) for row in self.cursor.fetchall()]
        declared = ", ".join(f"{name} {staged_type(name)}" for name in columns)
        self.cursor.execute("DROP TEMPORARY TABLE IF EXISTS staged")
        self.cursor.execute(f"CREATE TEMPORARY TABLE staged ({declared})")
        self.cursor.execute(f"INSERT INTO staged\n{sql}")
        self.cursor.execute("SELECT * FROM staged")
        staged = [dict(zip(columns, row, strict=True)) for row in self.cursor.fetchall()]
        assert only(columns, staged) == only(columns, read)
        return staged

    def rendered(
        self, relation: str, app_timezone: str = "UTC", soft_deleted: Collection[str] = ()
    ) -> str:
        render = renderer(
            Settings(source_timezone=app_timezone),
            source=f"`{self.name}`",
            soft_deleted=soft_deleted,
        )
        return render(f"source/soli_lms/{relation}.sql")

    def _columns(self) -> list[tuple[str, str, str, bool]]:
        """Table, column, type and whether an INSERT must name it, of each column."""
        self.cursor.execute(
            "SELECT table_name, column_name, column_type, is_nullable = 'NO' "
            "AND column_default IS NULL AND extra <> 'auto_increment' "
            "FROM information_schema.columns WHERE table_schema = %s",
            (self.name,),
        )
        return [
            (table, name, str(kind), bool(must))
            for table, name, kind, must in self.cursor.fetchall()
        ]


@pytest.fixture(scope="module")
def cursor(server: PrivateServer) -> Iterator[Any]:
    """A session set up as the capture's; no foreign keys, cases name only what counts."""
    with connect(server.root_uri) as connection, connection.cursor() as opened:
        for statement in Server.from_banner(connection.server_info).setup:
            opened.execute(statement)
        opened.execute("SET SESSION foreign_key_checks = 0")
        yield opened


@pytest.fixture(scope="module")
def lms(cursor: Any) -> Iterator[Lms]:
    made = Lms(cursor, "t_soli_lms").create_all_tables()
    yield made
    cursor.execute("DROP DATABASE t_soli_lms")


@pytest.fixture
def other_lms(cursor: Any, lms: Lms) -> Iterator[Lms]:
    """An empty database beside the LMS."""
    yield Lms(cursor, "t_soli_lms_other")
    cursor.execute("DROP DATABASE t_soli_lms_other")
    cursor.execute(f"USE {lms.name}")


def staged_type(column: str) -> str:
    """The type of a contract column where the capture stages it."""
    if column == "due_on":
        return "DATE"
    if column.endswith(("_at", "_from", "_to")):
        return "DATETIME(6)"
    is_number = column.endswith(("_id", "_order", "_pct", "score", "score_max", "is_final"))
    return "DOUBLE" if is_number else "VARCHAR(255)"


def cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.yaml")):
        found = yaml.safe_load(path.read_text("utf-8"))
        base = next((case["lms"] for case in found if case["name"] == "base"), {})
        for case in found:
            if case["name"] != "base":
                tables = {
                    table: [*base.get(table, []), *case["lms"].get(table, [])]
                    for table in {**base, **case["lms"]}
                }
                yield pytest.param(path.stem, case, tables, id=f"{path.stem}-{case['name']}")


def only(columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Rows as sorted text, reduced to some columns, one number one spelling."""

    def text(value: Any) -> str:
        return f"{value:g}" if isinstance(value, (int, float)) else str(value)

    return sorted(", ".join(f"{name}={text(row.get(name))}" for name in columns) for row in rows)


@pytest.mark.parametrize(("relation", "case", "tables"), [*cases()])
def test_golden_case(
    lms: Lms, relation: str, case: Row, tables: Mapping[str, Sequence[Row]]
) -> None:
    lms.load(tables)
    rows = lms.select(relation, case.get("app_timezone", "UTC"))
    named = {name for row in case["gives"] for name in row}
    columns = [name for name in catalog.CONTRACT[relation] if name in named]
    assert len(columns) == len(named), (
        f"{case['name']} names columns that the contract does not have"
    )
    assert only(columns, rows) == only(columns, case["gives"])


def test_each_relation_has_its_cases() -> None:
    assert sorted(path.stem for path in CASES.glob("*.yaml")) == RELATIONS == sorted(ADAPTER)


@pytest.mark.parametrize("app_timezone", ["UTC", "Africa/Casablanca"])
@pytest.mark.parametrize("relation", RELATIONS)
def test_columns_are_those_of_the_contract(lms: Lms, relation: str, app_timezone: str) -> None:
    lms.load({})
    lms.select(relation, app_timezone)
    assert lms.cursor.column_names == catalog.CONTRACT[relation]


@pytest.mark.parametrize("relation", RELATIONS)
def test_reads_all_and_only_what_its_header_declares(
    lms: Lms, other_lms: Lms, relation: str
) -> None:
    """The preflight compares headers with the source: they miss nothing and ask nothing in vain."""
    reads = ADAPTER[relation][0].reads
    other_lms.create_tables(reads, lms.types())
    other_lms.select(relation)
    for table, columns in reads.items():
        for column in columns:
            rename = f"ALTER TABLE {table} RENAME COLUMN `{{}}` TO `{{}}`"
            other_lms.cursor.execute(rename.format(column, "gone"))
            with pytest.raises(mysql.connector.Error) as refused:
                other_lms.select(relation)
            assert refused.value.errno == UNKNOWN_COLUMN, f"{table}.{column}"
            other_lms.cursor.execute(rename.format("gone", column))


@pytest.mark.parametrize("relation", RELATIONS)
def test_columns_that_a_newer_lms_adds_change_nothing(
    lms: Lms, other_lms: Lms, relation: str
) -> None:
    """The worst case: each table gains all columns of the others, and those of the contract."""
    types = lms.types()
    names = {key.partition(".")[2] for key in types} | {
        name for columns in catalog.CONTRACT.values() for name in columns
    }
    reads = ADAPTER[relation][0].reads
    wide = {
        f"{table}.{name}": types.get(f"{table}.{name}", "int") for table in reads for name in names
    }
    # MySQL's column names know no case.
    columns = {name.lower(): name for name in sorted(names)}
    other_lms.create_tables({table: tuple(columns.values()) for table in reads}, wide)
    other_lms.select(relation)
    assert other_lms.cursor.column_names == catalog.CONTRACT[relation]


@pytest.mark.parametrize("relation", RELATIONS)
def test_deleted_rows_of_each_table_are_left_out(lms: Lms, other_lms: Lms, relation: str) -> None:
    """Where a table has `deleted_at`, a row with one is as good as gone; without one it is there."""
    case = next(given for given in cases() if given.values[0] == relation)
    other_lms.create_all_tables()
    tables = {table: case.values[2].get(table, ()) for table in ADAPTER[relation][0].reads}
    for table in tables:
        other_lms.cursor.execute(f"ALTER TABLE {table} ADD COLUMN deleted_at timestamp NULL")
    columns = catalog.CONTRACT[relation]
    for table in tables:
        other_lms.load({**tables, table: ()})
        without = only(columns, other_lms.select(relation))
        other_lms.load(tables)
        there = only(columns, other_lms.select(relation, soft_deleted=tables))
        assert there == only(columns, other_lms.select(relation))
        other_lms.cursor.execute(f"UPDATE {table} SET deleted_at = NOW()")
        assert only(columns, other_lms.select(relation, soft_deleted=tables)) == without, table


@pytest.mark.parametrize(
    "collation", ["utf8mb4_0900_ai_ci", "utf8mb4_unicode_ci", "utf8mb4_general_ci"]
)
def test_the_sessions_collation_is_of_no_concern(lms: Lms, collation: str) -> None:
    """Labels and keys mix the session's literals with the LMS's columns."""
    lms.load(
        {
            "groupes": [{"id": 7, "code": "DEV101", "nom": "Développement"}],
            "realisation_modules": [{"id": i, "apprenant_id": 12, "module_id": 2} for i in (1, 2)],
        }
    )
    lms.cursor.execute(f"SET NAMES utf8mb4 COLLATE {collation}")
    try:
        found = {relation: lms.select(relation) for relation in RELATIONS}
    finally:
        lms.cursor.execute("SET NAMES utf8mb4")
    assert found["scope"][1]["label"] == "DEV101 – Développement"
    assert found["reject"][0]["source_key"] == "MODULE:2:12#1"


# By turns for tables and columns; the last one is not even in the same character set.
COLLATIONS = (
    "utf8mb4_0900_ai_ci",
    "utf8mb4_unicode_ci",
    "utf8mb4_general_ci",
    "utf8mb4_bin",
    "latin1_swedish_ci",
)


@pytest.mark.parametrize("by", ["table", "column"])
def test_an_lms_of_mixed_collations_gives_the_same_rows(
    lms: Lms, other_lms: Lms, cursor: Any, by: str
) -> None:
    """As after years of imports: what one relation reads lies in several collations."""
    named = {"code": "É1", "nom": "Été", "titre": "Élan", "prenom": "Zoé"}
    for relation in RELATIONS:
        reads = ADAPTER[relation][0].reads
        texts = {f"{table}.{name}" for table in reads for name in reads[table] if name in named}
        other_lms.drop_tables()
        other_lms.create_tables(reads, lms.types())
        for table, columns in reads.items():
            row = {name: named.get(name, 1) for name in columns if f"{table}.{name}" in texts}
            row |= {name: 1 for name in columns if name == "id" or name.endswith("_id")}
            row |= {name: date(2026, 1, 5) for name in columns if name.startswith("date")}
            row |= {name: 1 for name in columns if name == "actif"}
            other_lms.insert(table, row)
        before = other_lms.select(relation)
        for number, key in enumerate(sorted(texts)):
            table, _, column = key.partition(".")
            turn = number if by == "column" else sorted(reads).index(table)
            collation = COLLATIONS[turn % len(COLLATIONS)]
            cursor.execute(
                f"ALTER TABLE {table} MODIFY `{column}` {lms.types()[key]}"
                f" CHARACTER SET {collation.partition('_')[0]} COLLATE {collation}"
            )
        found = other_lms.select(relation)
        assert only(catalog.CONTRACT[relation], found) == only(catalog.CONTRACT[relation], before)
        assert found or relation in ("reject", "feedback"), relation


def test_no_step_of_a_plan_joins_all_with_all(lms: Lms) -> None:
    """In a school of 100 learners with 60 UAs and 60 tasks each, none passes on more than that."""
    lms.load({})
    lms.cursor.execute("SET @learners = 100")
    lms.cursor.execute("START TRANSACTION")  # one commit for all
    for statement in statements(CASES / "school.sql"):
        lms.cursor.execute(statement)
    lms.cursor.execute("COMMIT")
    lms.cursor.execute(f"ANALYZE TABLE {', '.join(lms.tables())}")
    lms.cursor.fetchall()
    for relation in RELATIONS:
        lms.cursor.execute(f"EXPLAIN ANALYZE {lms.rendered(relation)}")
        plan = "\n".join(text for (text,) in lms.cursor.fetchall())
        passed_on = [float(rows) * int(loops) for rows, loops in ACTUAL_ROWS.findall(plan)]
        assert passed_on, plan
        assert "no condition" not in plan, plan  # as MySQL writes of a join of all with all
        assert max(passed_on) <= 2.2 * 100 * 60, plan  # two events on each task


def statements(script: Path) -> list[str]:
    """The statements of a script in which a semicolon ends a line and a comment fills one."""
    text = re.sub(r"^--.*\n", "", script.read_text("utf-8"), flags=re.MULTILINE)
    return [part for part in text.split(";\n") if part.strip()]
