"""kpi_retention as a person sees it, and a backfill into what it removed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dags.airflow_process import Outcome
from tests.dags.conftest import Operated
from tests.sql import old_facts
from tests.sql.old_facts import count, stored, undo_tables, without_days

pytestmark = pytest.mark.long

DAG = "kpi_retention"
INTO = {"date_from": "2026-02-13", "date_to": "2026-02-28"}


@pytest.fixture(scope="module")
def old(operated: Operated) -> Operated:
    old_facts.compute(operated.warehouse)
    return operated


def run(operated: Operated, dag: str = DAG, **conf: Any) -> Outcome:
    return operated.run(dag, {"date": "2026-06-05"} | conf if dag == DAG else conf)


def succeeded(outcome: Outcome) -> Outcome:
    assert outcome.state == "success", outcome.failures
    return outcome


def test_it_removes_restores_and_a_backfill_brings_back(old: Operated) -> None:
    before = stored(old.warehouse)
    checksums = old.checksums()

    told = succeeded(run(old, dry_run=True))
    assert told.tasks == {"restore": "skipped", "facts": "success", "ledgers": "success"}
    assert old.checksums() == checksums
    assert "Nothing was written; a run would do:" in told.log
    assert "rewrite" in told.log
    assert "EXCHANGE PARTITION «partition» WITH TABLE" in told.rendered["facts"]["sql"]
    assert "DELETE gone\nFROM kpi_src_plan AS gone" in told.rendered["ledgers"]["sql"]

    done = succeeded(run(old))
    assert stored(old.warehouse) == without_days(before, "2026-02")
    assert len(undo_tables(old.warehouse)) == 3
    assert "kpi_src_realisation" in done.log

    refused = run(old, "kpi_backfill", **INTO)
    assert refused.failed_task == "check"
    assert refused.message.startswith("The rows from 2026-02-13 to 2026-02-28 were removed by")
    succeeded(run(old, "kpi_backfill", **INTO, into_dropped=True))
    again = stored(old.warehouse)
    assert {table: count(parts) for table, parts in again.items()} == {
        table: count(parts) for table, parts in before.items()
    }

    taken = run(old, restore="2026-02")
    assert taken.failed_task == "restore"
    assert "Trigger with restore_over to put the removed ones in their place." in taken.message
    back = succeeded(run(old, restore="2026-02", restore_over=True))
    assert back.tasks == {"restore": "success", "facts": "skipped", "ledgers": "skipped"}
    assert stored(old.warehouse) == before
    kept = succeeded(run(old))
    assert "kpi_retention (restored) holds 2026-02-01 to 2026-02-28" in kept.log
    assert stored(old.warehouse) == before


def test_a_wrong_clock_and_an_unknown_month_are_one_sentence(old: Operated) -> None:
    far = run(old, date="2126-06-05")
    assert (far.failed_task, far.tries["facts"]) == ("facts", 1)
    assert far.message.startswith("Today is 2126-06-05, a day that kpi_time has not;")
    unknown = run(old, restore="2031-01")
    assert unknown.message.startswith("There is nothing to restore for '2031-01'; give a month")
