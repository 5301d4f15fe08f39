"""Operators of kpi_bootstrap: migrations and first partitions, with the rights of kpi_admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator

from kpi.core.connections import ADMIN, session
from kpi.core.local_days import local_date
from kpi.core.settings import settings
from kpi.figures.run_dates import now
from kpi.operators.reports import reported
from kpi.upkeep import collation, migrations, partitions, preflight
from kpi.upkeep.partitions.layouts import missing_changes
from kpi.upkeep.partitions.maintenance import execute
from kpi.upkeep.partitions.table_locks import Patience


class BootstrapPreflightOperator(BaseOperator):
    """Check zone data, headers and the admin connection; writes nothing."""

    def execute(self, context: Any) -> None:
        with reported(self, "All is in order") as report:
            preflight.before_bootstrap(settings())
            report.add({"checked": "zone data, headers, connection kpi_admin"})


class MigrateOperator(BaseOperator):
    """Apply the pending migrations, or only print them when the param `plan` is true."""

    def execute(self, context: Any) -> list[str]:
        params = context["params"]
        kpi_settings = settings()
        files = migrations.available(kpi_settings.sql_dir, kpi_settings.storage)
        with reported(self, "Migrations") as report, session(ADMIN) as admin:
            if params.get("plan"):
                todo = migrations.pending(files, migrations.applied(admin), resume=True)
                for migration in todo:
                    for statement in migration.statements:
                        self.log.info("%s would run:\n%s", migration.name, statement)
                for statement in collation.unifying(admin):
                    self.log.info("Would run:\n%s", statement)
                self.log.info("%s migrations would run; nothing was written.", len(todo))
                report.add(*({"would be applied": migration.name} for migration in todo))
                return [migration.name for migration in todo]
            names = migrations.migrate(
                admin, files, bool(params.get("resume")), kpi_settings.lock_wait_seconds
            )
            self.log.info("Migrations applied: %s.", ", ".join(names) or "none, all were there")
            report.add(*({"applied": name} for name in names))
        return names


class FirstPartitionsOperator(BaseOperator):
    """Give the fact tables their monthly partitions; nothing to do in storage mode foreign_keys."""

    def execute(self, context: Any) -> Sequence[str]:
        kpi_settings = settings()
        today = local_date(now(), kpi_settings.timezone)
        wanted = partitions.months_around(
            today, kpi_settings.partition_months_back, kpi_settings.partition_months_ahead
        )
        plan_only = bool(context["params"].get("plan"))
        with reported(self, "First partitions") as report, session(ADMIN) as admin:
            if plan_only:
                to_be_made = kpi_settings.storage == "partitioned"
                planned = missing_changes(admin, wanted, before_migrations=to_be_made)
                for change in planned:
                    self.log.info("Would run:\n%s", change.sql)
                report.add(*({"would get partitions": change.table} for change in planned))
                return [change.sql for change in planned]
            with migrations.exclusively(admin, kpi_settings.lock_wait_seconds):
                planned = missing_changes(admin, wanted)
                for change in planned:
                    execute(admin, change, Patience())
            report.add(*({"got partitions": change.table} for change in planned))
        return [change.sql for change in planned]
