"""Keeps what a warehouse held at one moment, to bring it back."""

from __future__ import annotations

from tests.golden.reading import COMPUTED
from tests.warehouse import Warehouse


class Snapshot:
    """The history, the ledger and all figures of a moment, kept in a database of its own.

    Dimensions, the open day and the list of changes are kept when it is `whole`.
    """

    def __init__(self, warehouse: Warehouse, name: str, whole: bool = False) -> None:
        self.warehouse = warehouse
        self._kept_in = f"{warehouse.name}_{name}"
        found = warehouse.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
            "AND (table_name LIKE 'kpi\\_src\\_%%' OR table_name IN ('kpi_run', 'kpi_reject') OR %s) "
            "AND table_name NOT IN ('kpi_time', 'kpi_metric', 'kpi_migration')",
            (whole,),
        )
        self._history = tuple(table for (table,) in found if table not in COMPUTED)
        warehouse.execute(f"DROP DATABASE IF EXISTS `{self._kept_in}`")
        warehouse.execute(f"CREATE DATABASE `{self._kept_in}`")
        for table in (*self._history, *COMPUTED):
            warehouse.execute(f"CREATE TABLE `{self._kept_in}`.{table} AS SELECT * FROM {table}")

    def restore(self) -> None:
        """Bring all of it back."""
        self._restore(COMPUTED)
        self.restore_history()

    def restore_history(self) -> None:
        """Bring the history and the ledger back; figures stay as they are."""
        self._restore(self._history)

    def _restore(self, tables: tuple[str, ...]) -> None:
        for table in tables:
            found = self.warehouse.rows(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
                "AND table_name = %s AND extra NOT LIKE '%%GENERATED%%'",
                (table,),
            )
            names = ", ".join(f"`{name}`" for (name,) in found)
            self.warehouse.execute(f"TRUNCATE TABLE {table}")
            self.warehouse.execute(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM `{self._kept_in}`.{table}"
            )
