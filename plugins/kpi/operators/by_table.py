"""The tasks that a DAG has for each fact table: its days, its weeks and months, its windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import TaskGroup

from kpi.operators.rollups import RollupOperator
from kpi.vocabulary import (
    CALENDAR_PERIODS,
    DAILY_TABLES,
    FACT_TABLES,
    PERIOD_WORDS,
    ROAD_OF,
    ROLLING,
    Period,
)


def days(operator: Any, road: str = "day", **arguments: Any) -> list[Any]:
    """Make a task, named by its table, for each table that has days; `road` is day or range."""
    return [
        operator(task_id=table, table=table, sql=f"facts/{table}/{road}.sql", **arguments)
        for table in DAILY_TABLES
    ]


def groups_of_rollups(**arguments: Any) -> list[Any]:
    """Make a group of tasks for each period of the calendar, weeks and months, and the task of the windows."""
    made: list[Any] = []
    for period in CALENDAR_PERIODS:
        with TaskGroup(f"{PERIOD_WORDS[period].name}s") as group:
            _tasks(period, "{table}", **arguments)
        made.append(group)
    return [*made, *_tasks(ROLLING, "windows", **arguments)]


def rollups(days: Mapping[str, str], plural: str = "") -> None:
    """Make the tasks of all periods that some days touch, named by table and period."""
    for period in CALENDAR_PERIODS:
        _tasks(period, f"{{table}}_{PERIOD_WORDS[period].name}{plural}", days=days)
    _tasks(ROLLING, "{table}_windows", days=days)


def _tasks(
    period: Period, name: str, operator: type[RollupOperator] = RollupOperator, **arguments: Any
) -> list[RollupOperator]:
    return [
        operator(
            task_id=name.format(table=table),
            table=table,
            period=period,
            sql=f"facts/{table}/{ROAD_OF[period]}.sql",
            **arguments,
        )
        for table, written in FACT_TABLES.items()
        if period in written.periods
    ]
