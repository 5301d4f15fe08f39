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
        params, chosen = context["params"], settings()
        asked = params.get("restore")
        if not asked:
            raise AirflowSkipException("Nothing was asked to be restored.")
        dry_run = bool(params.get("dry_run"))
        done = "Would be restored" if dry_run else "Restored"
        with reported(self, f"{done}, and held for {chosen.retention_undo_days} days") as report:
            local_days.require_current_zone_data()
            restored = run.restore(
                str(asked),
                chosen,
                Author.of(context),
                over=bool(params.get("restore_over")),
                dry_run=dry_run,
            )
            report.add(*undo_lines(restored))
        return [one.undo_table for one in restored]


class FactRetentionOperator(StatementsOperator):
    """Remove the facts that have expired, and print what went, what stays and why as a table."""

    def execute(self, context: Any) -> Sequence[str]:
        chosen, dry_run = settings(), bool(context["params"].get("dry_run"))
        if context["params"].get("restore"):
            raise AirflowSkipException("A run that restores removes nothing.")
        today = today_of(context, chosen)
        told = "Nothing was written; a run would do" if dry_run else "Done"
        with reported(self, told) as report:
            local_days.require_current_zone_data()
            done = run.retain(today, chosen, Author.of(context), dry_run=dry_run)
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
        return [f"{one.table} {one.month:%Y-%m}" for one in done.decisions if one.action != "keep"]


class LedgerRetentionOperator(StatementsOperator):
    """Delete what has expired of history, ledger and rejects, and print how much as a table."""

    def execute(self, context: Any) -> None:
        chosen, dry_run = settings(), bool(context["params"].get("dry_run"))
        if context["params"].get("restore"):
            raise AirflowSkipException("A run that restores removes nothing.")
        with reported(self, "Nothing was written" if dry_run else "Done") as report:
            local_days.require_current_zone_data()
            done = run.cut(today_of(context, chosen), chosen, Author.of(context), dry_run=dry_run)
            removed = "to be removed" if dry_run else "removed"
            report.add(
                *(
                    {"table": one.table, "before": one.before, "rows": one.there, removed: one.rows}
                    for one in done
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
                    one.undo_table,
                    f"{one.month:%Y-%m}",
                    " ".join(one.periods),
                    one.rows_removed,
                    one.keep_until,
                ),
                strict=True,
            )
        )
        for one in undos
    ]
