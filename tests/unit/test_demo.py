"""What the demo prints where there is no terminal, how large it is, and what it names to do next."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import airflow_services
import demo_next
import pytest
from demo_size import FIRST_DAY, LARGE, SMALL, Size, chosen_size
from demo_source.oddities import CASES
from demo_steps import Steps
from rich.console import Console


def test_without_a_terminal_each_step_is_a_line_with_its_seconds() -> None:
    printed = io.StringIO()
    with Steps(Console(file=printed, soft_wrap=True), 2) as steps:
        with steps.step("make a [school]"):
            assert printed.getvalue() == " 1/2  make a [school] …", "said while it runs"
        with steps.step("compute"):
            pass
    lines = printed.getvalue().splitlines()
    assert [line.split()[:2] for line in lines] == [["1/2", "make"], ["2/2", "compute"]]
    assert all(re.search(r"… +\d+\.\d s$", line) for line in lines)
    assert len({len(line) for line in lines}) == 1, "the seconds stand below one another"
    assert "\x1b" not in printed.getvalue()


def test_a_terminal_has_a_bar_and_keeps_the_lines() -> None:
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, width=100)
    with Steps(console, 3) as steps, steps.step("compute"):
        pass
    assert " 1/3  compute" in printed.getvalue()
    assert "━" in printed.getvalue(), "the bar"
    assert "0/3" in printed.getvalue(), "its count"


def test_a_step_that_fails_is_not_said_to_be_done() -> None:
    printed = io.StringIO()
    with (
        pytest.raises(RuntimeError),
        Steps(Console(file=printed), 1) as steps,
        steps.step("compute"),
    ):
        raise RuntimeError
    assert " s" not in printed.getvalue()


def test_the_demo_is_small_unless_asked_for_more() -> None:
    assert chosen_size([]) == (SMALL, FIRST_DAY)
    assert chosen_size(["--large"]) == (LARGE, FIRST_DAY)
    assert Size(nights=10, history=28, learners=240, groups=10, trainers=6, seed=7) == LARGE
    size, first = chosen_size(["--large", "--nights", "2", "--first", "2026-03-02"])
    assert (size.nights, size.history, size.learners, first) == (2, 28, 240, date(2026, 3, 2))


def test_the_small_school_has_all_that_is_odd_in_learners() -> None:
    assert max(CASES.values()) <= SMALL.learners
    assert SMALL.school().learners == SMALL.learners


def test_next_comes_the_dashboard_with_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = tmp_path / "ui_port"
    monkeypatch.setattr(demo_next, "UI_PORT_FILE", port)
    monkeypatch.setattr(airflow_services, "PIDS", tmp_path)
    port.write_text("8123")
    typed, gives = demo_next.next_steps()[0]
    assert typed == "make up"
    assert gives.endswith("/plugin/kpi")
    assert "http://127.0.0.1:81" in gives
    monkeypatch.setattr(demo_next, "is_running", lambda name: True)
    assert demo_next.next_steps()[0][0] == "http://127.0.0.1:8123/plugin/kpi"
    # A container has no make.
    monkeypatch.setattr(demo_next, "ROOT", tmp_path)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://127.0.0.1:9000")
    assert [typed for typed, _ in demo_next.next_steps()] == ["http://127.0.0.1:9000/plugin/kpi"]
