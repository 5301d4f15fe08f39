"""A source that is empty or cut short: nothing is closed, and the next night captures as if it had not been."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest
from kpi.core import ledger
from kpi.core.settings import Settings
from kpi.history import capture
from kpi.history.plausibility import Implausible

from tests.golden import school
from tests.golden.reading import computed_rows, contents
from tests.warehouse import FACTS, HISTORY, Warehouse
from tests.worlds import Source

pytestmark = pytest.mark.long

FIRST, CUT, NEXT = (school.day_of(night) for night in range(3))
HISTORIES = (*HISTORY, "kpi_src_scope", "kpi_src_target", "kpi_reject")

# (what is cut, how, what the sentence names)
CUTS: list[tuple[str, Callable[[Source], Source], str]] = [
    ("everything", lambda _: {}, "17 of 17 rows of scope would vanish"),
    ("the learners", lambda source: source | {"scope": source["scope"][:6]}, "rows of membership"),
    (
        "the tree",
        lambda source: source | {"target": source["target"][:3]},
        "28 of 31 rows of target would vanish",
    ),
    (
        "the tree's branches",
        lambda source: source | {"target": [row | NO_PARENT for row in source["target"]]},
        "28 of 31 rows of target would change",
    ),
    (
        "one domain",
        lambda source: source | {"realisation": of_domains(source, "UA", "MODULE", "COMPETENCE")},
        "rows of realisation MICRO_COMPETENCE would vanish",
    ),
    (
        "three domains of four",
        lambda source: source | {"realisation": of_domains(source, "UA")},
        "24 of 24 rows of realisation MODULE would vanish, 48 of 48 rows of realisation COMPETENCE",
    ),
    (
        "half of the learners' rows and more",
        lambda source: source | {"realisation": source["realisation"][:100]},
        "rows of realisation UA would vanish",
    ),
    (
        "the memberships",
        lambda source: source | {"membership": []},
        "rows of membership would vanish",
    ),
    ("the plan", lambda source: source | {"plan": []}, "32 of 32 rows of plan GROUPE would vanish"),
    ("the feedback", lambda source: source | {"feedback": []}, "rows of feedback would vanish"),
    (
        "the scores",
        lambda source: (
            source | {"realisation": [row | {"score": 0.5} for row in source["realisation"]]}
        ),
        "rows of realisation UA would change",
    ),
]
NO_PARENT = {"parent_type": None, "parent_ref_id": None}


def of_domains(source: Source, *domains: str) -> list[dict[str, object]]:
    return [row for row in source["realisation"] if row["domain"] in domains]


def checksums(warehouse: Warehouse) -> dict[str, int]:
    """A checksum of each table but the ledger's."""
    tables = warehouse.rows(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name <> 'kpi_run' ORDER BY table_name"
    )
    return dict(warehouse.rows(f"CHECKSUM TABLE {', '.join(name for (name,) in tables)}"))


def nights(warehouse: Warehouse, numbers: Iterable[int]) -> None:
    for number in numbers:
        warehouse.load_source(school.source(number))
        warehouse.night(school.day_of(number))
        warehouse.rollup(school.day_of(number), takes_missed=True)


@pytest.mark.parametrize(("cut", "names"), [row[1:] for row in CUTS], ids=[row[0] for row in CUTS])
def test_a_cut_source_is_refused_and_leaves_every_table_as_it_was(
    warehouse: Warehouse, cut: Callable[[Source], Source], names: str
) -> None:
    nights(warehouse, [0])
    before = checksums(warehouse)
    warehouse.load_source(cut(school.source(1)))
    with pytest.raises(Implausible) as refusal:
        warehouse.capture(CUT)
    assert checksums(warehouse) == before
    sentence = str(refusal.value)
    assert names in sentence
    assert sentence.startswith("The source does not look whole, so nothing was captured: ")
    assert sentence.endswith(
        "trigger kpi_daily with the date 2026-02-14, accept_source and a reason."
    )
    [(state, day, message)] = warehouse.rows(
        "SELECT state, date_to, message FROM kpi_run WHERE state <> 'DONE'"
    )
    assert (state, day, message) == ("FAILED", CUT, sentence)


def test_the_next_night_captures_as_if_the_bad_one_had_not_been(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """And computes the missed day from the history; its weeks, months and windows follow."""
    nights(warehouse, [0, 2])
    expected = contents(warehouse, HISTORIES)
    warehouse.facts(CUT)
    warehouse.rollup(NEXT, takes_missed=True)
    figures = computed_rows_by_name(warehouse)

    warehouse.empty()
    nights(warehouse, [0])
    warehouse.load_source({})
    with pytest.raises(Implausible):
        warehouse.capture(CUT)
    warehouse.load_source(school.source(2))
    with caplog.at_level(logging.WARNING):
        warehouse.capture(NEXT)
    assert (
        "The captures of 2026-02-14 were refused or taken back: this one follows that of "
        "2026-02-14 01:30:00 UTC, as if they had not been." in caplog.messages
    )
    assert contents(warehouse, HISTORIES) == expected

    warehouse.dimensions()
    for table in FACTS:
        assert capture.missed_days(table, NEXT, warehouse.settings) == [CUT]
        warehouse.facts(CUT, [table])
        warehouse.facts(NEXT, [table])
        assert capture.missed_days(table, NEXT, warehouse.settings) == [], "it is taken once"
    warehouse.rollup(NEXT, takes_missed=True)
    assert computed_rows_by_name(warehouse) == figures
    nights(warehouse, [3])
    assert capture.missed_days("kpi_value", school.day_of(4), warehouse.settings) == []


def computed_rows_by_name(warehouse: Warehouse) -> object:
    return contents(warehouse, tuple(computed_rows(warehouse)))


def test_a_refused_night_is_captured_once_the_source_is_whole(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    nights(warehouse, [0, 1])
    expected = contents(warehouse, HISTORIES)
    warehouse.empty()
    nights(warehouse, [0])
    warehouse.load_source({})
    with pytest.raises(Implausible):
        warehouse.capture(CUT)
    nights(warehouse, [1])
    assert contents(warehouse, HISTORIES) == expected
    nights(warehouse, [2])
    assert capture.missed_days("kpi_value", school.day_of(3), warehouse.settings) == []


def test_what_did_go_is_captured_when_a_person_says_so(warehouse: Warehouse) -> None:
    """The ledger keeps what was accepted, and why; the nights after need no such word."""
    nights(warehouse, [0])
    emptied = school.source(1) | {"membership": []}
    warehouse.load_source(emptied)
    script = warehouse.script("capture/capture.sql")
    by = ledger.Author(reason="the school year is over")
    found = capture.capture(
        CUT, datetime(2026, 2, 15, 1, 30), script, warehouse.settings, by, accepts=True
    )
    assert found
    assert warehouse.rows(
        "SELECT table_name, message, reason FROM kpi_run WHERE message IS NOT NULL"
    ) == [
        (
            "kpi_src_membership",
            "accepted: 54 of 54 rows of membership would vanish",
            "the school year is over",
        )
    ]
    open_ones = "SELECT COUNT(*) FROM kpi_src_membership WHERE valid_to = '9999-12-31'"
    assert warehouse.rows(open_ones) == [(0,)]
    warehouse.load_source(emptied)
    assert warehouse.capture(NEXT)


def test_a_small_school_may_lose_what_is_below_the_floor(warehouse: Warehouse) -> None:
    nights(warehouse, [0])
    cut = school.source(1) | {"plan": []}
    warehouse.load_source(cut)
    settings: Settings = warehouse.settings.model_copy(update={"capture_floor_rows": 33})
    script = warehouse.script("capture/capture.sql")
    found = capture.capture(CUT, datetime(2026, 2, 15, 1, 30), script, settings, ledger.Author())
    assert found
    assert {one.relation: one.closed for one in found}["plan"] == 32


def test_the_first_capture_has_nothing_to_compare_with(warehouse: Warehouse) -> None:
    warehouse.load_source({})
    assert warehouse.capture(FIRST) is not None


# -- during the day


MORNING = datetime(2026, 2, 14, 9)


def test_learners_whose_rows_went_are_left_to_the_night(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """Their figures stay; whether the school's source is whole only a capture of all can tell."""
    nights(warehouse, [0])
    assert warehouse.open_day(CUT)
    before = contents(warehouse, HISTORIES), computed_rows(warehouse)
    warehouse.source("DELETE FROM realisation WHERE learner_id = 4")
    warehouse.changed(4)
    warehouse.refresh(MORNING)
    assert (contents(warehouse, HISTORIES), computed_rows(warehouse)) == before
    assert "Of the learners 4, 30 of 30 rows of realisation would vanish" in caplog.text
    assert warehouse.rows("SELECT COUNT(*) FROM kpi_change WHERE done_at IS NULL") == [(0,)]
    assert warehouse.rows("SELECT scopes, state FROM kpi_run WHERE state <> 'DONE'") == [
        ("learners 4", "FAILED")
    ]
    assert warehouse.rows("SELECT * FROM kpi_src_learner") == [], "he was not seen"
    warehouse.changed(6)
    warehouse.refresh(MORNING + timedelta(minutes=1))
    assert warehouse.rows("SELECT learner_id FROM kpi_src_learner") == [(6,)], "others go on"

    found = warehouse.capture(CUT, datetime(2026, 2, 15, 1, 30)) or []
    assert {one.relation: one.closed for one in found}["realisation"] == 30
    assert capture.missed_days("kpi_value", NEXT, warehouse.settings) == []


def test_a_learner_who_loses_a_module_follows_at_once(warehouse: Warehouse) -> None:
    nights(warehouse, [0])
    assert warehouse.open_day(CUT)
    warehouse.source(
        "DELETE FROM realisation WHERE learner_id = 4 AND NOT (domain = 'UA' AND ref_id < 4)"
    )
    warehouse.changed(4)
    warehouse.refresh(MORNING)
    still = (
        "SELECT COUNT(*) FROM kpi_src_realisation WHERE learner_id = 4 AND valid_to = '9999-12-31'"
    )
    assert warehouse.rows(still) == [(3,)]


def test_a_learner_who_was_deactivated_follows_at_once(warehouse: Warehouse) -> None:
    nights(warehouse, [0])
    assert warehouse.open_day(CUT)
    warehouse.source("DELETE FROM membership WHERE learner_id = 4")
    warehouse.changed(4)
    warehouse.refresh(MORNING)
    still = (
        "SELECT COUNT(*) FROM kpi_src_membership WHERE learner_id = 4 AND valid_to = '9999-12-31'"
    )
    assert warehouse.rows(still) == [(0,)]


def test_all_rows_of_a_learner_may_change_at_once(warehouse: Warehouse) -> None:
    nights(warehouse, [0])
    assert warehouse.open_day(CUT)
    warehouse.source("UPDATE realisation SET score = 3.5, score_max = 20 WHERE learner_id = 4")
    warehouse.changed(4)
    warehouse.refresh(MORNING)
    changed = "SELECT COUNT(*) FROM kpi_src_realisation WHERE learner_id = 4 AND score = 3.5"
    assert warehouse.rows(changed) == [(30,)]
