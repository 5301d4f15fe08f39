"""The tiles read from one row of kpi_tile_cache are those of the design's query 5.1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kpi.core.connections import READ, Session, session

from tests.golden import school
from tests.warehouse import Rows, Warehouse

pytestmark = pytest.mark.long

SEED_QUERY = (Path(__file__).parent / "seed_tiles.sql").read_text()
# Over the nights a week ends, on Sunday, and the next begins.
NIGHTS = range(1, 5)
PAGES = [(group, module) for group in (1, 2, 99) for module in (1, 2, 99)]


@pytest.fixture(scope="module")
def history(module_warehouse: Warehouse) -> Warehouse:
    for night in (0, *NIGHTS):
        module_warehouse.load_source(school.source(night))
        module_warehouse.capture(school.day_of(night))
    module_warehouse.dimensions()
    module_warehouse.facts(school.day_of(0))
    return module_warehouse


@pytest.fixture
def reader(history: Warehouse) -> Iterator[Session]:
    """What a page reads as."""
    history.use()
    with session(READ) as reader:
        reader.connection.autocommit = True
        yield reader


def asked(reader: Session, sql: str, page: tuple[int, int]) -> Rows:
    return reader.rows(sql, dict(zip(("groupe_id", "module_id"), page, strict=True)))


def of_seed(reader: Session, page: tuple[int, int]) -> Rows:
    sql = SEED_QUERY.replace(":groupe_id", "%(groupe_id)s").replace(":module_id", "%(module_id)s")
    return sorted(asked(reader, sql, page), key=lambda row: row[1])


def of_cache(warehouse: Warehouse, reader: Session, page: tuple[int, int]) -> Rows:
    """The columns that the design's query has too."""
    return [row[:5] for row in asked(reader, warehouse.render("display/tile.sql"), page)]


def test_the_cache_gives_the_numbers_of_the_designs_query(
    history: Warehouse, reader: Session
) -> None:
    weeks, numbers = [], set()
    for night in NIGHTS:
        history.facts(school.day_of(night))
        history.rollup(school.day_of(night), tables=["kpi_value"])
        expected = {page: of_seed(reader, page) for page in PAGES}
        assert {page: of_cache(history, reader, page) for page in PAGES} == expected, night
        shown = {page for page, tiles in expected.items() if tiles}
        assert shown == {(group, module) for group in (1, 2) for module in (1, 2)}
        assert all(len(expected[page]) >= 4 for page in shown)
        weeks += reader.rows("SELECT DISTINCT week_on FROM kpi_tile_cache WHERE week_on > 0")
        numbers.add(str(expected))
    assert [str(day) for (day,) in weeks] == [
        "2026-02-15",
        "2026-02-15",
        "2026-02-22",
        "2026-02-22",
    ]
    assert len(numbers) == len(NIGHTS), "each night has other numbers"


def test_sample_sizes_are_those_of_the_figures(history: Warehouse, reader: Session) -> None:
    history.rollup(school.day_of(0), tables=["kpi_value"])
    for page in PAGES:
        sizes = reader.rows(
            "SELECT code, sample_size FROM kpi_value "
            "INNER JOIN kpi_metric ON kpi_metric.id = metric_id "
            "INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
            "INNER JOIN kpi_target ON kpi_target.id = target_id "
            "WHERE period = 'W' AND date_id = (SELECT MAX(week_on) FROM kpi_tile_cache) "
            "AND scope_type = 'GROUPE' AND kpi_scope.ref_id = %(group)s "
            "AND target_type = 'MODULE' AND kpi_target.ref_id = %(module)s ORDER BY code",
            dict(zip(("group", "module"), page, strict=True)),
        )
        found = asked(reader, history.render("display/tile.sql"), page)
        assert [(row[1], row[5]) for row in found] == sizes, page


def test_a_page_reads_one_row_of_the_cache(history: Warehouse, reader: Session) -> None:
    history.execute("ANALYZE TABLE kpi_tile_cache")
    plan = reader.rows(
        f"EXPLAIN FORMAT=TRADITIONAL {history.render('display/tile.sql').partition('*/')[2]}",
        {"groupe_id": 1, "module_id": 1},
    )
    [(access, key, rows)] = [(row[4], row[6], row[9]) for row in plan if row[2] == "c"]
    assert access in ("const", "eq_ref")
    assert (key, rows) == ("PRIMARY", 1)
