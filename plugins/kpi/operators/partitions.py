"""Operators of kpi_partition_maintenance, with the rights of kpi_admin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from kpi.core import local_days
from kpi.core.errors import InputError
from kpi.core.settings import Settings, settings
from kpi.figures.run_dates import now
from kpi.operators.reports import reported
from kpi.operators.script import ScriptOperator
from kpi.upkeep.partitions import layouts
from kpi.upkeep.partitions.layouts import Storage
from kpi.upkeep.partitions.maintenance import Maintained, maintain
from kpi.upkeep.storage.conversion import convert, drop_left_behind


class StatementsOperator(ScriptOperator):
    """A task of the upkeep, which shows in `sql` the statements that it may run.

    Which of them run, on which table, is found when it runs: so they are shown with « » where a name is not known
    before (include/sql/tasks), and rendered anew from the same files then.
    """


class StorageOperator(StatementsOperator):
    """Convert the fact tables to the storage mode of the param `convert_to`, or drop what conversions left.

    Skipped when neither is asked for, as each night.
    """

    def execute(self, context: Any) -> Sequence[str]:
        target, drop = context["params"].get("convert_to"), context["params"].get("drop_old")
        dry_run, kpi_settings = bool(context["params"].get("dry_run")), settings()
        if target and drop:
            raise InputError(
                f"A run cannot both convert (convert_to={target!r}) and drop the tables from before (drop_old); "
                "convert first, look at the figures, and drop them with a run of their own."
            )
        if not drop and not target:
            raise AirflowSkipException("No conversion was asked for.")
        with reported(self, "Storage") as report:
            names = (
                self._drop(kpi_settings, dry_run)
                if drop
                else self._convert(context, target, kpi_settings)
            )
            done = "dropped" if drop else "converted to"
            report.add(*({f"would be {done}" if dry_run else done: name} for name in names))
        return names

    def _convert(self, context: Any, target: Storage, settings: Settings) -> Sequence[str]:
        dry_run = bool(context["params"].get("dry_run"))
        local_days.require_current_zone_data()
        converted = convert(target, today_of(context, settings), settings, dry_run=dry_run)
        if not converted:
            self.log.info("The fact tables are in storage mode %s already.", target)
        elif dry_run:
            self.log.info("Nothing was written.")
        else:
            self.log.info(
                "The fact tables are now in storage mode %s; those from before are kept as kpi_…_old until a run "
                'with {"drop_old": true}.',
                target,
            )
        if settings.storage != target and not dry_run:
            self.log.warning(
                "KPI_STORAGE is %s: set KPI_STORAGE=%s now, or the other DAGs will refuse to run.",
                settings.storage,
                target,
            )
        return [target] if converted else []

    def _drop(self, settings: Settings, dry_run: bool) -> Sequence[str]:
        names = drop_left_behind(settings, dry_run=dry_run)
        self.log.info(
            "%s: %s.",
            "Would be dropped" if dry_run else "Dropped",
            ", ".join(names) or "nothing, no conversion left a table",
        )
        return names


class PartitionMaintenanceOperator(StatementsOperator):
    """Give the fact tables the partitions they lack, and print all partitions as a table."""

    def execute(self, context: Any) -> Sequence[str]:
        kpi_settings = settings()
        dry_run = bool(context["params"].get("dry_run"))
        with reported(self, "Partitions") as report:
            local_days.require_current_zone_data()
            done = maintain(today_of(context, kpi_settings), kpi_settings, dry_run=dry_run)
            self._say(done, kpi_settings, dry_run)
            statements = "statements that would run" if dry_run else "statements run"
            report.add({"storage": done.storage, statements: len(done.changes)})
        return [change.sql for change in done.changes]

    def _say(self, done: Maintained, settings: Settings, dry_run: bool) -> None:
        if done.storage != settings.storage:
            self.log.warning(
                "KPI_STORAGE is %s, the fact tables are in storage mode %s: set KPI_STORAGE=%s.",
                settings.storage,
                done.storage,
                done.storage,
            )
        if done.storage == "foreign_keys":
            self.log.info(
                "Storage mode foreign_keys: the fact tables have no partitions, so there is nothing to do."
            )
            return
        if dry_run:
            for change in done.changes:
                self.log.info("Would run:\n%s", change.sql)
        verb = "would change" if dry_run else "changed"
        self.log.info(
            "%s statements %s partitions.\n%s",
            len(done.changes),
            verb,
            layouts.report(done.layouts),
        )


def today_of(context: Any, settings: Settings) -> date:
    """Return the local day that a run takes for today: its param `date`, else that of the clock."""
    text = context["params"].get("date")
    return (
        local_days.parse_day(str(text)) if text else local_days.local_date(now(), settings.timezone)
    )
