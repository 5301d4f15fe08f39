"""Each oddity that `demo_source.oddities` lists occurs, where it says."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from demo_source import School
from demo_source.clock import SCHOOL_ZONE, local, stored, zone
from demo_source.oddities import CASES, bulks, upkeep_nights
from demo_source.realisations import REALISATION_TABLES
from demo_source.schema import tables

from tests.demo_year import (
    DONE_UA,
    IN_PROJECT_UA,
    demo_school,
    groups,
    named_state,
    own_rows,
    rows,
    state_at,
    state_column,
    units,
)

# Oddities of the school


def test_odd_sessions() -> None:
    sessions = state_at(2026, 2, 1, 1, 30)["session_formations"]
    without_end = [s for s in sessions.values() if s["date_fin"] is None]
    assert [s["date_debut"] is None for s in without_end] == [False, True]
    assert {s["annee_formation_id"] for s in sessions.values()} == {1, 2}
    later = state_at(2026, 2, 20, 1, 30)["session_formations"]
    assert later[12]["date_fin"] - sessions[12]["date_fin"] == timedelta(days=4)


def test_a_session_may_end_on_a_friday_before_the_next_week() -> None:
    sessions = state_at(2026, 2, 1, 1, 30)["session_formations"]
    assert sessions[1]["date_debut"].weekday() == 0
    assert sessions[1]["date_fin"].weekday() == 4


def test_odd_groups_and_trainers() -> None:
    before, after = state_at(2026, 1, 10), state_at(2026, 2, 20, 1, 30)
    renamed = {k for k in before["groupes"] if before["groupes"][k] != after["groupes"][k]}
    assert renamed == {2, 7}
    assert [g["filiere_id"] for g in after["groupes"].values()].count(None) == 1
    assert rows(after, "groupes", annee_formation_id=1)
    pairs = Counter((r["groupe_id"], r["formateur_id"]) for r in after["formateur_groupe"].values())
    assert max(pairs.values()) == 2
    assert {p for p in pairs if p[0] == 1} != {
        (r["groupe_id"], r["formateur_id"]) for r in rows(before, "formateur_groupe", groupe_id=1)
    }
    assert [t["user_id"] for t in after["formateurs"].values()].count(None) == 1


def test_odd_targets() -> None:
    before, after = state_at(2026, 2, 1, 1, 30), state_at(2026, 2, 12, 1, 30)
    orphans = [
        {m["id"] for m in s["micro_competences"].values() if m["competence_id"] is None}
        for s in (before, after)
    ]
    assert [len(ids) for ids in orphans] == [1, 2]
    (lost,) = orphans[1] - orphans[0]
    assert rows(after, "realisation_micro_competences", micro_competence_id=lost)
    names = Counter((u["code"], u["nom"]) for u in after["unite_apprentissages"].values())
    assert max(names.values()) == 2
    assert any("<script>" in u["nom"] for u in after["unite_apprentissages"].values())
    assert any(row["bareme_cache"] == 0 for row in after["realisation_uas"].values())
    text = " ".join(str(u["nom"]) for u in after["unite_apprentissages"].values())
    assert re.search("[éè]", text)
    assert re.search("[\u0600-\u06ff]", text)
    people = " ".join(str(a["prenom"]) for a in after["apprenants"].values())
    assert "Éléonore" in people
    assert "Benoît" in people
    assert re.search("[\u0600-\u06ff]", people)
    assert any(f["nom"] == "Réseaux & sécurité" for f in after["filieres"].values())


def test_odd_plan() -> None:
    before, after = state_at(2026, 2, 1, 1, 30), state_at(2026, 2, 25, 1, 30)
    plan, uas = before["alignement_uas"].values(), before["unite_apprentissages"]
    sessions = before["session_formations"]
    planned: dict[object, list[object]] = {}
    for row in plan:
        planned.setdefault(row["unite_apprentissage_id"], []).append(row["session_formation_id"])
    assert sum(ua not in uas for ua in planned) == 10
    assert len([ua for ua in uas if ua not in planned]) >= 2
    assert any(found == [None] for found in planned.values())
    assert any(None in found and len(found) == 2 for found in planned.values())
    twice = [found for found in planned.values() if len(found) == 2 and None not in found]
    assert sorted(found[0] - found[1] for found in twice) == [-2, 0, 2]
    only = [found[0] for found in planned.values() if len(found) == 1 and found[0]]
    assert sum(sessions[key]["date_fin"] is None for key in only) == 2
    old, new = before["alignement_uas"], after["alignement_uas"]
    moved = [key for key in old if key in new and old[key] != new[key]]
    assert len(moved) == len(set(old) - set(new)) == len(set(new) - set(old)) == 1


def test_odd_projects() -> None:
    state = state_at(2026, 2, 1, 1, 30)
    assert len(rows(state, "projets", session_formation_id=None)) == 2
    given = {row["projet_id"] for row in state["affectation_projets"].values()}
    assert set(state["projets"]) - given
    assert rows(state, "affectation_projets", groupe_id=None)
    assert rows(state, "affectation_projets", date_fin=None)


# Oddities of single learners


@pytest.mark.parametrize(
    ("case", "table"),
    [("pair_twice", "apprenant_groupe"), ("team_pair_twice", "apprenant_sous_groupe")],
)
def test_pairs_there_twice(case: str, table: str) -> None:
    found = rows(state_at(2026, 2, 1, 1, 30), table, apprenant_id=CASES[case])
    assert len(found) >= 2
    assert None in [row["created_at"] for row in found]
    if case == "pair_twice":
        assert len({tuple(row.values()) for row in found}) == 2, "one is there as it is, twice"


def test_group_changed_at_local_midnight() -> None:
    old = groups(state_at(2026, 2, 8, 22, 59, 59), "changes_group_at_midnight")
    new = groups(state_at(2026, 2, 8, 23), "changes_group_at_midnight")
    assert len(old) == len(new) == 1
    assert old != new
    assert local(date(2026, 2, 9), 0) == datetime(2026, 2, 8, 23)


def test_memberships_of_single_learners() -> None:
    first, last = state_at(2025, 10, 15), state_at(2026, 3, 8, 1, 30)
    assert groups(first, "changes_group") != groups(last, "changes_group")
    old, new = groups(first, "changes_programme"), groups(last, "changes_programme")
    programmes = [first["groupes"][g[0]]["filiere_id"] for g in (old, new)]
    assert sorted(programmes) == [1, 2]
    modules = {
        row["module_id"] for row in own_rows(last, "realisation_modules", "changes_programme")
    }
    assert len({last["modules"][key]["filiere_id"] for key in modules}) == 2
    assert len(set(groups(last, "in_two_groups"))) == 2
    assert groups(first, "in_no_group") == groups(last, "in_no_group") == []
    assert units(last, "in_no_group")
    assert (len(groups(first, "leaves")), len(groups(last, "leaves"))) == (1, 0)


def test_a_learner_leaves_his_group_and_comes_back() -> None:
    case = "leaves_and_comes_back"
    stays = [groups(state_at(2026, 2, day, 1, 30), case) for day in (1, 10, 20)]
    assert stays[0] == stays[2]
    assert stays[1] == []


def test_presence() -> None:
    def actif(case: str, *parts: int) -> object:
        return state_at(*parts)["apprenants"][CASES[case]]["actif"]

    assert [actif("deactivated", 2026, 2, day, 1, 30) for day in (1, 12)] == [1, 0]
    back = [(2025, 12, 1), (2026, 2, 1, 1, 30), (2026, 2, 20, 1, 30)]
    assert [actif("deactivated_and_back", *at) for at in back] == [1, 0, 1]
    assert CASES["late"] not in state_at(2026, 1, 10)["apprenants"]
    assert CASES["late"] in state_at(2026, 2, 1, 1, 30)["apprenants"]
    assert state_at(2026, 2, 1, 1, 30)["apprenants"][CASES["without_user"]]["user_id"] is None


def test_a_module_is_deleted_with_all_under_it_and_made_again() -> None:
    learner = CASES["module_made_again"]

    def counts(*parts: int) -> list[int]:
        state = state_at(*parts)
        return [
            *(len(rows(state, table, apprenant_id=learner)) for table in REALISATION_TABLES[:3]),
            len(units(state, "module_made_again")),
        ]

    before, without, again = (counts(2026, 2, day, 1, 30) for day in (12, 13, 17))
    assert [old > new for old, new in zip(before, without, strict=True)] == [True] * 4
    assert before == again
    ids = [
        {u["id"] for u in units(state_at(2026, 2, d, 1, 30), "module_made_again")} for d in (12, 17)
    ]
    assert ids[1] - ids[0], "with other ids"


def test_a_module_is_deleted_for_good() -> None:
    before, after = (
        units(state_at(2026, 3, 3), "module_deleted"),
        units(state_at(2026, 3, 4), "module_deleted"),
    )
    assert len(after) < len(before)
    assert not {u["id"] for u in after} - {u["id"] for u in before}


def test_a_ua_row_is_deleted_and_another_made_again_within_a_minute() -> None:
    before, after = state_at(2026, 2, 5, 9, 59, 59), state_at(2026, 2, 6, 16)
    assert len(units(before, "ua_deleted")) == len(units(after, "ua_deleted")) + 1
    old, new = units(before, "ua_made_again"), units(after, "ua_made_again")
    assert {u["unite_apprentissage_id"] for u in old} == {u["unite_apprentissage_id"] for u in new}
    assert {u["id"] for u in old} != {u["id"] for u in new}
    gone = units(state_at(2026, 2, 5, 10, 0, 20), "ua_made_again")
    assert len(gone) == len(old) - 1


def test_rows_there_twice() -> None:
    state = state_at(2026, 2, 6, 1, 30)
    twice = Counter(row["unite_apprentissage_id"] for row in units(state, "ua_twice"))
    assert sorted(twice.values())[-2:] == [2, 2]
    modules = own_rows(state, "realisation_modules", "module_twice")
    assert max(Counter(row["module_id"] for row in modules).values()) == 2


def test_null_states_at_each_level() -> None:
    state = state_at(2026, 2, 1, 1, 30)
    assert rows(state, "realisation_uas", etat_realisation_ua_id=None)
    for table in REALISATION_TABLES[:3]:
        assert rows(state, table, **{state_column(table): None})


def test_values_that_should_not_be() -> None:
    state = state_at(2026, 2, 5, 1, 30)
    above = units(state, "mark_above_scale")
    assert any(u["note_cache"] and u["note_cache"] > u["bareme_cache"] > 0 for u in above)
    assert any(u["progression_cache"] > 100 for u in units(state, "progress_out_of_range"))
    micros = own_rows(state, "realisation_micro_competences", "progress_out_of_range")
    assert any(m["progression_cache"] < 0 for m in micros)
    assert any((u["note_cache"] or 0) < 0 for u in units(state, "negative_mark"))
    done = [u for u in units(state, "null_marks") if u["etat_realisation_ua_id"] == DONE_UA]
    assert [u["bareme_cache"] for u in done if u["note_cache"] is None].count(None) == 1
    assert sum(u["note_cache"] is None for u in done) >= 2


def test_a_ua_done_again_keeps_its_first_end() -> None:
    def row(day: int) -> dict[str, object]:
        return min(units(state_at(2026, 2, day, 1, 30), "reopened"), key=lambda u: u["id"])

    before, opened, again = row(1), row(6), row(13)
    states = [r["etat_realisation_ua_id"] for r in (before, opened, again)]
    assert states == [DONE_UA, IN_PROJECT_UA, DONE_UA]
    assert before["date_fin"] == opened["date_fin"] == again["date_fin"] < datetime(2026, 1, 1)
    assert again["dernier_update"] == datetime(2026, 2, 11, 15, 30)


def test_dates_that_should_not_be() -> None:
    state = state_at(2026, 2, 1, 1, 30)
    wrong = units(state, "end_before_start")
    assert any(u["date_fin"] and u["date_fin"] < u["date_debut"] for u in wrong)
    assert any(u["date_debut"] is None for u in units(state, "without_dates"))
    assert any(u["created_at"] is u["updated_at"] is None for u in units(state, "without_dates"))


@pytest.mark.parametrize(
    ("at", "local_time"),
    [
        (datetime(2026, 2, 9, 22, 59, 59), "23:59:59"),
        (datetime(2026, 2, 9, 23, 0, 0), "00:00:00"),
        (datetime(2026, 2, 10, 23, 40, 0), "00:40:00"),
        (datetime(2026, 2, 12, 0, 29, 59), "01:29:59"),
    ],
)
def test_activity_at_the_edges_of_days(at: datetime, local_time: str) -> None:
    assert str(stored(at, zone(SCHOOL_ZONE)).time()) == local_time
    own = units(demo_school().state_at(at.replace(tzinfo=UTC)), "edges_of_days")
    assert at in [unit["dernier_update"] for unit in own]


def test_activity_in_the_nights_in_which_the_clock_changes() -> None:
    for at in (
        (2026, 2, 15, 1, 15),  # 02:15 for the first time
        (2026, 2, 15, 1, 59, 59),
        (2026, 2, 15, 2, 15),  # 02:15 again
        (2026, 3, 22, 1, 59, 59),
        (2026, 3, 22, 2, 0, 0),  # 03:00, a second after 01:59:59
    ):
        moved = [
            u for u in units(state_at(*at), "clock_changes") if u["dernier_update"] == datetime(*at)
        ]
        assert moved, at


def test_feedback_in_the_second_of_the_submission() -> None:
    state = state_at(2026, 2, 10)
    own = {
        row["id"]
        for row in state["realisation_taches"].values()
        if state["realisation_projets"][row["realisation_projet_id"]]["apprenant_id"]
        == CASES["feedback_in_same_second"]
    }
    history = [
        r
        for r in state["historique_realisation_taches"].values()
        if r["realisation_tache_id"] in own
    ]
    kinds: dict[object, set[object]] = {}
    for row in history:
        key = (row["realisation_tache_id"], row["dateModification"])
        kinds.setdefault(key, set()).add(row["isFeedback"])
    assert {0, 1} in kinds.values()


def test_a_task_is_touched_and_not_handed_in() -> None:
    """Two days later a trainer comments."""
    state, touched = state_at(2026, 2, 20), datetime(2026, 2, 10, 10)
    (row,) = rows(state, "historique_realisation_taches", dateModification=touched)
    task = state["realisation_taches"][row["realisation_tache_id"]]
    project = state["realisation_projets"][task["realisation_projet_id"]]
    assert project["apprenant_id"] == CASES["touched_not_handed_in"]
    assert named_state(state, task, str(row["changement"])) is None
    comments = rows(state, "commentaire_realisation_taches", realisation_tache_id=task["id"])
    assert touched + timedelta(days=2) in [comment["dateCommentaire"] for comment in comments]


# Oddities of all


def test_bulks_change_rows_and_move_no_timestamp() -> None:
    school = demo_school()
    for bulk in bulks(school.calendar):
        at = bulk.at.replace(tzinfo=UTC)
        changes = school.changes(at - timedelta(seconds=1), at)
        old = school.state_at(at - timedelta(seconds=1))
        updated = changes["realisation_uas"].updated
        place = tables()["realisation_uas"].place
        silent = [
            key
            for key, row in updated.items()
            if row[place["updated_at"]] == old["realisation_uas"][key]["updated_at"]
            and row[place["dernier_update"]] == old["realisation_uas"][key]["dernier_update"]
        ]
        assert silent, bulk


def test_upkeep_moves_the_stamps_of_every_row_and_nothing_else() -> None:
    school = demo_school()
    for night in upkeep_nights(school.calendar):
        at = night.replace(tzinfo=UTC)
        before, after = school.state_at(at - timedelta(seconds=1)), school.state_at(at)
        for table in REALISATION_TABLES:
            assert before[table].keys() == after[table].keys()
            stamped = [key for key, row in after[table].items() if row["updated_at"] is not None]
            assert len(stamped) >= len(after[table]) - 1
            for key in stamped:
                stamps = {"updated_at": night, "dernier_update": night}
                assert after[table][key] == before[table][key] | stamps


def test_without_oddities_nothing_is_there_twice() -> None:
    state = School(learners=40, oddities=False).state_at(datetime(2026, 6, 28, tzinfo=UTC))
    pairs = Counter(
        (row["realisation_micro_competence_id"], row["unite_apprentissage_id"])
        for row in state["realisation_uas"].values()
    )
    assert set(pairs.values()) == {1}
    learners = [row["apprenant_id"] for row in state["apprenant_groupe"].values()]
    assert len(learners) == len(set(learners))
