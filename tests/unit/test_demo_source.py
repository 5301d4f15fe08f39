"""The demo school is a function of time, and believable."""

from __future__ import annotations

import statistics
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from demo_source import Curriculum, School
from demo_source.clock import SCHOOL_ZONE, Calendar, local, local_day, zone
from demo_source.lines import Line
from demo_source.oddities import upkeep_nights
from demo_source.realisations import REALISATION_TABLES
from demo_source.schema import tables
from demo_source.school import State

from tests.demo_year import (
    DONE_UA,
    HANDED_IN,
    JUDGED,
    LEARNERS,
    TODO_UA,
    demo_school,
    named_state,
    state_at,
    state_column,
)

DONE = {"realisation_micro_competences": 35, "realisation_uas": DONE_UA}
FEBRUARY = datetime(2026, 2, 1, 1, 30, tzinfo=UTC)
JUNE = datetime(2026, 6, 28, 1, 30, tzinfo=UTC)
SOURCE_TABLES = [
    "apprenants",
    "groupes",
    "apprenant_groupe",
    "sous_groupes",
    "apprenant_sous_groupe",
    "formateurs",
    "formateur_groupe",
    "filieres",
    "annee_formations",
    "session_formations",
    "modules",
    "competences",
    "micro_competences",
    "unite_apprentissages",
    "chapitres",
    "alignement_uas",
    "realisation_modules",
    "realisation_competences",
    "realisation_micro_competences",
    "realisation_uas",
    "etat_realisation_modules",
    "etat_realisation_competences",
    "etat_realisation_micro_competences",
    "etat_realisation_uas",
    "realisation_projets",
    "affectation_projets",
    "projets",
    "taches",
    "realisation_taches",
    "etat_realisation_taches",
    "workflow_taches",
    "historique_realisation_taches",
    "commentaire_realisation_taches",
    "realisation_chapitres",
    "realisation_ua_prototypes",
    "realisation_ua_projets",
]


# A pure function of time


def test_has_the_tables_of_the_source() -> None:
    assert sorted(tables()) == sorted(SOURCE_TABLES)


def test_the_same_arguments_give_the_same_rows() -> None:
    school = demo_school()
    again = School(learners=LEARNERS)
    again.state_at(JUNE)
    assert again.state_at(FEBRUARY) == school.state_at(FEBRUARY)


def test_another_seed_gives_other_rows_of_the_same_school() -> None:
    school = demo_school()
    mine, other = school.state_at(FEBRUARY), School(seed=8, learners=LEARNERS).state_at(FEBRUARY)
    assert mine["unite_apprentissages"] == other["unite_apprentissages"]
    assert mine["realisation_uas"] != other["realisation_uas"]


def test_parameters_make_the_same_school_again() -> None:
    school = School(3, 5, 2024, Curriculum(uas=88), groups=4, trainers=2, oddities=False)
    again = School.from_parameters(school.parameters())
    assert again.parameters() == school.parameters()
    at = datetime(2025, 2, 1, tzinfo=UTC)
    assert again.state_at(at) == school.state_at(at)


def test_nothing_is_there_before_the_founding() -> None:
    school = demo_school()
    state = school.state_at(datetime(2025, 8, 1, tzinfo=UTC))
    assert not any(state.values())


def test_changes_lead_from_any_instant_to_any_later_one() -> None:
    school = demo_school()
    rng = Random(1)
    begin = datetime(2025, 8, 20, tzinfo=UTC)
    instants = sorted(begin + timedelta(seconds=rng.randrange(310 * 86400)) for _ in range(7))
    for since, until in pairwise(instants):
        tables_then = {(t, k): row for t, k, row in school.rows_at(since, SCHOOL_ZONE)}
        for name, change in school.changes(since, until, SCHOOL_ZONE).items():
            for key, row in change.deleted.items():
                assert tables_then.pop((name, key)) == row
            for key, row in change.inserted.items():
                assert (name, key) not in tables_then
                tables_then[name, key] = row
            for key, row in change.updated.items():
                assert tables_then[name, key] != row
                tables_then[name, key] = row
        assert tables_then == {(t, k): row for t, k, row in school.rows_at(until, SCHOOL_ZONE)}


def test_a_life_lived_up_to_an_instant_reads_like_the_whole_until_then() -> None:
    school = School.benchmark(learners=6)
    until = datetime(2026, 1, 20, 15)
    for learner in range(1, 7):
        part, whole = school.life(learner, until), school.life(learner)
        for days in (0, 3, 90):
            at = until - timedelta(days=days)
            assert list(part.rows_at(at, None)) == list(whole.rows_at(at, None))


def test_the_benchmark_school_has_288_realisations_a_learner() -> None:
    school = School.benchmark(learners=90)
    for at in (datetime(2025, 10, 1, tzinfo=UTC), JUNE):
        counts = Counter(table for table, _, _ in school.rows_at(at))
        rows_each = [counts[table] / counts["apprenants"] for table in REALISATION_TABLES]
        assert rows_each == [8, 24, 64, 192]
    assert counts["apprenants"] == 90
    assert counts["groupes"] == 80


def test_datetime_columns_are_stored_in_the_zone_of_the_application() -> None:
    school = demo_school()
    in_utc, in_zone = school.state_at(JUNE), school.state_at(JUNE, SCHOOL_ZONE)
    for key, row in in_utc["historique_realisation_taches"].items():
        other = in_zone["historique_realisation_taches"][key]
        moved = row["dateModification"].replace(tzinfo=UTC).astimezone(zone(SCHOOL_ZONE))
        assert other["dateModification"] == moved.replace(tzinfo=None)
        assert other["created_at"] == row["created_at"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"learners": 0}, "learners=0"),
        ({"groups": 1}, "groups=1"),
        ({"curriculum": lambda: Curriculum(uas=3)}, "smaller than the one above"),
        ({"curriculum": lambda: Curriculum(projects=30)}, "between 0 and sessions"),
    ],
)
def test_a_school_that_cannot_be_is_refused(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        School(**{name: value() if callable(value) else value for name, value in arguments.items()})


def test_a_naive_instant_is_refused() -> None:
    school = demo_school()
    with pytest.raises(ValueError, match="has no time zone"):
        school.state_at(datetime(2026, 2, 1))


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Africa/Nowhere", "../secret", "", "Africa"):
        with pytest.raises(ValueError, match="is no time zone"):
            zone(name)


def test_small_schools_can_be_made() -> None:
    tiny = School(
        learners=40, curriculum=Curriculum(1, 1, 1, 1, 2, chapters=0), groups=1, trainers=1
    )
    assert len(tiny.state_at(JUNE)["realisation_uas"]) >= 70


# Believable


def test_a_learner_of_the_default_school_has_about_100_rows() -> None:
    state = School(learners=80, oddities=False).state_at(JUNE)
    counts = [len(state[table]) / 80 for table in REALISATION_TABLES]
    assert 95 < sum(counts) < 105


def test_marks_progress_and_activity_bubble_up() -> None:
    state = School(learners=30, oddities=False).state_at(datetime(2026, 3, 8, tzinfo=UTC))
    levels = [
        ("realisation_uas", "realisation_micro_competences", "realisation_micro_competence_id"),
        ("realisation_micro_competences", "realisation_competences", "realisation_competence_id"),
        ("realisation_competences", "realisation_modules", "realisation_module_id"),
    ]
    checked = 0
    for below, above, column in levels:
        children: dict[object, list[dict[str, object]]] = {}
        for row in state[below].values():
            children.setdefault(row[column], []).append(row)
        for key, parent in state[above].items():
            own = children[key]
            notes = [row["note_cache"] for row in own if row["note_cache"] is not None]
            assert parent["note_cache"] == (pytest.approx(sum(notes)) if notes else None)
            assert parent["bareme_cache"] == sum(row["bareme_cache"] for row in own)
            mean = statistics.fmean(row["progression_cache"] for row in own)
            assert parent["progression_cache"] == pytest.approx(mean, abs=0.006)
            times = [row["dernier_update"] for row in own if row["dernier_update"]]
            assert parent["dernier_update"] == max(times, default=None)
            checked += 1
    assert checked > 500


def test_dates_are_written_as_the_application_does() -> None:
    state = state_at(2026, 6, 28, 1, 30)
    for table in ("realisation_modules", "realisation_competences"):
        assert not any(row["date_fin"] for row in state[table].values())
    for table in ("realisation_micro_competences", "realisation_uas"):
        done = [row for row in state[table].values() if row[state_column(table)] == DONE[table]]
        ended = sum(row["date_fin"] is not None for row in done)
        assert 0.2 < ended / len(done) < 0.8
    to_do = [
        row for row in state["realisation_uas"].values() if row["etat_realisation_ua_id"] == TODO_UA
    ]
    assert to_do
    assert all(row["date_debut"] == row["created_at"] for row in to_do)
    untouched = {None, *upkeep_nights(demo_school().calendar)}
    assert {row["dernier_update"] for row in to_do} <= untouched


def test_the_plan_is_followed_by_most_not_by_all() -> None:
    state = School(learners=120, oddities=False).state_at(FEBRUARY)
    due = {
        row["unite_apprentissage_id"]
        for row in state["alignement_uas"].values()
        if state["session_formations"][row["session_formation_id"]]["date_fin"] < date(2026, 1, 25)
    }
    states = Counter(
        row["etat_realisation_ua_id"]
        for row in state["realisation_uas"].values()
        if row["unite_apprentissage_id"] in due
    )
    assert 0.7 < states[DONE_UA] / states.total() < 0.97
    ahead = [
        row
        for row in state["realisation_uas"].values()
        if row["unite_apprentissage_id"] not in due and row["etat_realisation_ua_id"] != TODO_UA
    ]
    assert ahead


def test_hardly_anybody_works_on_sundays() -> None:
    history = state_at(2026, 6, 28, 1, 30)["historique_realisation_taches"].values()
    days = Counter(local_day(row["dateModification"]).weekday() for row in history)
    assert days[6] < 0.03 * days.total()
    assert min(days[day] for day in range(5)) > 0.1 * days.total()


def saved(state: State, row: dict[str, Any]) -> str:
    """What a row of the history is."""
    task = state["realisation_taches"][row["realisation_tache_id"]]
    code = named_state(state, task, row["changement"])
    if (row["user_id"] or 0) > 10_000:
        return "submission" if code in HANDED_IN else "touch"
    judged = row["user_id"] and (row["isFeedback"] or code in JUDGED)
    return "feedback" if judged else "nobody's"


def test_feedback_takes_hours_to_days_and_takes_every_form() -> None:
    state = state_at(2026, 6, 28, 1, 30)
    events: dict[object, list[tuple[datetime, str]]] = {}
    for row in state["historique_realisation_taches"].values():
        kind = saved(state, row)
        events.setdefault(row["realisation_tache_id"], []).append((row["dateModification"], kind))
    for row in state["commentaire_realisation_taches"].values():
        kind = "feedback" if row["formateur_id"] else "question"
        events.setdefault(row["realisation_tache_id"], []).append((row["dateCommentaire"], kind))
    delays, found = [], Counter()
    for task in events.values():
        submitted: list[datetime] = []
        for at, kind in sorted(task):
            found[kind] += 1
            if kind == "submission":
                submitted.append(at)
            elif kind == "feedback":
                found["before any submission"] += not submitted
                found["after several submissions"] += len(submitted) > 2
                if submitted:
                    delays.append((at - submitted[-1]).total_seconds() / 3600)
                submitted = []
        found["unanswered"] += bool(submitted)
    assert min(found.values()) > 5
    assert set(found) >= {"touch", "nobody's", "question", "unanswered", "before any submission"}
    assert 6 < statistics.median(delays) < 60
    hung = {
        row["realisation_tache_id"]
        for table in (
            "realisation_chapitres",
            "realisation_ua_prototypes",
            "realisation_ua_projets",
        )
        for row in state[table].values()
    }
    assert set(events) - hung, "tasks without UA"
    assert set(events) & hung, "tasks with UA"


# Parts


def test_the_calendar_knows_the_days_that_do_not_last_24_hours() -> None:
    assert Calendar(2025).clock_changes() == [date(2026, 2, 15), date(2026, 3, 22)]
    assert Calendar(2024).clock_changes() == [date(2025, 2, 23), date(2025, 4, 6)]


def test_local_times_become_instants() -> None:
    night = date(2026, 2, 15)
    assert local(night, 2, 30) == datetime(2026, 2, 15, 1, 30)
    assert local(night, 2, 30, again=True) == datetime(2026, 2, 15, 2, 30)
    assert local(night, 0) == datetime(2026, 2, 14, 23)
    assert local_day(datetime(2026, 2, 14, 22, 59, 59)) == date(2026, 2, 14)
    assert local_day(datetime(2026, 2, 14, 23)) == night
    assert local_day(datetime(2026, 2, 15, 23, 30)) == night, "UTC+0 from 03:00 on"


def test_a_line_reads_as_it_was_at_each_instant() -> None:
    first, second, third = (datetime(2026, 1, day) for day in (1, 2, 3))
    line = Line("filieres", 1, first, code="A", reference="R")
    line.change(second, code="B").end(third)
    codes = [row and row[1] for row in map(line.at, (datetime(2025, 12, 31), first, second, third))]
    assert codes == [None, "A", "B", None]


def test_a_line_cannot_be_changed_backwards() -> None:
    line = Line("filieres", 1, datetime(2026, 1, 2), code="A", reference="R")
    with pytest.raises(ValueError, match="filieres 1 can't change"):
        line.change(datetime(2026, 1, 1), code="B")


def test_a_line_has_no_columns_but_the_tables() -> None:
    with pytest.raises(KeyError, match="colour"):
        Line("filieres", 1, datetime(2026, 1, 2), colour="red")
