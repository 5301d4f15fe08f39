"""The demo source in a real MySQL: it holds what the school says, and moves on as it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import mysql.connector
import pytest
from demo_source import DemoSource, DemoSourceError, School
from demo_source.__main__ import main
from demo_source.clock import SCHOOL_ZONE
from demo_source.database import connection_arguments
from demo_source.realisations import REALISATION_TABLES
from demo_source.schema import tables
from mysql_server import PrivateServer

from tests.demo_year import demo_school

pytestmark = pytest.mark.long

FIRST_NIGHT = datetime(2026, 2, 4, 1, 30, tzinfo=UTC)
LAST_NIGHT = datetime(2026, 2, 23, 1, 30, tzinfo=UTC)
Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def query(server: PrivateServer) -> Iterator[Query]:
    """Run a statement as root, in UTC, and return its rows."""
    connection = mysql.connector.connect(**connection_arguments(server.root_uri), autocommit=True)
    cursor = connection.cursor()
    cursor.execute("SET SESSION time_zone = '+00:00'")

    def run(statement: str, *values: object) -> list[tuple[Any, ...]]:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.with_rows else []

    yield run
    for name in ("demo_t", "demo_other", "demo_mine"):
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
    connection.close()


@pytest.fixture
def demo(server: PrivateServer) -> DemoSource:
    return DemoSource(server.root_uri, "demo_t", demo_school())


def content(query: Query, database: str) -> dict[str, Counter[tuple[Any, ...]]]:
    return {name: Counter(query(f"SELECT * FROM {database}.{name}")) for name in tables()}


def expected(at: datetime, zone: str = "UTC") -> dict[str, Counter[tuple[Any, ...]]]:
    found: dict[str, Counter[tuple[Any, ...]]] = {name: Counter() for name in tables()}
    for table, _, row in demo_school().rows_at(at, zone):
        found[table][row] += 1
    return found


def test_create_makes_the_school_as_of_an_instant(demo: DemoSource, query: Query) -> None:
    counts = demo.create(FIRST_NIGHT)
    assert content(query, "demo_t") == expected(FIRST_NIGHT)
    assert counts == {name: rows.total() for name, rows in expected(FIRST_NIGHT).items()}
    assert demo.stands_at() == FIRST_NIGHT


def test_nights_one_by_one_lead_to_the_same_as_making_it_anew(
    demo: DemoSource, query: Query
) -> None:
    """Among them a group change at midnight, rows deleted and made again, two nights of upkeep."""
    demo.create(FIRST_NIGHT)
    night = FIRST_NIGHT
    while night < LAST_NIGHT:
        night += timedelta(days=1)
        demo.advance(night)
    assert content(query, "demo_t") == expected(LAST_NIGHT)
    assert demo.stands_at() == LAST_NIGHT


def test_datetimes_are_in_the_zone_of_the_application(server: PrivateServer, query: Query) -> None:
    there = DemoSource(server.root_uri, "demo_other", demo_school(), SCHOOL_ZONE)
    there.create(FIRST_NIGHT)
    there.advance(LAST_NIGHT)
    assert content(query, "demo_other") == expected(LAST_NIGHT, SCHOOL_ZONE)
    statement = (
        "SELECT DISTINCT TIMESTAMPDIFF(SECOND, created_at, dateModification) "
        "FROM demo_other.historique_realisation_taches WHERE created_at {} '2026-02-15 02:00'"
    )
    assert query(statement.format("<")) == [(3600,)]
    assert query(statement.format(">")) == [(0,)]


def test_no_row_points_to_nothing_where_a_foreign_key_is(demo: DemoSource, query: Query) -> None:
    """Foreign keys are off while a school is loaded, so they are looked at here."""
    demo.create(LAST_NIGHT)
    keys = query(
        "SELECT table_name, column_name, referenced_table_name "
        "FROM information_schema.key_column_usage "
        "WHERE table_schema = 'demo_t' AND referenced_table_name IS NOT NULL"
    )
    assert len(keys) > 50
    for table, column, parent in keys:
        statement = (
            f"SELECT COUNT(*) FROM demo_t.{table} c LEFT JOIN demo_t.{parent} p "
            f"ON p.id = c.{column} WHERE c.{column} IS NOT NULL AND p.id IS NULL"
        )
        assert query(statement) == [(0,)], (table, column)


def test_the_schema_is_the_sources(demo: DemoSource, query: Query) -> None:
    demo.create(FIRST_NIGHT)
    columns = {
        (table, column): (kind, null)
        for table, column, kind, null in query(
            "SELECT table_name, column_name, column_type, is_nullable "
            "FROM information_schema.columns WHERE table_schema = 'demo_t'"
        )
    }
    for name, table in tables().items():
        if table.has_id:
            assert columns[name, "id"] == ("bigint unsigned", "NO")
        for stamp in ("created_at", "updated_at"):
            assert columns[name, stamp] == ("timestamp", "YES")
    for name in REALISATION_TABLES:
        assert columns[name, "progression_cache"] == ("double", "NO")
        assert columns[name, "dernier_update"] == ("datetime", "YES")
        assert columns[name, f"etat_{name[:-1]}_id"] == ("bigint unsigned", "YES")
    assert columns["apprenants", "actif"] == ("tinyint(1)", "NO")
    assert columns["micro_competences", "competence_id"][1] == "YES"
    assert columns["alignement_uas", "session_formation_id"][1] == "YES"
    collations = query(
        "SELECT DISTINCT collation_name FROM information_schema.columns "
        "WHERE table_schema = 'demo_t' AND collation_name IS NOT NULL "
        "AND table_name <> 'demo_clock'"
    )
    assert collations == [("utf8mb4_unicode_ci",)]
    keys = query(
        "SELECT DISTINCT table_name FROM information_schema.statistics WHERE non_unique = 0 "
        "AND table_schema = 'demo_t' AND table_name LIKE '%\\_groupe'"
    )
    assert keys == [], "pivots have no unique key"


def test_a_deleted_row_takes_those_under_it_along(demo: DemoSource, query: Query) -> None:
    """One level: in deeper cascades MySQL 9.7.4 leaves rows, unless innodb_native_foreign_keys."""
    demo.create(FIRST_NIGHT)
    under = "SELECT COUNT(*) FROM demo_t.realisation_uas WHERE realisation_micro_competence_id = 1"
    assert query(under) == [(3,)]
    query("DELETE FROM demo_t.realisation_micro_competences WHERE id = 1")
    assert query(under) == [(0,)]


def test_what_others_wrote_stays_until_the_school_changes_it(
    demo: DemoSource, query: Query
) -> None:
    demo.create(FIRST_NIGHT)
    query("UPDATE demo_t.filieres SET nom = 'À la main' WHERE id = 1")
    query("INSERT INTO demo_t.apprenants (nom, prenom, reference) VALUES ('A', 'B', 'BY-HAND')")
    query("DELETE FROM demo_t.realisation_modules WHERE apprenant_id = 2")
    demo.advance(LAST_NIGHT - timedelta(days=10))
    assert query("SELECT nom FROM demo_t.filieres WHERE id = 1") == [("À la main",)]
    assert query("SELECT nom FROM demo_t.apprenants WHERE reference = 'BY-HAND'") == [("A",)]
    gone = query("SELECT COUNT(*) FROM demo_t.realisation_modules WHERE apprenant_id = 2")
    assert gone == [(0,)], "rows that change are not made again"


def test_a_step_that_fails_leaves_everything_as_it_was(demo: DemoSource, query: Query) -> None:
    demo.create(FIRST_NIGHT)
    ((last,),) = query("SELECT MAX(id) FROM demo_t.affectation_projets")
    query(
        "INSERT INTO demo_t.affectation_projets (id, projet_id, date_debut) VALUES (%s, 1, NOW())",
        last + 1,
    )
    before = content(query, "demo_t")
    with pytest.raises(mysql.connector.errors.IntegrityError, match="Duplicate entry"):
        demo.advance(LAST_NIGHT)
    assert content(query, "demo_t") == before
    assert demo.stands_at() == FIRST_NIGHT


def test_moving_to_the_same_instant_writes_nothing(demo: DemoSource) -> None:
    demo.create(FIRST_NIGHT)
    assert str(demo.advance(FIRST_NIGHT)) == "0 rows inserted, 0 updated, 0 deleted"


def test_it_does_not_go_back(demo: DemoSource) -> None:
    demo.create(FIRST_NIGHT)
    with pytest.raises(DemoSourceError, match=r"stands at 2026-02-04T01:30:00Z and can't go back"):
        demo.advance(FIRST_NIGHT - timedelta(seconds=1))


def test_open_finds_school_and_zone(server: PrivateServer) -> None:
    school = School(3, 5, groups=3, trainers=2)
    DemoSource(server.root_uri, "demo_t", school, SCHOOL_ZONE).create(FIRST_NIGHT)
    found = DemoSource.open(server.root_uri, "demo_t")
    assert found.app_timezone == SCHOOL_ZONE
    assert found.school.parameters() == school.parameters()
    with pytest.raises(DemoSourceError, match="was made with app_timezone Africa/Casablanca"):
        DemoSource(server.root_uri, "demo_t", school).advance(LAST_NIGHT)


def test_a_database_that_is_no_demo_is_neither_dropped_nor_moved(
    server: PrivateServer, query: Query
) -> None:
    query("CREATE DATABASE demo_mine")
    query("CREATE TABLE demo_mine.precious (id int)")
    mine = DemoSource(server.root_uri, "demo_mine", School(learners=5))
    with pytest.raises(DemoSourceError, match="holds 1 tables and no demo_clock"):
        mine.create(FIRST_NIGHT)
    with pytest.raises(DemoSourceError, match="demo_mine is no demo source"):
        mine.advance(FIRST_NIGHT)
    assert query("SELECT COUNT(*) FROM demo_mine.precious") == [(0,)]


@pytest.mark.parametrize(
    ("server_uri", "database", "says"),
    [
        ("mysql://root:x@127.0.0.1:1/", "demo_t", r"Can't open demo_t on 127\.0\.0\.1:1: "),
        ("postgres://localhost/", "demo_t", "not as postgres…"),
        ("mysql://root@127.0.0.1/", "demo`t", "is no name for a demo database"),
    ],
)
def test_what_cannot_be_reached_is_named(server_uri: str, database: str, says: str) -> None:
    with pytest.raises(DemoSourceError, match=says):
        DemoSource(server_uri, database, School(learners=2)).stands_at()


def test_change_share_changes_one_percent_of_each_realisation_table(
    server: PrivateServer, query: Query
) -> None:
    demo = DemoSource(server.root_uri, "demo_t", School.benchmark(learners=50))
    demo.create(FIRST_NIGHT)
    before = content(query, "demo_t")
    at = FIRST_NIGHT + timedelta(hours=9)
    assert demo.change_share(0.01, at) == 4 + 12 + 32 + 96
    after = content(query, "demo_t")
    progress = tables()["realisation_uas"].place["progression_cache"]
    for name, changed in zip(REALISATION_TABLES, (4, 12, 32, 96), strict=True):
        new = after[name] - before[name]
        assert new.total() == changed
        place = tables()[name].place
        stamps = {(row[place["dernier_update"]], row[place["updated_at"]]) for row in new}
        assert stamps == {(at.replace(tzinfo=None), at.replace(tzinfo=None))}
        assert all(0 <= row[place["progression_cache"]] <= 100 for row in new)
    assert {row[progress] for row in after["realisation_uas"] - before["realisation_uas"]}
    assert demo.change_share(0.01, at + timedelta(hours=1)) == 144


def test_the_command_line_makes_and_moves_a_demo(
    server: PrivateServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KPI_MYSQL_ROOT", server.root_uri)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--database", "demo_t"])
        return code, *capsys.readouterr()

    code, said, _ = run("create", "--at", "2026-02-01T01:30:00Z", "--learners", "10", "--seed", "3")
    assert code == 0
    assert said.startswith("demo_t made as of 2026-02-01T01:30:00+00:00: ")
    code, said, _ = run("advance", "--to", "2026-02-02T01:30:00Z")
    assert code == 0
    assert "moved to 2026-02-02T01:30:00+00:00: " in said
    assert run("status") == (0, "demo_t stands at 2026-02-02T01:30:00+00:00\n", "")
    code, said, wrong = run("advance", "--to", "2026-02-01T01:30:00Z")
    assert (code, said, wrong.count("\n")) == (1, "", 1)
    assert "can't go back" in wrong
    with pytest.raises(SystemExit):
        run("advance", "--to", "2026-02-03T01:30:00")
    assert "has no time zone" in capsys.readouterr().err
    monkeypatch.delenv("KPI_MYSQL_ROOT")
    assert "KPI_MYSQL_ROOT is not set" in run("status")[2]
