"""A night whose source is cut short, in Airflow: refused, told, made up for; or accepted, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dags import school
from tests.dags.airflow_process import Outcome
from tests.dags.conftest import Operated
from tests.warehouse import FACTS

pytestmark = pytest.mark.long

FLOOR: dict[str, str | None] = {"KPI_CAPTURE_FLOOR_ROWS": "2"}  # it is a very small school
THIRD = {"date": "2026-02-16", "captured_at": "2026-02-17T01:30:00+00:00"}
FOURTH = {"date": "2026-02-17", "captured_at": "2026-02-18T01:30:00+00:00"}


def daily(operated: Operated, params: dict[str, Any]) -> Outcome:
    return operated.run("kpi_daily", params, FLOOR)


def rows_of(operated: Operated, day: str) -> dict[str, int]:
    return {
        table: operated.warehouse.rows(
            f"SELECT COUNT(*) FROM {table} WHERE date_id = %s AND period = 'D'", (day,)
        )[0][0]
        for table in FACTS
    }


@pytest.fixture(scope="module")
def nights(operated: Operated) -> dict[str, Outcome]:
    """A good night, one whose source is empty, a good one; what the middle one left is under `unchanged`."""
    found = {}
    operated.warehouse.load_source(school.source(school.FIRST_NIGHT))
    found["good"] = daily(operated, school.params(school.FIRST_NIGHT))
    before = operated.checksums("kpi_run", "kpi_alert")
    operated.warehouse.load_source({})
    found["cut"] = daily(operated, school.params(school.SECOND_NIGHT))
    assert operated.checksums("kpi_run", "kpi_alert") == before
    operated.warehouse.load_source(school.source(school.SECOND_NIGHT))
    found["next"] = daily(operated, THIRD)
    return found


def test_the_cut_night_says_what_and_what_to_do(nights: dict[str, Outcome]) -> None:
    assert nights["good"].state == "success", nights["good"].failures
    assert nights["cut"].failed_task == "capture"
    assert nights["cut"].message == (
        "The source does not look whole, so nothing was captured: 4 of 4 rows of scope would vanish; clear this task "
        "once the source is whole again (the next night captures in any case), or, if that is what happened, trigger "
        "kpi_daily with the date 2026-02-15, accept_source and a reason."
    )
    assert nights["cut"].tries["capture"] == 1, "not tried again"
    assert nights["cut"].events == []


def test_the_next_night_makes_up_for_it(nights: dict[str, Outcome], operated: Operated) -> None:
    assert nights["next"].state == "success", nights["next"].failures
    assert "The captures of 2026-02-15 were refused or taken back" in nights["next"].log
    assert "2026-02-15 had no capture of their own" in nights["next"].log
    for day in ("2026-02-14", "2026-02-15", "2026-02-16"):
        found = rows_of(operated, day)
        assert found["kpi_value"] > 0, day
        assert found["kpi_state_count"] > 0, day


def test_a_later_good_night_ends_the_alert(nights: dict[str, Outcome], operated: Operated) -> None:
    assert operated.warehouse.rows(
        "SELECT kind, CAST(since_on AS CHAR), until_on IS NOT NULL FROM kpi_alert WHERE kind = 'FAILED'"
    ) == [("FAILED", "2026-02-15", 1)]
    assert "kpi_daily failed for 2026-02-15" in nights["next"].log
    assert "; over on " in nights["next"].log


def test_what_was_accepted_by_mistake_is_taken_back(
    nights: dict[str, Outcome], operated: Operated
) -> None:
    warehouse = operated.warehouse
    history = [table for table in operated.tables() if table.startswith("kpi_src_")]
    others = [table for table in operated.tables() if table not in history]
    before = operated.checksums(*others)
    figures = "SELECT COUNT(*), SUM(value_num) FROM kpi_value WHERE date_id = '2026-02-17'"

    cut = school.source(school.SECOND_NIGHT)
    cut["realisation"] = cut["realisation"][:2]
    warehouse.load_source(cut)
    assert daily(operated, FOURTH).failed_task == "capture"
    accepted = daily(operated, FOURTH | {"accept_source": True, "reason": "a mistake"})
    assert accepted.state == "success", accepted.failures
    assert warehouse.rows(
        "SELECT message, reason FROM kpi_run WHERE message LIKE 'accepted%' AND run_id = %s",
        (accepted.run_id,),
    ) == [
        (
            "accepted: 2 of 2 rows of realisation MICRO_COMPETENCE would vanish, "
            "2 of 2 rows of realisation UA would vanish",
            "a mistake",
        )
    ]
    false = warehouse.rows(figures)

    named = {"captured_at": FOURTH["captured_at"], "reason": "the copy was cut"}
    assert operated.checksums(*others) != before
    rehearsed = operated.run("kpi_take_back", named | {"dry_run": True})
    assert rehearsed.state == "success", rehearsed.failures
    assert "Would take back the capture of 2026-02-18 01:30:00 UTC" in rehearsed.log
    assert rehearsed.tasks["facts.kpi_value"] == "skipped"
    assert warehouse.rows(figures) == false

    unnamed = operated.run("kpi_take_back", {})
    assert unnamed.message.startswith("This run names no capture; give the instant of the last one")

    taken = operated.run("kpi_take_back", named)
    assert taken.state == "success", taken.failures
    assert operated.checksums(*others) == before
    assert warehouse.rows(figures) != false
    assert warehouse.rows("SELECT DISTINCT reason FROM kpi_run WHERE message LIKE 'took%'") == [
        ("the copy was cut",)
    ]
