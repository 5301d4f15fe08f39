"""Each task's log ends with a short table of what it did, its seconds last; a skipped task's with the reason."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.dags import school
from tests.dags.airflow_process import Outcome
from tests.dags.conftest import Operated
from tests.dags.test_parsing import DAGS
from tests.warehouse import FACTS

pytestmark = pytest.mark.long

SECOND = school.params(school.SECOND_NIGHT)
DAY = {"date": SECOND["date"]}
RANGE = {"date_from": str(school.FIRST_NIGHT), "date_to": SECOND["date"]}
# Each DAG as a person would run it; every task of it is in one of these runs.
RUNS: list[tuple[str, dict[str, Any]]] = [
    ("kpi_bootstrap", {}),
    ("kpi_bootstrap", {"plan": True}),
    ("kpi_time_dimension", {}),
    ("kpi_daily", SECOND),
    ("kpi_rollup", DAY),
    ("kpi_incremental", {"captured_at": "2026-02-16T11:30:00+00:00"}),
    ("kpi_incremental", {"captured_at": "2026-02-16T11:35:00+00:00", "learner_ids": [7]}),
    ("kpi_backfill", RANGE),
    ("kpi_backfill", RANGE | {"dry_run": True}),
    ("kpi_partition_maintenance", DAY),
    ("kpi_partition_maintenance", DAY | {"drop_old": True}),
    ("kpi_retention", DAY),
    ("kpi_retention", DAY | {"dry_run": True}),
    ("kpi_status", {"at": "2026-02-16T07:00:00+00:00"}),
    ("kpi_take_back", {"captured_at": SECOND["captured_at"], "dry_run": True}),
    ("kpi_take_back", {"captured_at": SECOND["captured_at"]}),
]
COUNTS = ["inserted", "changed", "deleted", "unchanged"]


@pytest.fixture(scope="module")
def ready(operated: Operated) -> Operated:
    """One night done, the source as it is on the second."""
    operated.warehouse.load_source(school.source(school.FIRST_NIGHT))
    operated.warehouse.night(school.FIRST_NIGHT)
    operated.warehouse.load_source(school.source(school.SECOND_NIGHT))
    return operated


@pytest.mark.parametrize(
    ("dag_id", "conf"), RUNS, ids=[f"{dag_id} {' '.join(conf)}" for dag_id, conf in RUNS]
)
def test_each_task_ends_its_log_with_a_table(
    ready: Operated, dag_id: str, conf: dict[str, Any]
) -> None:
    run = ready.run(dag_id, conf)
    assert run.state == "success", run.failures
    for task_id, state in run.tasks.items():
        if state == "success":
            assert heads(run.last_record(task_id))[-1] == "seconds", task_id
        else:
            assert state == "skipped"


def test_every_dag_is_looked_at() -> None:
    assert {dag_id for dag_id, _ in RUNS} == DAGS


@pytest.fixture(scope="module")
def again(ready: Operated) -> Outcome:
    """A night that was done already."""
    ready.run("kpi_daily", SECOND)
    return ready.run("kpi_daily", SECOND)


@pytest.mark.parametrize("table", FACTS)
def test_a_facts_table_counts_rows(again: Outcome, table: str) -> None:
    record = again.last_record(f"facts.{table}")
    assert heads(record) == ["table", "period", "from", "to", *COUNTS, "seconds"]
    written = record.splitlines()[-1].split()
    assert written[:7] == [table, "D", SECOND["date"], SECOND["date"], "0", "0", "0"]
    assert int(written[7]) > 0, "the same night again changes nothing"


def test_a_captures_table_counts_what_was_rejected(again: Outcome) -> None:
    record = again.last_record("capture")
    found = ["relation", "new", "changed", "closed", "reopened", "unchanged", "rejected"]
    assert heads(record) == [*found, "seconds"]


def heads(record: str) -> list[str]:
    """Return the heads of the columns of the table that a record ends with."""
    lines = record.splitlines()
    rules = [number for number, line in enumerate(lines) if set(line.strip()) == {"─"}]
    return re.split(r"\s{2,}", lines[rules[-1] - 1].strip()) if rules else [""]
