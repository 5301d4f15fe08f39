"""One odd row: the extremes of every column that the adapter soli_lms reads, each set aside by the field.

A chain is one row in each table of the LMS, all with one id: a learner with his group, session, module … and work.
Each case has a chain of its own with one extreme value in one column; all cases are captured in one night.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import pytest
from kpi.core import catalog
from kpi.core.settings import Settings
from mysql_accounts import connect
from mysql_server import PrivateServer

from tests.sql.test_soli_lms import SCHEMA, statements
from tests.warehouse import HISTORY, Warehouse

pytestmark = pytest.mark.long

DAY = date(2026, 2, 16)
CLEAN = 1000  # the chain that has no odd value; the cases' chains follow it
BEYOND = 2**64 - 1
TRAINERS = 500_000  # added to a trainer's user
ODD_DATES = ("0000-00-00", "0001-01-01", "1000-01-01", "2026-00-00", "9999-12-31")
TOO_LONG = "é" * 255
EXTREMES: dict[str, tuple[object, ...]] = {
    "bigint": (0, BEYOND),
    "int": (-(2**31), 2**31 - 1),
    "tinyint": (-128, 127),
    "double": (-1.7976931348623157e308, 1.7976931348623157e308, 2.2250738585072014e-308),
    "varchar": ("", TOO_LONG),
    "longtext": ("", "é" * 30_000),
    "date": ODD_DATES,
    "datetime": (*ODD_DATES, "9999-12-31 23:59:59.000000"),
    "timestamp": ("0000-00-00", "1970-01-01 00:00:01", "2038-01-19 03:14:07"),
}
USUAL: dict[str, object] = {
    "bigint": 1,
    "int": 1,
    "double": 20,
    "date": date(2026, 1, 30),
    "datetime": datetime(2026, 1, 20, 10),
    "timestamp": datetime(2026, 1, 2, 8),
    "isFeedback": 0,
    "tinyint": 1,
    "date_debut": date(2026, 1, 5),
    "dateCommentaire": datetime(2026, 1, 20, 14),
    "code": "DONE",
}
DOMAINS = ("module", "competence", "micro_competence", "ua")
TABLES = [*HISTORY, "kpi_src_scope", "kpi_src_target"]
# Columns that only lead to another row, and lead nowhere when they are odd: what hangs on them is not there, or is a
# state that is not known.
LINKS = {
    *(("session_formations", name) for name in ("filiere_id", "annee_formation_id")),
    *(("groupes", name) for name in ("filiere_id", "annee_formation_id")),
    ("apprenants", "user_id"),
    ("formateur_groupe", "groupe_id"),
    *((f"etat_realisation_{kind}s", "id") for kind in DOMAINS),
    *((f"realisation_{kind}s", f"etat_realisation_{kind}_id") for kind in DOMAINS),
    ("realisation_uas", "id"),
    *(("realisation_projets", name) for name in ("id", "apprenant_id")),
    *(("realisation_taches", name) for name in ("id", "realisation_projet_id")),
    *(("historique_realisation_taches", name) for name in ("realisation_tache_id", "user_id")),
    ("commentaire_realisation_taches", "realisation_tache_id"),
}
WRITTEN_AT = ("captured_at", "valid_from", "valid_to", "label")  # these follow other fields


class Column(NamedTuple):
    """A column of the LMS: its plain type, and whether it may be NULL."""

    table: str
    name: str
    kind: str
    nullable: bool


class Case(NamedTuple):
    """A chain with one extreme value."""

    chain: int
    column: Column
    value: object

    def __str__(self) -> str:
        return f"{self.column.table}.{self.column.name} = {str(self.value)[:30]!r}"


@cache
def columns() -> list[Column]:
    found = []
    for statement in statements(SCHEMA):
        table = re.search(r"CREATE TABLE (\w+)", statement)
        assert table is not None
        for name, kind, rest in re.findall(r"^  ([a-z]\w*) ([a-z]+)(.*)$", statement, re.MULTILINE):
            found.append(Column(table[1], name, kind, "NOT NULL" not in rest))
    return [column for column in found if column.table != "demo_clock"]


def cases() -> list[Case]:
    """Every extreme of every column that a relation of the adapter says it reads."""
    read = {
        (table, name)
        for relation, _ in catalog.relations(Settings().sql_dir, "soli_lms").values()
        for table, names in relation.reads.items()
        for name in names
    }
    found: list[Case] = []
    for column in columns():
        if (column.table, column.name) not in read:
            continue
        for value in (*EXTREMES[column.kind], *((None,) if column.nullable else ())):
            chain = CLEAN + 1 + len(found)
            # Each another number, or chains would meet in it.
            found.append(Case(chain, column, BEYOND - chain if value == BEYOND else value))
    assert len({(case.column.table, case.column.name) for case in found}) == len(read)
    return found


def usual(column: Column, chain: int) -> object:
    """A chain's value where nothing is odd."""
    if column.name == "user_id" and column.table == "formateurs":
        return chain + TRAINERS
    if column.name == "id" or column.name.endswith("_id"):
        return chain
    if column.kind in ("varchar", "longtext") and column.name != "code":
        return f"{column.name} {chain}"
    return USUAL.get(column.name, USUAL.get(column.kind))


def fill(
    warehouse: Warehouse, odd: Mapping[tuple[str, str, int], object], chains: Iterable[int]
) -> None:
    """Put the chains into the LMS, whatever its sql_mode and foreign keys would say."""
    uri = warehouse.source_root_uri or warehouse.root_uri
    with connect(uri) as root, root.cursor() as cursor:
        cursor.execute(f"USE `{warehouse.source_name}`")
        cursor.execute(
            "SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0, "
            "time_zone = '+00:00'"
        )
        cursor.execute("START TRANSACTION")
        for table in sorted({column.table for column in columns()}):
            own = [column for column in columns() if column.table == table]
            names = ", ".join(f"`{column.name}`" for column in own)
            rows = [
                [odd.get((table, column.name, chain), usual(column, chain)) for column in own]
                for chain in chains
            ]
            cursor.execute(f"DELETE FROM {table}")
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(own))})", rows
            )
        cursor.execute("COMMIT")


def odd_values() -> dict[tuple[str, str, int], object]:
    return {(case.column.table, case.column.name, case.chain): case.value for case in cases()}


def all_chains() -> list[int]:
    return [CLEAN, *(case.chain for case in cases())]


@pytest.fixture(scope="module")
def make_lms(server: PrivateServer) -> Iterator[Callable[..., Warehouse]]:
    made = []

    def make(name: str, source_root_uri: str | None = None, **settings: Any) -> Warehouse:
        chosen = Settings(source_adapter="soli_lms", lock_wait_seconds=20, **settings)
        warehouse = Warehouse(server.root_uri, f"t_odd_{name}", chosen, source_root_uri).create()
        made.append(warehouse)
        for statement in statements(SCHEMA):
            warehouse.source(statement)
        return warehouse.bootstrap(date(2025, 8, 1), date(2026, 12, 31))

    yield make
    for warehouse in made:
        warehouse.close()


@pytest.fixture(scope="module")
def night(make_lms: Callable[..., Warehouse]) -> Warehouse:
    """A warehouse that has captured all cases; the LMS's own clock goes with the sun in New York."""
    warehouse = make_lms("all", source_timezone="America/New_York")
    fill(warehouse, odd_values(), all_chains())
    warehouse.capture(DAY)
    return warehouse


def read_rows(warehouse: Warehouse) -> dict[int, set[str]]:
    """By chain: what the history says of it, the chain's id and what depends on other fields left out."""
    found: dict[int, set[str]] = {chain: set() for chain in all_chains()}
    for table in TABLES:
        names = [
            name
            for (name,) in warehouse.rows(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
                "AND table_name = %s ORDER BY ordinal_position",
                [table],
            )
        ]
        for row in warehouse.rows(f"SELECT * FROM {table}"):
            named = dict(zip(names, row, strict=True))
            ids = {value for name, value in named.items() if name.endswith("_id")}
            text = ", ".join(f"{k}={v}" for k, v in named.items() if k not in WRITTEN_AT)
            for chain in ids & found.keys():
                found[chain].add(f"{table}: {text}".replace(str(chain), "N"))
    return found


def rejects(warehouse: Warehouse) -> list[tuple[str, str, str, str, str]]:
    return warehouse.rows("SELECT relation, source_key, field, reason, detail FROM kpi_reject")  # type: ignore[return-value]


def of_chain(chain: object, found: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [row for row in found if re.search(rf"\b{chain}\b", " ".join(map(str, row)))]


def test_the_other_rows_are_as_without_the_odd_ones(
    night: Warehouse, make_lms: Callable[..., Warehouse]
) -> None:
    alone = make_lms("alone", source_timezone="America/New_York")
    fill(alone, {}, [CLEAN])
    alone.capture(DAY)
    assert rejects(alone) == []
    night.use()
    expected = read_rows(alone)[CLEAN]
    assert len(expected) > 20
    assert read_rows(night)[CLEAN] == expected


def is_odd(case: Case) -> bool:
    """Tell whether the value is one that a history cannot hold."""
    if case.column.kind == "bigint":
        return case.value == 0 or (isinstance(case.value, int) and case.value > 2**63)
    if case.column.kind in ("date", "datetime", "timestamp"):
        return case.value is not None and not str(case.value).startswith(("1970", "2038"))
    return case.value == TOO_LONG and case.column.name == "code" and "etat" in case.column.table


def test_what_is_set_aside_is_told_with_its_reason(night: Warehouse) -> None:
    rows, told = read_rows(night), rejects(night)
    silent = {
        case.column[:2]
        for case in cases()
        if is_odd(case)
        and rows[case.chain] != rows[CLEAN]
        and not of_chain(case.chain, told)
        and not of_chain(case.value, told)
    }
    assert silent <= LINKS


def chain_of(table: str, name: str, value: object) -> int:
    return next(
        c.chain for c in cases() if (c.column.table, c.column.name, c.value) == (table, name, value)
    )


def test_a_session_until_the_last_day_there_is_lasts_for_ever(night: Warehouse) -> None:
    chain = chain_of("session_formations", "date_fin", "9999-12-31")
    member = "scope_type = 'SESSION' AND scope_ref_id = %s"
    assert night.rows(
        f"SELECT active_from, active_to FROM kpi_src_membership WHERE {member}", [chain]
    ) == [(datetime(2026, 1, 4, 23), None)]
    assert night.rows("SELECT * FROM kpi_src_plan WHERE scope_ref_id = %s", [chain]) == []
    assert sorted(of_chain(chain, rejects(night))) == [
        (
            "membership",
            f"SESSION:{chain}:{chain}",
            "active_to",
            "date_out_of_range",
            "9999-12-31 00:00:00.000000",
        ),
        (
            "plan",
            f"GROUPE:{chain}:{chain}",
            "due_on",
            "date_out_of_range",
            "9999-12-31 00:00:00.000000",
        ),
    ]


def test_a_session_that_ends_on_no_day_has_no_end(night: Warehouse) -> None:
    chain = chain_of("session_formations", "date_fin", "0000-00-00")
    assert (
        night.rows(
            "SELECT * FROM kpi_src_membership WHERE scope_type = 'SESSION' AND scope_ref_id = %s",
            [chain],
        )
        == []
    )
    assert night.rows("SELECT * FROM kpi_src_plan WHERE scope_ref_id = %s", [chain]) == []
    assert of_chain(chain, rejects(night)) == [
        (
            "membership",
            f"SESSION:{chain}",
            "active_to",
            "zero_date",
            "date_fin 0000-00-00 is no date",
        )
    ]


def test_a_code_that_is_too_long_is_a_state_not_known(night: Warehouse) -> None:
    chain = chain_of("etat_realisation_uas", "code", TOO_LONG)
    assert night.rows(
        "SELECT state_code, state_order, progress_pct FROM kpi_src_realisation "
        "WHERE domain = 'UA' AND learner_id = %s AND valid_to = '9999-12-31'",
        [chain],
    ) == [("UNKNOWN", 999, 20)]
    assert of_chain(chain, rejects(night)) == [
        ("realisation", f"UA:{chain}:{chain}", "state_code", "state_code_too_long", TOO_LONG)
    ]


def test_a_start_on_no_day_is_one_not_known(night: Warehouse) -> None:
    chain = chain_of("realisation_modules", "date_debut", "0000-00-00")
    assert night.rows(
        "SELECT source_started_at, source_finished_at FROM kpi_src_realisation "
        "WHERE domain = 'MODULE' AND learner_id = %s AND valid_to = '9999-12-31'",
        [chain],
    ) == [(None, datetime(2026, 1, 20, 15))]
    assert of_chain(chain, rejects(night)) == [
        (
            "realisation",
            f"MODULE:{chain}:{chain}",
            "started_at",
            "zero_date",
            "0000-00-00 00:00:00.000000",
        )
    ]


def test_a_learner_beyond_all_ids_is_rejected_whole(night: Warehouse) -> None:
    chain = next(c.chain for c in cases() if c.column[:2] == ("apprenants", "id") and c.value)
    told = of_chain(BEYOND - chain, rejects(night))
    assert ("scope", f"APPRENANT:{BEYOND - chain}", "", "id_out_of_range", None) in told
    assert ("membership", f"GLOBAL:0:{BEYOND - chain}", "", "id_out_of_range", None) in told


def test_the_night_goes_on(night: Warehouse) -> None:
    night.use()
    night.dimensions()
    written = night.facts(DAY)
    assert all(
        table.inserted > 0 for table in written.values() if table is not written["kpi_percentiles"]
    )


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    small = {"innodb-buffer-pool-size": "64M"}
    with PrivateServer(tmp_path_factory.mktemp("lms"), options=small, bound=True) as started:
        yield started


def test_from_another_server_the_same_is_set_aside(
    night: Warehouse, make_lms: Callable[..., Warehouse], other_server: PrivateServer
) -> None:
    apart = make_lms("apart", other_server.root_uri, source_timezone="America/New_York")
    fill(apart, odd_values(), all_chains())
    apart.capture(DAY)
    assert sorted(map(str, rejects(apart))) == sorted(map(str, rejects(night)))
    assert read_rows(apart) == read_rows(night)
    night.use()


def test_captured_alone_the_learners_are_as_at_night(night: Warehouse) -> None:
    """Nothing has changed since, so nothing is found."""
    night.use()
    captured_at = datetime(2026, 2, 17, 12)
    found = night.capture_learners(all_chains(), captured_at)
    assert {one.relation for one in found} == {"scope", "realisation", "membership", "feedback"}
    assert [one for one in found if one.inserted or one.updated or one.deleted] == []


def test_the_next_night_finds_nothing_changed(night: Warehouse) -> None:
    night.use()
    found = night.capture(DAY + timedelta(days=1))
    assert found is not None
    assert [one for one in found if one.inserted or one.updated or one.deleted] == []
