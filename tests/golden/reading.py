"""Reads a warehouse's tables whole, so that two states can be compared."""

from __future__ import annotations

from datetime import date
from typing import Any

from kpi.vocabulary import FACT_TABLES

from tests.warehouse import FACTS, HISTORY, Warehouse

Rows = list[tuple[Any, ...]]

COMPUTED = (*FACT_TABLES, "kpi_tile_cache")  # every table that holds figures

FIGURES = {
    "kpi_value": "code, value_num, numerator, denominator, sample_size, CAST(extra_json AS CHAR)",
    "kpi_state_count": "domain, state_code, state_ordre, count",
    "kpi_percentiles": "measure_code, p50, p75, p90, sample_size",
}


def figures(warehouse: Warehouse, day: date) -> dict[str, Rows]:
    """A day's rows by scope and target of the source, without what differs from run to run."""
    found = {}
    for table, columns in FIGURES.items():
        metric = "INNER JOIN kpi_metric ON kpi_metric.id = metric_id"
        metric = metric if table == "kpi_value" else ""
        found[table] = warehouse.rows(
            f"SELECT scope_type, kpi_scope.ref_key, target_type, kpi_target.ref_key, {columns} "
            f"FROM {table} INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
            f"INNER JOIN kpi_target ON kpi_target.id = target_id {metric} "
            "WHERE date_id = %s ORDER BY 1, 2, 3, 4, 5, 6, 7",
            (day,),
        )
    return found


def stored(warehouse: Warehouse, tables: tuple[str, ...] = FACTS) -> dict[str, Rows]:
    """All rows with all their columns, ids and instants included."""
    return {
        table: warehouse.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5") for table in tables
    }


# What tells a row of a dimension in every database, where ids differ.
NAMES = {
    "scope_id": "(SELECT CONCAT(scope_type, ref_key) FROM kpi_scope WHERE kpi_scope.id = scope_id)",
    "target_id": "(SELECT CONCAT(target_type, ref_key) FROM kpi_target "
    "WHERE kpi_target.id = target_id)",
    "ancestor_id": "(SELECT CONCAT(target_type, ref_key) FROM kpi_target "
    "WHERE kpi_target.id = ancestor_id)",
    "metric_id": "(SELECT code FROM kpi_metric WHERE kpi_metric.id = metric_id)",
}


def contents(warehouse: Warehouse, tables: tuple[str, ...]) -> dict[str, Rows]:
    """All rows with all their columns but ids and instants, by names of the dimensions, sorted."""
    found = {}
    for table in tables:
        columns = warehouse.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
            "AND table_name = %s AND column_name NOT IN ('id', 'computed_at') "
            "ORDER BY ordinal_position",
            (table,),
        )
        shown = ", ".join(NAMES.get(name, f"`{name}`") for (name,) in columns)
        order = ", ".join(str(number) for number in range(1, len(columns) + 1))
        found[table] = warehouse.rows(f"SELECT {shown} FROM {table} ORDER BY {order}")
    return found


def checksums(warehouse: Warehouse, tables: tuple[str, ...] = FACTS) -> Rows:
    """Each table's checksum over all rows and columns, as MySQL computes it."""
    return warehouse.rows(f"CHECKSUM TABLE {', '.join(tables)}")


def history(warehouse: Warehouse) -> dict[str, Rows]:
    """The history, whole."""
    return stored(warehouse, HISTORY)


def ledger(warehouse: Warehouse, tables: tuple[str, ...] = FACTS) -> Rows:
    """The ledger of some tables in the order written: table, day, state and row counts."""
    marks = ", ".join(["%s"] * len(tables))
    return warehouse.rows(
        "SELECT table_name, date_to, state, rows_inserted, rows_updated, rows_deleted, "
        f"rows_unchanged FROM kpi_run WHERE table_name IN ({marks}) ORDER BY id",
        tables,
    )


def computed_rows(warehouse: Warehouse) -> dict[str, Rows]:
    """All rows that hold figures, of all periods, with every column but ids of rows and instants of writing."""
    found = {}
    for table in COMPUTED:
        columns = warehouse.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
            "AND table_name = %s AND column_name NOT IN ('id', 'computed_at') "
            "ORDER BY ordinal_position",
            (table,),
        )
        names = ", ".join(f"`{name}`" for (name,) in columns)
        found[table] = warehouse.rows(f"SELECT {names} FROM {table} ORDER BY {names}")
    return found


def wipe_computed(warehouse: Warehouse) -> None:
    """Remove all figures and what the ledger says of them; the history and its ledger rows stay."""
    for table in COMPUTED:
        warehouse.execute(f"DELETE FROM {table}")
    warehouse.execute("DELETE FROM kpi_run WHERE table_name NOT LIKE 'kpi_src_%'")
