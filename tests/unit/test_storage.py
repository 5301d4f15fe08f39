"""The tables of the other storage mode, derived from the migrations, and the comparison by days."""

from __future__ import annotations

import pytest
from kpi.core.settings import PROJECT
from kpi.core.tables import Column
from kpi.upkeep.migrations import Migration, available
from kpi.upkeep.storage import copying, tables
from kpi.upkeep.storage.copying import ConversionError
from kpi.vocabulary import FACT_TABLES

SQL = PROJECT / "include" / "sql"
ID, NOTE = Column("id", "bigint", "NO", ""), Column("note", "int", "YES", "")


def test_the_new_tables_are_those_of_the_migrations_under_other_names() -> None:
    for storage, partitioned in (("partitioned", True), ("foreign_keys", False)):
        statements = tables.beside(available(SQL, storage))
        made = [text for text in statements if text.startswith("CREATE TABLE")]
        assert len(made) == len(FACT_TABLES)
        for table, text in zip(FACT_TABLES, made, strict=True):
            assert text.startswith(f"CREATE TABLE IF NOT EXISTS {table}_new (\n  id BIGINT")
            assert ("PARTITION BY RANGE" in text) == partitioned
            assert ("FOREIGN KEY" in text) != partitioned


def test_the_designs_thirteen_foreign_keys_are_found() -> None:
    assert tables.foreign_keys(available(SQL, "partitioned")) == []
    found = tables.foreign_keys(available(SQL, "foreign_keys"))
    assert len(found) == 13
    assert tables.ForeignKey("kpi_value", "metric_id", "kpi_metric", "id") in found
    assert tables.ForeignKey("kpi_plan_gap", "date_id", "kpi_time", "date_id") in found


def test_later_migrations_of_the_fact_tables_count_and_others_do_not() -> None:
    text = """
    ALTER TABLE kpi_value ADD COLUMN note INT NULL;
    CREATE UNIQUE INDEX uq_note ON `kpi_value` (note, date_id);
    ALTER TABLE kpi_run ADD COLUMN note INT NULL;
    CREATE TABLE kpi_values (kpi_value INT);
    UPDATE kpi_value SET note = 1;
    INSERT INTO kpi_note SELECT note FROM kpi_value;
    """
    assert tables.beside([Migration(9, "0009_x.sql", "", text)]) == [
        "ALTER TABLE kpi_value_new ADD COLUMN note INT NULL",
        "CREATE UNIQUE INDEX uq_note ON `kpi_value_new` (note, date_id)",
    ]


def test_days_differ_by_their_digest_or_by_being_there() -> None:
    assert copying.differing({1: 5, 2: 5, 3: 5}, {1: 5, 2: 6, 4: 1}) == [2, 3, 4]
    assert copying.differing({1: 5}, {1: 5}) == []


@pytest.mark.parametrize(
    ("present", "made", "said"),
    [
        ([ID, NOTE], [ID], "column note int of kpi_value is not alike"),
        ([ID], [ID, NOTE], "column note int of kpi_value is not alike"),
        ([ID], [ID._replace(kind="int")], "column id bigint of kpi_value is not alike"),
        ([ID, NOTE], [NOTE, ID], "not in the order"),
    ],
)
def test_columns_that_differ_are_refused(
    present: list[Column], made: list[Column], said: str
) -> None:
    with pytest.raises(ConversionError, match=said):
        copying.require_same_columns("kpi_value", present, made)
