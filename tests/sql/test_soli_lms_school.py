"""A made-up school read by the adapter soli_lms: its submissions, and a night that recomputes all its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from demo_source import DemoSource, School
from demo_source.oddities import CASES
from demo_source.realisations import REALISATION_TABLES
from demo_source.school import State
from kpi.core import catalog
from kpi.core.connections import SOURCE, session
from kpi.core.errors import KpiError
from kpi.core.settings import Settings
from kpi.upkeep import preflight
from mysql_server import PrivateServer

from tests.conftest import FIRST_DAY, LAST_DAY
from tests.demo_year import HANDED_IN, JUDGED, named_state
from tests.golden.reading import figures, history
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

LEARNERS = 40
DAY = date(2026, 2, 18)
NIGHT, RECOMPUTED = datetime(2026, 2, 19, 1, 30), datetime(2026, 2, 19, 22, 0)


@pytest.fixture(scope="module")
def school(server: PrivateServer, new_warehouse: Callable[..., Warehouse]) -> Iterator[Warehouse]:
    """A school of 40 learners after the night of DAY; `new_warehouse` restores Airflow's connections."""
    settings = Settings(source_adapter="soli_lms", lock_wait_seconds=20)
    made = Warehouse(server.root_uri, "t_recomputed_school", settings).create()
    source = DemoSource(server.root_uri, made.source_name, School(learners=LEARNERS))
    source.create(NIGHT.replace(tzinfo=UTC))
    made.bootstrap(FIRST_DAY, LAST_DAY).night(DAY, NIGHT)
    yield made
    made.close()


def answered(state: State) -> set[tuple[Any, ...]]:
    """Answered submissions by plain Python: id, learner, when handed in, when answered, by which trainer."""
    trainers = {row["user_id"]: row["id"] for row in state["formateurs"].values() if row["user_id"]}
    events: dict[Any, list[tuple[Any, ...]]] = {}
    for row in state["historique_realisation_taches"].values():
        task = state["realisation_taches"][row["realisation_tache_id"]]
        learner = state["apprenants"].get(
            state["realisation_projets"][task["realisation_projet_id"]]["apprenant_id"], {}
        )
        code = named_state(state, task, row["changement"])
        hands_in = code in HANDED_IN
        event = (row["dateModification"], 0, row["id"])
        if hands_in and row["user_id"] and row["user_id"] == learner.get("user_id"):
            events.setdefault(task["id"], []).append((event[0], 1, *event[1:], learner["id"]))
        judged = code in JUDGED
        if row["user_id"] in trainers and (row["isFeedback"] or judged):
            who = trainers[row["user_id"]]
            events.setdefault(task["id"], []).append((event[0], 0, *event[1:], who))
    for row in state["commentaire_realisation_taches"].values():
        if row["formateur_id"]:
            event = (row["dateCommentaire"], 0, 1, row["id"], row["formateur_id"])
            events.setdefault(row["realisation_tache_id"], []).append(event)
    return {
        (first[3], first[4], first[0], then[0], then[4])
        for of_task in events.values()
        for first, then in pairwise(sorted(of_task))
        if first[1] == 1 and then[1] == 0
    }


def test_submissions_are_those_that_plain_python_finds(school: Warehouse) -> None:
    stored = set(
        school.rows(
            "SELECT submission_id, learner_id, submitted_at, feedback_at, trainer_id FROM kpi_src_feedback"
        )
    )
    expected = answered(School(learners=LEARNERS).state_at(NIGHT.replace(tzinfo=UTC)))
    assert len(expected) > 100
    assert stored == expected


def test_a_task_that_is_touched_is_not_handed_in(school: Warehouse) -> None:
    """He saves it on 10 February at 11:00, and a trainer comments two days later."""
    learner, touched = CASES["touched_not_handed_in"], datetime(2026, 2, 10, 10)
    assert school.source(
        "SELECT COUNT(*) FROM historique_realisation_taches AS history "
        "INNER JOIN apprenants ON apprenants.user_id = history.user_id "
        "WHERE apprenants.id = %s AND history.dateModification = %s",
        [learner, touched],
    ) == [(1,)]
    assert school.rows(
        "SELECT COUNT(*) FROM kpi_src_feedback WHERE learner_id = %s AND submitted_at = %s",
        [learner, touched],
    ) == [(0,)]


def recompute(school: Warehouse) -> None:
    for table in REALISATION_TABLES:
        school.source(
            f"UPDATE {table} SET dernier_update = %s, updated_at = %s", [RECOMPUTED, RECOMPUTED]
        )


def inactivity(school: Warehouse, day: date) -> list[tuple[Any, ...]]:
    return [row for row in figures(school, day)["kpi_value"] if row[4] == "INACTIVITE_7J"]


def test_inactivity_stays_what_it_was_and_no_row_has_a_new_version(school: Warehouse) -> None:
    """On the road of the night, and on that of learners captured alone."""
    next_day = DAY + timedelta(days=1)
    school.facts(next_day)  # by the history as it is: what is true when nothing happens
    before, kept = inactivity(school, next_day), history(school)
    assert sum(row[6] for row in before) > 100, "somebody is inactive"

    recompute(school)
    learners = [learner for (learner,) in school.source("SELECT id FROM apprenants")]
    alone = school.capture_learners(learners, RECOMPUTED + timedelta(minutes=5))
    assert {found.relation: found.updated for found in alone}["realisation"] == 0
    assert history(school) == kept

    found = school.capture(next_day, RECOMPUTED + timedelta(hours=3, minutes=30))
    assert found is not None
    assert {one.relation: one.updated for one in found}["realisation"] == 0
    assert history(school) == kept
    school.facts(next_day)
    assert inactivity(school, next_day) == before


def test_one_who_works_is_active_all_the_same(school: Warehouse) -> None:
    """The day after that night a learner gets on with a micro-competence."""
    at = RECOMPUTED + timedelta(days=1)
    ((row, micro, learner),) = school.rows(
        "SELECT last_activity_at, ref_id, learner_id FROM kpi_src_realisation "
        "WHERE domain = 'MICRO_COMPETENCE' AND valid_to = '9999-12-31' AND started_at IS NOT NULL "
        "AND is_final = 0 AND last_activity_at < '2026-02-10' LIMIT 1"
    )
    assert row < NIGHT - timedelta(days=7)
    school.source(
        "UPDATE realisation_micro_competences SET progression_cache = progression_cache + 0.5, "
        "dernier_update = %s, updated_at = %s WHERE micro_competence_id = %s AND apprenant_id = %s",
        [at, at, micro, learner],
    )
    school.capture(DAY + timedelta(days=2), at + timedelta(hours=3, minutes=30))
    assert school.rows(
        "SELECT last_activity_at FROM kpi_src_realisation WHERE domain = 'MICRO_COMPETENCE' "
        "AND valid_to = '9999-12-31' AND ref_id = %s AND learner_id = %s",
        [micro, learner],
    ) == [(at,)]


# -- what the LMS's tables may have become


def check_source(school: Warehouse) -> None:
    adapter = catalog.relations(school.settings.sql_dir, school.settings.source_adapter)
    with session(SOURCE) as source:
        preflight.require_source(source, adapter)
        preflight.require_deleted_rows_left_out(source, adapter, school.settings)


def test_a_column_of_another_type_is_named(school: Warehouse) -> None:
    school.use()
    check_source(school)
    school.source("ALTER TABLE realisation_uas MODIFY dernier_update timestamp NULL")
    try:
        with pytest.raises(KpiError) as refused:
            check_source(school)
    finally:
        school.source("ALTER TABLE realisation_uas MODIFY dernier_update datetime NULL")
    assert (
        f"The source column '{school.source_name}.realisation_uas.dernier_update' is a timestamp, and "
        "realisation.sql of adapter 'soli_lms' was written for a datetime; adapt "
    ) in str(refused.value)


def test_deleted_rows_are_left_out_of_a_capture(school: Warehouse) -> None:
    """Also where the LMS has marked deleted rows only since an update of its own."""
    school.use()
    school.source("ALTER TABLE realisation_modules ADD COLUMN deleted_at timestamp NULL")
    check_source(school)
    ((row, module, learner),) = school.source(
        "SELECT id, module_id, apprenant_id FROM realisation_modules WHERE apprenant_id = 1 LIMIT 1"
    )
    school.source("UPDATE realisation_modules SET deleted_at = NOW() WHERE id = %s", [row])
    school.capture(DAY + timedelta(days=3), NIGHT + timedelta(days=3))
    open_versions = school.rows(
        "SELECT COUNT(*) FROM kpi_src_realisation WHERE domain = 'MODULE' AND ref_id = %s "
        "AND learner_id = %s AND valid_to = '9999-12-31'",
        [module, learner],
    )
    assert open_versions == [(0,)]


def test_an_adapter_that_would_count_deleted_rows_is_refused(warehouse: Warehouse) -> None:
    warehouse.source("ALTER TABLE plan ADD COLUMN deleted_at timestamp NULL")
    try:
        with pytest.raises(
            KpiError, match=r"'.*\.plan' marks deleted rows .* as {{ live\('plan'\) }}"
        ):
            check_source(warehouse)
    finally:
        warehouse.source("ALTER TABLE plan DROP COLUMN deleted_at")
