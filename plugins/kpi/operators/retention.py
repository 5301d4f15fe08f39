"""Operators of kpi_retention, with the rights of kpi_admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from kpi.core import local_days
from kpi.core.ledger import Author
from kpi.core.settings import settings
from kpi.operators.partitions import StatementsOperator, today_of
from kpi.operators.reports import reported, text_table
from kpi.upkeep.retention import run
from kpi.upkeep.retention.undo import Undo

UNDO_COLUMNS = ("undo table", "month", "periods", "rows", "kept until (UTC)")


class RestoreOperator(StatementsOperator):
    """Bring back what the param `restore` names: a month (YYYY-MM) or an undo table. Skipped when it names nothing."""

    def execute(self, context: Any) -> Sequence[str]:
        params, kpi_settings = context["params"], settings()
        asked = params.get("restore")
        if not asked:
            raise AirflowSkipException("Nothing was asked to be restored.")
        dry_run = bool(params.get("dry_run"))
        done = "Would be restored" if dry_run else "Restored"
        with reported(
            self, f"{done}, and held for {kpi_settings.retention_undo_days} days"
        ) as report:
            local_days.require_current_zone_data()
            restored = run.restore(
                str(asked),
                kpi_settings,
                Author.of(context),
                over=bool(params.get("restore_over")),
                dry_run=dry_run,
            )
            report.add(*undo_lines(restored))
        return [undo.undo_table for undo in restored]


class FactRetentionOperator(StatementsOperator):
    """Remove the facts that have expired, and print what went, what stays and why as a table."""

    def execute(self, context: Any) -> Sequence[str]:
        kpi_settings, dry_run = settings(), bool(context["params"].get("dry_run"))
        if context["params"].get("restore"):
            raise AirflowSkipException("A run that restores removes nothing.")
        today = today_of(context, kpi_settings)
        title = "Nothing was written; a run would do" if dry_run else "Done"
        with reported(self, title) as report:
            local_days.require_current_zone_data()
            done = run.retain(today, kpi_settings, Author.of(context), dry_run=dry_run)
            self.log.info(
                "Undo tables %s:\n%s\nUndo tables there are:\n%s",
                "that would be dropped" if dry_run else "dropped",
                undo_table(done.purged),
                undo_table(done.kept),
            )
            self.log.info("Storage mode %s, today is %s.", done.storage, today)
            columns = run.columns()
            report.add(
                *(dict(zip(columns, line, strict=True)) for line in run.told(done.decisions))
            )
        return [
            f"{decision.table} {decision.month:%Y-%m}"
            for decision in done.decisions
            if decision.action != "keep"
        ]


class LedgerRetentionOperator(StatementsOperator):
    """Delete what has expired of history, ledger and rejects, and print how much as a table."""

    def execute(self, context: Any) -> None:
        kpi_settings, dry_run = settings(), bool(context["params"].get("dry_run"))
        if context["params"].get("restore"):
            raise AirflowSkipException("A run that restores removes nothing.")
        with reported(self, "Nothing was written" if dry_run else "Done") as report:
            local_days.require_current_zone_data()
            done = run.cut(
                today_of(context, kpi_settings), kpi_settings, Author.of(context), dry_run=dry_run
            )
            removed = "to be removed" if dry_run else "removed"
            report.add(
                *(
                    {"table": cut.table, "before": cut.before, "rows": cut.there, removed: cut.rows}
                    for cut in done
                )
            )


def undo_table(undos: Sequence[Undo]) -> str:
    """Return undo tables as a table of text."""
    return text_table(UNDO_COLUMNS, (list(line.values()) for line in undo_lines(undos)))


def undo_lines(undos: Sequence[Undo]) -> list[dict[str, object]]:
    """Return a line for each undo table, by column."""
    return [
        dict(
            zip(
                UNDO_COLUMNS,
                (
                    undo.undo_table,
                    f"{undo.month:%Y-%m}",
                    " ".join(undo.periods),
                    undo.rows_removed,
                    undo.keep_until,
                ),
                strict=True,
            )
        )
        for undo in undos
    ]
