"""kpi_incremental: brings today's figures up to date within seconds of a change in the source."""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param, TaskGroup
from kpi.core.settings import settings
from kpi.operators import by_table
from kpi.operators.dag_defaults import CHANGES, dag_defaults
from kpi.operators.dag_params import replayed_at
from kpi.operators.daily import SliceOperator
from kpi.operators.incremental import OpenDayOperator, RefreshOperator
from kpi.operators.rollups import TileCacheOperator

DOC = """
### kpi_incremental
When something of a learner changed in the LMS (a row of `kpi_change`): captures that learner alone and adds what his
change makes different to today's figures: the day, the week and month to date, the windows, the tiles. Changes that
come while a run works are taken up by the same run.

The first run of a day, and the first after a capture of all learners, *opens the day*: it computes today's figures
whole, which takes as long as a night's; from then on a change costs what it touches.

Runs start by the watcher of `kpi_change` (half a second after a change), by an event of the asset `kpi_changes` (its
`extra` may name learners: `{"learner_ids": [12, 15]}`), and every five minutes for what was stranded.

**When to trigger by hand:** with `learner_ids`, to have learners captured anew at once.

**When a task is red:** its last log line says what to do. Nothing is lost: changes stay on the list until the figures
hold them, and the next run takes them up.
"""

DAY = "{{ ti.xcom_pull(task_ids='refresh', key='day') }}"
SCRIPTS = {
    "contributions": "roads/change/before_and_after.sql",
    "capture": "capture/learners.sql",
    "cells": "roads/change/cells.sql",
}

with DAG(
    "kpi_incremental",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/5 * * * *", timezone=settings().timezone),
        assets=CHANGES,
    ),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    doc_md=DOC,
    params={
        "learner_ids": Param(
            [],
            type=["null", "array"],
            items={"type": "integer"},
            title="Apprenants · Learners (id)",
            description="À capturer de nouveau, outre ceux de la liste des changements. · "
            "To capture anew, besides those of the list of changes.",
        ),
        "captured_at": replayed_at("2026-02-16T11:30:00+00:00"),
    },
    **dag_defaults("during the day"),
):
    refresh = RefreshOperator(task_id="refresh", open_with=["open_day"], **SCRIPTS)

    with TaskGroup("open_day") as open_day:
        with TaskGroup("facts") as facts:
            by_table.days(SliceOperator, day=DAY)

        with TaskGroup("rollups") as rollups:
            by_table.rollups({"first": DAY, "last": DAY})

        tiles = TileCacheOperator(
            task_id="kpi_tile_cache", sql="display/kpi_tile_cache.sql", day=DAY
        )
        sums = OpenDayOperator(task_id="sums", sql="roads/opening.sql", day=DAY)

        facts >> rollups >> tiles >> sums

    refresh_opened = RefreshOperator(task_id="refresh_opened", **SCRIPTS)

    refresh >> open_day >> refresh_opened
