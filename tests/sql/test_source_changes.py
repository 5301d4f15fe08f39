"""The LMS's triggers of the adapter soli_lms: what they put on the list of changes, and that the LMS feels nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import source_changes
from kpi.core import catalog
from kpi.core.connections import ETL, session
from kpi.core.settings import Settings
from kpi.incremental import changes
from mysql_accounts import DatabaseError, connect, connect_as

from tests.sql.test_soli_lms import Lms
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

LMS, ACCOUNT, LOGIN = "t_source_changes_lms", "t_source_changes_note", "t_source_changes_app"
Note = tuple[str, int, int]

# Learners 12 and 13 in group 7 of trainer 3; 12 in sub-group 70, at work on module 2 down to UA 31, with task 500.
SCHOOL: dict[str, list[dict[str, Any]]] = {
    "filieres": [{"id": 1}],
    "annee_formations": [{"id": 1}],
    "apprenants": [{"id": 12, "user_id": 112}, {"id": 13, "user_id": 113}],
    "formateurs": [{"id": 3}, {"id": 4}],
    "groupes": [{"id": 7}, {"id": 8}],
    "sous_groupes": [{"id": 70, "groupe_id": 7}],
    "apprenant_groupe": [
        {"groupe_id": 7, "apprenant_id": 12},
        {"groupe_id": 7, "apprenant_id": 13},
    ],
    "apprenant_sous_groupe": [{"sous_groupe_id": 70, "apprenant_id": 12}],
    "formateur_groupe": [{"groupe_id": 7, "formateur_id": 3}],
    "modules": [{"id": 2, "filiere_id": 1}],
    "competences": [{"id": 20, "module_id": 2}],
    "micro_competences": [{"id": 200, "competence_id": 20}],
    "unite_apprentissages": [
        {"id": 31, "micro_competence_id": 200},
        {"id": 32, "micro_competence_id": 200},
    ],
    "realisation_modules": [{"id": 1, "apprenant_id": 12, "module_id": 2}],
    "realisation_competences": [
        {"id": 1, "apprenant_id": 12, "realisation_module_id": 1, "competence_id": 20}
    ],
    "realisation_micro_competences": [
        {"id": 1, "apprenant_id": 12, "realisation_competence_id": 1, "micro_competence_id": 200},
        {"id": 2, "apprenant_id": 13, "realisation_competence_id": 1, "micro_competence_id": 200},
    ],
    "realisation_uas": [
        {"id": 1, "realisation_micro_competence_id": 1, "unite_apprentissage_id": 31}
    ],
    "projets": [{"id": 1, "formateur_id": 3, "filiere_id": 1}],
    "taches": [{"id": 1, "projet_id": 1}],
    "affectation_projets": [{"id": 1, "projet_id": 1}],
    "realisation_projets": [{"id": 1, "apprenant_id": 12, "affectation_projet_id": 1}],
    "workflow_taches": [{"id": 1}],
    "etat_realisation_taches": [{"id": 1, "workflow_tache_id": 1}],
    "realisation_taches": [
        {"id": 500, "tache_id": 1, "realisation_projet_id": 1, "etat_realisation_tache_id": 1}
    ],
}
PROGRESS = "progression_cache = 40"
BOTH = [("MEMBERSHIP", 7, 12), ("MEMBERSHIP", 7, 13)]

CASES: list[tuple[str, list[Note]]] = [
    (
        "INSERT INTO realisation_modules (apprenant_id, module_id) VALUES (13, 2)",
        [("MODULE", 2, 13)],
    ),
    (f"UPDATE realisation_modules SET {PROGRESS}", [("MODULE", 2, 12)]),
    ("UPDATE realisation_modules SET apprenant_id = 13", [("MODULE", 2, 12), ("MODULE", 2, 13)]),
    ("DELETE FROM realisation_modules", [("MODULE", 2, 12)]),
    (
        "INSERT INTO realisation_competences (apprenant_id, realisation_module_id, competence_id) VALUES (13, 1, 20)",
        [("COMPETENCE", 20, 13)],
    ),
    (f"UPDATE realisation_competences SET {PROGRESS}", [("COMPETENCE", 20, 12)]),
    ("DELETE FROM realisation_competences", [("COMPETENCE", 20, 12)]),
    (
        "INSERT INTO realisation_micro_competences (apprenant_id, realisation_competence_id, micro_competence_id)"
        " VALUES (13, 1, 200)",
        [("MICRO_COMPETENCE", 200, 13)],
    ),
    (
        f"UPDATE realisation_micro_competences SET {PROGRESS} WHERE apprenant_id = 12",
        [("MICRO_COMPETENCE", 200, 12)],
    ),
    (
        # His UA goes with it.
        "DELETE FROM realisation_micro_competences WHERE apprenant_id = 12",
        [("MICRO_COMPETENCE", 200, 12)],
    ),
    (
        "INSERT INTO realisation_uas (realisation_micro_competence_id, unite_apprentissage_id) VALUES (2, 31)",
        [("UA", 31, 13)],
    ),
    (f"UPDATE realisation_uas SET {PROGRESS}", [("UA", 31, 12)]),
    (
        "UPDATE realisation_uas SET realisation_micro_competence_id = 2, unite_apprentissage_id = 32",
        [("UA", 31, 12), ("UA", 32, 13)],
    ),
    ("DELETE FROM realisation_uas", [("UA", 31, 12)]),
    (
        "INSERT INTO apprenants (id, nom, prenom, reference) VALUES (14, 'Alami', 'Zoé', 'new')",
        [("LEARNER", 14, 14)],
    ),
    ("UPDATE apprenants SET actif = 0 WHERE id = 12", [("LEARNER", 12, 12)]),
    # His groups and realisations go with him.
    ("DELETE FROM apprenants WHERE id = 12", [("LEARNER", 12, 12)]),
    (
        "INSERT INTO apprenant_groupe (groupe_id, apprenant_id) VALUES (8, 12)",
        [("MEMBERSHIP", 8, 12)],
    ),
    ("UPDATE apprenant_groupe SET created_at = NOW() WHERE apprenant_id = 12", BOTH[:1]),
    (
        "UPDATE apprenant_groupe SET groupe_id = 8, apprenant_id = 12 WHERE apprenant_id = 13",
        [("MEMBERSHIP", 7, 13), ("MEMBERSHIP", 8, 12)],
    ),
    ("DELETE FROM apprenant_groupe", BOTH),
    (
        "INSERT INTO apprenant_sous_groupe (sous_groupe_id, apprenant_id) VALUES (70, 13)",
        [("MEMBERSHIP", 70, 13)],
    ),
    (
        "UPDATE apprenant_sous_groupe SET apprenant_id = 13",
        [("MEMBERSHIP", 70, 12), ("MEMBERSHIP", 70, 13)],
    ),
    ("DELETE FROM apprenant_sous_groupe", [("MEMBERSHIP", 70, 12)]),
    # A trainer is a scope of all his groups' learners.
    ("INSERT INTO formateur_groupe (groupe_id, formateur_id) VALUES (7, 4)", BOTH),
    ("UPDATE formateur_groupe SET formateur_id = 4", BOTH),
    ("UPDATE formateur_groupe SET groupe_id = 8", BOTH),
    ("DELETE FROM formateur_groupe", BOTH),
    # The pivots' rows go with these, and no trigger of theirs sees it.
    ("DELETE FROM groupes WHERE id = 7", BOTH),
    ("DELETE FROM sous_groupes WHERE id = 70", [("MEMBERSHIP", 70, 12)]),
    ("DELETE FROM formateurs WHERE id = 3", BOTH),
    (
        "INSERT INTO historique_realisation_taches (realisation_tache_id, dateModification, changement)"
        " VALUES (500, NOW(), '')",
        [("FEEDBACK", 500, 12)],
    ),
    (
        "INSERT INTO commentaire_realisation_taches (realisation_tache_id, dateCommentaire) VALUES (500, NOW())",
        [("FEEDBACK", 500, 12)],
    ),
]
# What keeps a parent from being deleted; no part of what is noted.
CHILDREN_WITHOUT_CASCADE = {
    "groupes": ("sous_groupes", "affectation_projets"),
    "sous_groupes": ("affectation_projets",),
    "formateurs": ("projets",),
}


@pytest.fixture(scope="module")
def kpi(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    return new_warehouse("source_changes")


@pytest.fixture(scope="module")
def watched(kpi: Warehouse) -> Iterator[Lms]:
    """An LMS with the triggers installed, on the server of the KPI database."""
    with connect(kpi.root_uri) as root, root.cursor() as cursor:
        made = Lms(cursor, LMS).create_all_tables()
        for statement in (
            f"DROP USER IF EXISTS '{LOGIN}'@'%'",
            f"CREATE USER '{LOGIN}'@'%' IDENTIFIED BY 'Test-account-1'",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{LMS}`.* TO '{LOGIN}'@'%'",
        ):
            cursor.execute(statement)
        script(kpi, "install")
        yield made
        script(kpi, "remove")
        cursor.execute(f"DROP DATABASE {LMS}")
        cursor.execute(f"DROP USER '{LOGIN}'@'%'")


@pytest.fixture
def school(kpi: Warehouse, watched: Lms) -> Warehouse:
    """The school as it is at first, nothing on the list; the KPI database."""
    kpi.use()
    watched.cursor.execute("SET SESSION foreign_key_checks = 0")
    watched.load(SCHOOL)
    kpi.execute("DELETE FROM kpi_change")
    return kpi


@contextmanager
def lms_session(kpi: Warehouse) -> Iterator[Any]:
    """The LMS's own account, which has no right on the KPI database; waits for no lock longer than a second."""
    app = kpi.connections["kpi_source"] | {
        "login": LOGIN,
        "password": "Test-account-1",
        "schema": LMS,
    }
    with connect_as(app) as opened:
        with opened.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1")
        yield opened


def script(kpi: Warehouse, action: str) -> list[Any]:
    return source_changes.run(action, kpi.root_uri, kpi.name, LMS, ACCOUNT)


def in_lms(kpi: Warehouse, *statements: str) -> None:
    """Run what the LMS would, in one transaction."""
    with lms_session(kpi) as lms:
        lms.start_transaction()
        execute(lms, *statements)
        lms.commit()


def execute(connection: Any, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def noted(kpi: Warehouse) -> Sequence[tuple[Any, ...]]:
    return kpi.rows("SELECT domain, ref_id, learner_id FROM kpi_change ORDER BY 1, 2, 3")


@pytest.mark.parametrize(("statement", "notes"), CASES, ids=[case[0][:70] for case in CASES])
def test_a_change_notes_its_learners(
    school: Warehouse, watched: Lms, statement: str, notes: list[Note]
) -> None:
    make_room(watched, statement)
    school.execute("DELETE FROM kpi_change")
    in_lms(school, statement)
    assert noted(school) == sorted(notes)


def make_room(watched: Lms, statement: str) -> None:
    """Delete what would keep the LMS from doing it."""
    verb, table = event_of(statement)
    for child in CHILDREN_WITHOUT_CASCADE.get(table, ()) if verb == "DELETE" else ():
        watched.cursor.execute(f"DELETE FROM {LMS}.{child} WHERE TRUE")


def event_of(statement: str) -> tuple[str, str]:
    verb, table = re.match(r"(INSERT|UPDATE|DELETE)(?: INTO| FROM)? (\w+)", statement).groups()
    return verb, table


def test_each_trigger_has_a_case(school: Warehouse) -> None:
    expected = {(event, table) for table, event, *_ in script(school, "status")}
    assert {event_of(statement) for statement, _ in CASES} == expected


# Keys that lead to a learner, changed last: then nobody's is the row.
TO_LEARNER = ("groupe_id", "realisation_micro_competence_id")
ADAPTER = catalog.relations(Settings().sql_dir, "soli_lms")
UPDATED = sorted({event_of(statement)[1] for statement, _ in CASES if statement[:6] == "UPDATE"})


@pytest.mark.parametrize("table", UPDATED)
def test_an_update_is_noted_when_a_figure_rests_on_it(
    school: Warehouse, watched: Lms, table: str
) -> None:
    """Each column by itself: those that the adapter reads are noted, hints and what every save changes are not."""
    read = {name for header, _ in ADAPTER.values() for name in header.reads.get(table, ())}
    stamps = {"created_at", "updated_at", "dernier_update"}
    stamps = stamps if table.startswith("realisation_") else set()
    types = {
        key.partition(".")[2]: kind
        for key, kind in watched.types().items()
        if key.startswith(f"{table}.")
    }
    for column in sorted(types.keys() - {"id"}, key=lambda name: (name in TO_LEARNER, name)):
        school.execute("DELETE FROM kpi_change")
        value = "'2026-02-13 10:00:00'" if types[column].startswith(("date", "time")) else "9"
        change = f"UPDATE {table} SET {column} = {value} LIMIT 1"
        in_lms(school, "SET foreign_key_checks = 0", change)
        assert bool(noted(school)) == (column in read - stamps), column


def test_a_save_that_changes_nothing_notes_nothing(school: Warehouse) -> None:
    for table in UPDATED:
        in_lms(school, f"UPDATE {table} SET updated_at = NOW() - INTERVAL 1 DAY")
        if table.startswith("realisation_"):
            in_lms(school, f"UPDATE {table} SET dernier_update = NOW()")
    assert noted(school) == []


def test_what_is_rolled_back_is_not_noted(school: Warehouse) -> None:
    with lms_session(school) as lms:
        lms.start_transaction()
        execute(lms, f"UPDATE realisation_uas SET {PROGRESS}")
        assert noted(school) == [], "nor before it is committed"
        lms.rollback()
    assert noted(school) == []


# -- the LMS never feels it


def refuse_the_right(kpi: Warehouse) -> None:
    kpi.execute(f"REVOKE INSERT ON kpi_change FROM '{ACCOUNT}'@'localhost'")


def allow_again(kpi: Warehouse) -> None:
    kpi.execute(
        f"GRANT INSERT (domain, ref_id, learner_id) ON `{kpi.name}`.kpi_change TO '{ACCOUNT}'@'localhost'"
    )


def rename(kpi: Warehouse) -> None:
    kpi.execute("RENAME TABLE kpi_change TO kpi_change_gone")


def rename_back(kpi: Warehouse) -> None:
    kpi.execute("RENAME TABLE kpi_change_gone TO kpi_change")


def other_columns(kpi: Warehouse) -> None:
    kpi.execute("ALTER TABLE kpi_change RENAME COLUMN learner_id TO who")


def columns_back(kpi: Warehouse) -> None:
    kpi.execute("ALTER TABLE kpi_change RENAME COLUMN who TO learner_id")


TROUBLES: dict[str, tuple[Callable[[Warehouse], None], Callable[[Warehouse], None]]] = {
    "the table is gone": (rename, rename_back),
    "the table is another": (other_columns, columns_back),
    "the right is revoked": (refuse_the_right, allow_again),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_trouble_of_the_list_reaches_the_lms(
    school: Warehouse, watched: Lms, trouble: str
) -> None:
    begin, end = TROUBLES[trouble]
    begin(school)
    try:
        changed_all_over(school, watched)
    finally:
        end(school)
    assert noted(school) == []


def test_the_kpi_database_may_be_dropped(school: Warehouse, watched: Lms) -> None:
    """The triggers then name one that does not exist."""
    elsewhere = Warehouse(school.root_uri, "t_source_changes_gone", school.settings)
    source_changes.run("remove", school.root_uri, school.name, LMS, ACCOUNT)
    with connect(school.root_uri) as root:
        execute(
            root,
            f"CREATE DATABASE {elsewhere.name}",
            f"CREATE TABLE {elsewhere.name}.kpi_change LIKE {school.name}.kpi_change",
        )
        source_changes.run("install", school.root_uri, elsewhere.name, LMS, ACCOUNT)
        execute(root, f"DROP DATABASE {elsewhere.name}")
    try:
        changed_all_over(school, watched)
    finally:
        script(school, "remove")
        script(school, "install")


def changed_all_over(kpi: Warehouse, watched: Lms) -> None:
    """Do every case, one after the other, and see that the LMS's rows are what it wrote."""
    for statement, _ in CASES:
        watched.load(SCHOOL)
        make_room(watched, statement)
        table = event_of(statement)[1]
        before = rows_of(watched, table)
        in_lms(kpi, statement)
        assert rows_of(watched, table) != before, statement


def rows_of(watched: Lms, table: str) -> list[Any]:
    watched.cursor.execute(f"SELECT * FROM {LMS}.{table}")
    return list(watched.cursor.fetchall())


def test_a_row_of_nobody_is_written_and_not_noted(school: Warehouse) -> None:
    """Of a UA without its micro-competence, a comment without its task, nobody knows the learner."""
    in_lms(
        school,
        "SET foreign_key_checks = 0",
        "INSERT INTO realisation_uas (id, realisation_micro_competence_id, unite_apprentissage_id) VALUES (9, 99, 31)",
        f"UPDATE realisation_uas SET {PROGRESS} WHERE id = 9",
        "DELETE FROM realisation_uas WHERE id = 9",
        "INSERT INTO commentaire_realisation_taches (realisation_tache_id, dateCommentaire) VALUES (99, NOW())",
        "INSERT INTO formateur_groupe (groupe_id, formateur_id) VALUES (8, 3)",
    )
    assert noted(school) == []


# -- who waits for whom: nobody


def test_an_open_lms_transaction_and_a_refresh_do_not_wait_for_each_other(
    school: Warehouse,
) -> None:
    """Waits are over after a second here, and are errors then."""
    in_lms(school, "UPDATE apprenants SET actif = 0 WHERE id = 13")
    with lms_session(school) as lms, lms_session(school) as other, session(ETL) as etl:
        etl.run("SET SESSION innodb_lock_wait_timeout = 1")
        lms.start_transaction()
        execute(lms, f"UPDATE realisation_uas SET {PROGRESS}")
        batch = changes.claim(etl, "a run", 100)
        assert batch is not None
        assert batch.learners == (13,)
        with etl.transaction():
            changes.finish(etl, batch)
            # The refresh has not committed yet.
            execute(lms, "UPDATE realisation_modules SET note_cache = 10")
            other.start_transaction()
            execute(other, "UPDATE apprenants SET actif = 0 WHERE id = 12")
            other.commit()
        lms.commit()
        second = changes.claim(etl, "a run", 100)
        assert second is not None
        assert (len(second.ids), second.learners) == (3, (12,))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "DELETE FROM apprenant_groupe WHERE apprenant_id = 13",
            "INSERT INTO formateur_groupe (groupe_id, formateur_id) VALUES (7, 4)",
        ),
        (
            "UPDATE realisation_micro_competences SET note_cache = 1",
            f"UPDATE realisation_uas SET {PROGRESS}",
        ),
        (
            "UPDATE realisation_projets SET date_fin = NOW()",
            "INSERT INTO commentaire_realisation_taches (realisation_tache_id, dateCommentaire) VALUES (500, NOW())",
        ),
    ],
    ids=["a group's members", "a UA's learner", "a task's learner"],
)
def test_a_trigger_waits_for_no_row_that_it_reads(
    school: Warehouse, first: str, second: str
) -> None:
    """What one transaction of the LMS has changed does not hold up another that did not wait for it before."""
    with lms_session(school) as one:
        one.start_transaction()
        execute(one, first)
        in_lms(school, second)
        one.rollback()
    assert noted(school)


# -- installing


def test_install_again_changes_nothing_but_the_triggers_age(school: Warehouse) -> None:
    script(school, "install")
    in_lms(school, f"UPDATE realisation_modules SET {PROGRESS}")
    assert noted(school) == [("MODULE", 2, 12)]
    assert states(school) == {"installed"}


def test_status_tells_missing_triggers_and_a_missing_account(school: Warehouse) -> None:
    try:
        school.execute(f"DROP TRIGGER {LMS}.kpi_change_apprenants_insert")
        missing = [row[:2] for row in script(school, "status") if row[2] == "missing"]
        assert missing == [("apprenants", "INSERT")]
        school.execute(f"DROP USER '{ACCOUNT}'@'localhost'")
        assert states(school) == {"missing", "WITHOUT ITS ACCOUNT"}
        with pytest.raises(DatabaseError, match="definer"):
            in_lms(school, f"UPDATE realisation_modules SET {PROGRESS}")
    finally:
        script(school, "install")
    assert states(school) == {"installed"}


def test_remove_leaves_nothing(school: Warehouse) -> None:
    in_lms(school, f"UPDATE realisation_modules SET {PROGRESS}")
    script(school, "remove")
    try:
        left = school.rows(
            "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s", [LMS]
        )
        assert left == []
        assert school.rows("SELECT 1 FROM mysql.user WHERE user = %s", [ACCOUNT]) == []
        assert states(school) == {"missing"}
        assert noted(school) == [("MODULE", 2, 12)], "what is on the list stays"
        script(school, "remove")
    finally:
        script(school, "install")


def states(kpi: Warehouse) -> set[str]:
    return {state for _, _, state, _ in script(kpi, "status")}


def test_nobody_has_a_right_that_he_does_not_need(school: Warehouse) -> None:
    """The LMS's account none on the KPI database, the triggers' account only to put rows on the list."""
    with pytest.raises(DatabaseError, match="denied"), lms_session(school) as lms:
        execute(lms, f"SELECT * FROM {school.name}.kpi_change")
    # Not another one whose name differs where this has a `_`.
    escaped = LMS.replace("_", r"\_")
    rights = {right for (right,) in school.rows(f"SHOW GRANTS FOR '{ACCOUNT}'@'localhost'")}
    assert rights == {
        f"GRANT USAGE ON *.* TO `{ACCOUNT}`@`localhost`",
        f"GRANT SELECT, TRIGGER ON `{escaped}`.* TO `{ACCOUNT}`@`localhost`",
        f"GRANT INSERT (`domain`, `learner_id`, `ref_id`) ON `{school.name}`.`kpi_change` TO `{ACCOUNT}`@`localhost`",
    }
