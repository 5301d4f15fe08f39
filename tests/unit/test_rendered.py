"""The rendered SQL kept in tests/rendered, and what `make show` prints."""

from __future__ import annotations

import re

import pytest
from kpi.core.airflow_settings import LONGEST_SQL
from kpi.core.errors import InputError
from kpi.core.settings import Settings
from kpi.core.steps import steps
from rendered_sql import FOLDER, ROADS, SCRIPTS, figure_steps, offline, paths, snapshots


def test_the_snapshots_are_what_the_templates_give() -> None:
    stored = {
        path.relative_to(FOLDER).as_posix(): path.read_text("utf-8")
        for path in FOLDER.rglob("*.sql")
    }
    found = snapshots(Settings())
    assert sorted(stored) == sorted(found), "run `make rendered`"
    stale = [path for path, sql in found.items() if stored[path] != sql]
    assert stale == [], "run `make rendered`, and look at what changed with git diff"


def test_what_is_staged_of_some_learners_is_mended_before_it_is_compared() -> None:
    """A refresh first finds all that differs, and runs the other steps only when it writes."""
    staged = re.compile(r"(?:UPDATE(?: /\*.*?\*/)?|DELETE(?: \w+)?\s+FROM)\s+stage_")
    script = steps((FOLDER / "capture" / "learners.sql").read_text("utf-8"))
    mending = [step for step in script if staged.match(step.sql)]
    assert len(mending) > 5
    assert [step.name for step in mending if step.phase != "find"] == []


@pytest.mark.parametrize("road", ROADS)
def test_a_median_is_shown_on_every_road_that_computes_it(road: str) -> None:
    if road == "opening":
        with pytest.raises(InputError, match="No step of the road 'opening' computes"):
            figure_steps(Settings(), "DELAI_ACQUIS_MICRO", road)
        return
    shown = figure_steps(Settings(), "DELAI_ACQUIS_MICRO", road)
    assert all("kpi_src_realisation" in step.sql for _, step in shown)


def test_one_day_of_a_share_is_one_statement() -> None:
    [(path, step)] = figure_steps(Settings(), "PCT_ACQUIS", "day")
    assert path == "facts/kpi_value/day.sql"
    assert "history.domain IN ('COMPETENCE')" in step.sql
    assert "PCT_ACQUIS" in step.sql


def test_an_unknown_road_or_figure_is_refused() -> None:
    with pytest.raises(InputError, match="no road 'night'; choose one of day, range"):
        figure_steps(Settings(), "PCT_ACQUIS", "night")
    with pytest.raises(InputError, match="No step of the road 'day' computes the figure 'PCT'"):
        figure_steps(Settings(), "PCT", "day")


def test_the_setting_that_shows_sql_in_full_is_large_enough() -> None:
    render = offline(Settings())
    longest = max(len(render(path)) for path in paths(Settings(), SCRIPTS))
    assert longest < LONGEST_SQL
