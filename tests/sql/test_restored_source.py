"""A source that is an older copy: the capture says so in its log and in kpi_reject."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from kpi.core.connections import ETL, SOURCE, session
from kpi.core.steps import create_temporary
from kpi.history.capture import Plan, _Capture

from tests.golden import school
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

DAY = school.day_of(0)
NEXT = DAY + timedelta(1)
SAID = "The source seems to be an older copy: "


@pytest.fixture
def captured(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """One night of the small school."""
    made = new_warehouse("restored")
    made.load_source(school.source(0))
    made.capture(DAY)
    return made


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.removeprefix(SAID) for line in caplog.messages if line.startswith(SAID)]


def reported(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows("SELECT field FROM kpi_reject WHERE reason = 'source_went_back'")


def test_a_night_without_anything_new_is_no_older_copy(
    captured: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    captured.capture(NEXT)
    assert said(caplog) == []
    assert reported(captured) == []


def test_a_source_without_its_newest_rows_is_one(
    captured: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    older = captured.source("SELECT MAX(last_activity_at) - INTERVAL 1 HOUR FROM realisation")[0][0]
    captured.source("DELETE FROM realisation WHERE last_activity_at > %s", (older,))
    assert captured.source("SELECT COUNT(last_activity_at) > 0 FROM realisation") == [(1,)]
    captured.capture(NEXT, accepts=True)
    (line,) = said(caplog)
    assert line.startswith("its newest row is of 2026-")
    assert reported(captured) == [("newest_row",)]
    captured.capture(NEXT + timedelta(1))
    assert len(said(caplog)) == 1, "the next night compares with the older copy"


def test_a_source_whose_clock_is_before_the_last_capture_is_one(
    captured: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """As on another server, whose clock is not the KPI database's."""
    script = captured.script("capture/capture.sql")
    at = datetime(2026, 2, 20, 1, 30)
    with session(SOURCE) as source, session(ETL) as etl:
        create_temporary(etl, script)
        whole = _Capture(
            Plan(NEXT, at, datetime(2026, 2, 15, 1, 30)), source, etl, captured.settings
        )
        source.run("SET SESSION timestamp = UNIX_TIMESTAMP('2026-02-14 09:00:00')")
        whole.read_clock()
        with etl.transaction():
            whole.run(script)
    assert said(caplog)[0].startswith("its clock says 2026-02-14 09:00:00")
    assert reported(captured) == [("clock",)]
