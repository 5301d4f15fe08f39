"""kpi_partition_maintenance as a person sees it: the log's table, dry runs, and a conversion there and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.dags import school
from tests.dags.airflow_process import Outcome
from tests.dags.conftest import Operated
from tests.sql.schemas import FACTS, layout

pytestmark = pytest.mark.long

DAG = "kpi_partition_maintenance"
TODAY = {"date": "2026-02-15"}
MONTHS = {"KPI_PARTITION_MONTHS_BACK": "1", "KPI_PARTITION_MONTHS_AHEAD": "13"}


@pytest.fixture(scope="module")
def played(operated: Operated) -> Operated:
    """A database with a night in it; its partitions end with January 2027."""
    operated.warehouse.load_source(school.source(school.FIRST_NIGHT))
    operated.warehouse.night(school.FIRST_NIGHT)
    return operated


def run(operated: Operated, storage: str = "partitioned", **conf: Any) -> Outcome:
    return operated.run(DAG, TODAY | conf, MONTHS | {"KPI_STORAGE": storage})


def succeeded(outcome: Outcome) -> Outcome:
    assert outcome.state == "success", outcome.failures
    return outcome


def partitions(operated: Operated) -> dict[str, dict[str, int]]:
    return {table: layout(operated.warehouse, table) for table in FACTS}


def test_a_dry_run_prints_the_statements_and_the_table(played: Operated) -> None:
    before = partitions(played)
    told = succeeded(run(played, dry_run=True))
    assert told.tasks == {"storage": "skipped", "partitions": "success"}
    assert partitions(played) == before
    assert told.log.count("REORGANIZE PARTITION p_max INTO (") == len(FACTS)
    assert "4 statements would change partitions." in told.log
    shown = told.rendered["partitions"]["sql"]
    assert "ALTER TABLE «fact table» REORGANIZE PARTITION «partition» INTO (" in shown


def test_months_ahead_are_made_and_the_log_shows_what_lies_where(played: Operated) -> None:
    kept = succeeded(run(played))
    assert "4 statements changed partitions." in kept.log
    for parts in partitions(played).values():
        assert list(parts)[-3:] == ["p202702", "p202703", "p_max"]
    february = partitions(played)["kpi_value"]["p202602"]
    assert february > 0
    line = rf"kpi_value +p202602 +2026-02-01 +2026-02-28 +{february} +\d\.\d +D {february}\n"
    assert re.search(line, kept.log)
    assert "0 statements changed partitions." in succeeded(run(played)).log


def test_a_wrong_clock_is_one_sentence(played: Operated) -> None:
    before = partitions(played)
    outcome = run(played, date="2026-05-15")
    assert outcome.state == "failed"
    assert outcome.failed_task == "partitions"
    assert outcome.tries["partitions"] == 1
    assert outcome.message.startswith("Today is 2026-05-15, more than 62 days from 2026-02-14, ")
    assert partitions(played) == before


def test_a_conversion_and_a_drop_are_two_runs(played: Operated) -> None:
    outcome = run(played, convert_to="foreign_keys", drop_old=True)
    assert (outcome.failed_task, outcome.tasks["partitions"]) == ("storage", "upstream_failed")
    assert outcome.message.startswith("A run cannot both convert (convert_to='foreign_keys') and ")
    assert "foreign" in run(played, convert_to="myisam").refused


def test_there_and_back(played: Operated) -> None:
    before = played.checksums("kpi_migration")
    told = succeeded(run(played, convert_to="foreign_keys", dry_run=True))
    assert "Nothing was written." in told.log
    assert played.checksums("kpi_migration") == before

    there = succeeded(run(played, convert_to="foreign_keys"))
    assert "now in storage mode foreign_keys; those from before are kept as kpi_…_old" in there.log
    assert "KPI_STORAGE is partitioned: set KPI_STORAGE=foreign_keys now" in there.log
    assert "have no partitions, so there is nothing to do." in there.log
    kept = played.checksums("kpi_migration")
    assert {table: kept[table] for table in before} == before
    assert {table: kept[f"{table}_old"] for table in FACTS} == {t: before[t] for t in FACTS}

    night = school.params(school.FIRST_NIGHT)
    refused = played.run("kpi_daily", night, {"KPI_STORAGE": "partitioned"})
    assert "set KPI_STORAGE to the mode it was made with." in refused.message
    succeeded(played.run("kpi_daily", night, {"KPI_STORAGE": "foreign_keys"}))

    assert "Dropped: kpi_value_old, " in succeeded(run(played, "foreign_keys", drop_old=True)).log
    back = succeeded(run(played, "foreign_keys", convert_to="partitioned"))
    assert "now in storage mode partitioned" in back.log
    succeeded(run(played, drop_old=True))
    facts = {table: before[table] for table in FACTS}
    assert {t: played.checksums()[t] for t in FACTS} == facts
    assert "are in storage mode partitioned already." in (
        succeeded(run(played, convert_to="partitioned")).log
    )


def test_in_foreign_key_mode_there_is_nothing_to_do(new_operated: Callable[..., Operated]) -> None:
    made = new_operated("kept_by_keys", storage="foreign_keys")
    succeeded(made.run("kpi_bootstrap", {}, {"KPI_STORAGE": "foreign_keys"}))
    night = succeeded(made.run(DAG, {}, {"KPI_STORAGE": "foreign_keys"}))
    assert (
        "Storage mode foreign_keys: the fact tables have no partitions, so there is nothing to do."
        in night.log
    )
    assert "set KPI_STORAGE" not in night.log
