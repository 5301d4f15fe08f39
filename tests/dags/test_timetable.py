"""The schedule of kpi_daily: each run's key is the local day that ended, whatever clocks do."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import pytest
from kpi.core.settings import PROJECT

from tests.dags.airflow_process import AirflowProcess


class Tick(NamedTuple):
    """A scheduled run: when it is due (UTC), and its partition key."""

    due: str
    key: str | None


# Nights around each change: Casablanca is on UTC+01, on UTC in Ramadan and from 2026-09-20 on.
NIGHTS = {
    "ordinary": ["2026-01-10T00:30 2026-01-09", "2026-01-11T00:30 2026-01-10"],
    "25 h, clocks back": [
        "2026-02-14T00:30 2026-02-13",
        "2026-02-15T00:30 2026-02-14",
        "2026-02-16T01:30 2026-02-15",
        "2026-02-17T01:30 2026-02-16",
    ],
    "23 h, clocks forth": [
        "2026-03-21T01:30 2026-03-20",
        "2026-03-22T01:30 2026-03-21",
        "2026-03-23T00:30 2026-03-22",
        "2026-03-24T00:30 2026-03-23",
    ],
    "25 h, for the last time": [
        "2026-09-19T00:30 2026-09-18",
        "2026-09-20T01:30 2026-09-19",  # 01:30 comes twice, the run at the second
        "2026-09-21T01:30 2026-09-20",
        "2026-09-22T01:30 2026-09-21",
    ],
    "no change in October": ["2026-10-25T01:30 2026-10-24", "2026-10-26T01:30 2026-10-25"],
}


@pytest.mark.parametrize("nights", NIGHTS.values(), ids=NIGHTS)
def test_the_key_is_the_day_that_ended(airflow: AirflowProcess, nights: list[str]) -> None:
    expected = [Tick(*night.split()) for night in nights]
    assert airflow.call(ticks, expected[0].due, len(expected)) == expected


def ticks(first: str, count: int) -> list[Tick]:
    """Return what the scheduler makes of the schedule; runs in Airflow's process."""
    import pendulum
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    timetable = coerce_to_core_timetable(DagBag(PROJECT / "dags").dags["kpi_daily"].timetable)
    start = pendulum.instance(datetime.fromisoformat(first), tz="UTC")
    # With catchup, so that past nights come up too.
    restriction = TimeRestriction(earliest=start, latest=None, catchup=True)
    found: list[Tick] = []
    last = None
    for _ in range(count):
        last = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
        found.append(
            Tick(last.run_after.in_timezone("UTC").format("YYYY-MM-DDTHH:mm"), last.partition_key)
        )
    return found
