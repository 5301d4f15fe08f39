"""The schema's ENUMs and SETs, and its keys, are what the vocabulary declares."""

from __future__ import annotations

import re

import pytest
from kpi import vocabulary
from kpi.vocabulary import FACT_TABLES, WRITTEN_TABLES, Agg, Category, Unit

from tests.warehouse import Warehouse

WORDS = {
    "period": vocabulary.PERIODS,
    "scope_type": vocabulary.SCOPE_TYPES,
    "target_type": vocabulary.TARGET_TYPES,
    "parent_type": vocabulary.TARGET_TYPES,
    "ancestor_type": vocabulary.TARGET_TYPES,
    "domain": vocabulary.DOMAINS,
    "target_levels": vocabulary.TARGET_LEVELS,
    "unit": Unit.__args__,
    "agg": Agg.__args__,
    "category": Category.__args__,
}


def columns(warehouse: Warehouse, table: str = "%") -> list[tuple[str, str, str]]:
    """(table, column, type) of the package's tables, in order."""
    return warehouse.rows(
        "SELECT table_name, column_name, CONVERT(column_type USING utf8mb4) FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name LIKE %s ORDER BY table_name, ordinal_position",
        (table,),
    )


def test_each_column_of_words_holds_those_of_the_vocabulary(module_warehouse: Warehouse) -> None:
    found = [one for one in columns(module_warehouse) if re.match("enum|set", one[2])]
    assert {column for _, column, _ in found} >= set(WORDS) - {"domain"}
    for table, column, kind in found:
        if column not in WORDS:
            continue
        words = set(re.findall(r"'([^']+)'", kind))
        of_table = FACT_TABLES[table].periods if table in FACT_TABLES else vocabulary.PERIODS
        allowed = set(of_table if column == "period" else WORDS[column])
        assert words <= allowed, (table, column)
        # The history keeps what the contract gives; a plan is of groups alone.
        if not table.startswith(("kpi_src_plan", "kpi_before_plan")):
            assert words == allowed, (table, column)


@pytest.mark.parametrize("name", WRITTEN_TABLES)
def test_a_tables_key_and_values_are_those_of_the_vocabulary(
    module_warehouse: Warehouse, name: str
) -> None:
    table = WRITTEN_TABLES[name]
    beside = {"id", "gap", "coverage_pct", table.stamp} | (
        {"date_id", "period"} if table.periods else set()
    )
    found = [column for _, column, _ in columns(module_warehouse, name) if column not in beside]
    assert found == [*table.key, *table.values]
    [(key,)] = module_warehouse.rows(
        "SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics "
        "WHERE table_schema = DATABASE() AND table_name = %s AND non_unique = 0 "
        "AND (index_name <> 'PRIMARY' OR %s) GROUP BY index_name LIMIT 1",
        (name, not table.periods),
    )
    assert key.split(",") == (["date_id", "period"] if table.periods else []) + list(table.key)


def test_a_table_of_days_is_one_with_the_period_of_days() -> None:
    assert vocabulary.DAILY_TABLES == ("kpi_value", "kpi_state_count", "kpi_percentiles")
