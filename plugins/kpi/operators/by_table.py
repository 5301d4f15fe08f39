"""The tasks that a DAG has for each fact table: its days, its weeks or months, its windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kpi.operators.rollups import RollupOperator
from kpi.vocabulary import DAILY_TABLES, FACT_TABLES, MONTH, ROAD_OF, ROLLING, WEEK, Period


def days(operator: Any, road: str = "day", **arguments: Any) -> list[Any]:
    """Make a task, named by its table, for each table that has days; `road` is day or range."""
    return [
        operator(task_id=table, table=table, sql=f"facts/{table}/{road}.sql", **arguments)
        for table in DAILY_TABLES
    ]


def closings(
    period: Period,
    operator: type[RollupOperator] = RollupOperator,
    name: str = "{table}",
    **more: Any,
) -> None:
    """Make a task, named as `name` says, for each table that has weeks (W) or months (M)."""
    for table, written in FACT_TABLES.items():
        if period in written.periods:
            operator(
                task_id=name.format(table=table),
                table=table,
                period=period,
                sql=f"facts/{table}/{ROAD_OF[period]}.sql",
                **more,
            )


def windows(
    operator: type[RollupOperator] = RollupOperator, name: str = "windows", **more: Any
) -> list[RollupOperator]:
    """Make a task, named as `name` says, for each table that has rolling windows."""
    return [
        operator(
            task_id=name.format(table=table),
            table=table,
            period=ROLLING,
            sql=f"facts/{table}/{ROAD_OF[ROLLING]}.sql",
            **more,
        )
        for table, written in FACT_TABLES.items()
        if ROLLING in written.periods
    ]


def rollups(days: Mapping[str, str], names: tuple[str, str, str]) -> None:
    """Make the tasks of all periods that some days touch, named by table and period."""
    week, month, window = names
    closings(WEEK, name=week, days=days)
    closings(MONTH, name=month, days=days)
    windows(name=window, days=days)
