"""Adapters that are wrong: each has one thing spoilt, and is refused in a sentence before a row is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kpi.core import catalog
from kpi.core.connections import SOURCE, session
from kpi.core.errors import KpiError
from kpi.core.settings import PROJECT
from kpi.history import adapter
from kpi.upkeep import preflight
from kpi.vocabulary import DOMAINS, SCOPE_TYPES, TARGET_TYPES

from tests.golden import school
from tests.warehouse import Warehouse
from tests.worlds import realisation_row

DAY = school.day_of(0)
CONTRACT = PROJECT / "tests" / "contract_source"
COLUMNS = {relation: ", ".join(columns) for relation, columns in catalog.CONTRACT.items()}
SCOPES = ", ".join(SCOPE_TYPES)
TARGETS = ", ".join(TARGET_TYPES)


class Spoilt(NamedTuple):
    """What to replace in a relation's SELECT, and the sentence, after `<relation>.sql of adapter 'spoilt' `."""

    name: str
    relation: str
    old: str
    new: str
    sentence: str


SPOILT = [
    Spoilt(
        "two instants swapped",
        "membership",
        "  active_from,\n  active_to\n",
        "  active_to,\n  active_from\n",
        "gives the columns scope_type, scope_ref_id, learner_id, active_to, active_from; "
        f"give {COLUMNS['membership']}, named so and in this order.",
    ),
    Spoilt(
        "a name that is not the contract's",
        "scope",
        "  label\n",
        "  label AS name\n",
        f"gives the columns scope_type, ref_id, name; give {COLUMNS['scope']}, named so and in this order.",
    ),
    Spoilt(
        "a column left out",
        "plan",
        "  due_on,\n",
        "",
        "gives the columns scope_type, scope_ref_id, ua_ref_id, created_at; "
        f"give {COLUMNS['plan']}, named so and in this order.",
    ),
    Spoilt(
        "a column too many",
        "plan",
        "  created_at\n",
        "  created_at,\n  1 AS more\n",
        f"gives the columns {COLUMNS['plan']}, more; give {COLUMNS['plan']}, named so and in this order.",
    ),
    Spoilt(
        "a column twice",
        "plan",
        "  created_at\n",
        "  created_at,\n  created_at\n",
        "cannot be run (Duplicate column name 'created_at'); correct the file in FOLDER.",
    ),
    Spoilt(
        "a column that the source does not have",
        "feedback",
        "  trainer_id\n",
        "  teacher_id AS trainer_id\n",
        "cannot be run (Unknown column 'teacher_id' in 'field list'); correct the file in FOLDER.",
    ),
    Spoilt(
        "a table that the source does not have",
        "feedback",
        ".feedback",
        ".answers",
        "cannot be run (Table 'SOURCE.answers' doesn't exist); correct the file in FOLDER.",
    ),
    Spoilt(
        "a semicolon at the end",
        "target",
        ".target",
        ".target;",
        "cannot be run (You have an error in your SQL syntax; …",
    ),
    Spoilt(
        "seconds for an instant",
        "realisation",
        "  started_at,\n",
        "  UNIX_TIMESTAMP(started_at) AS started_at,\n",
        "gives started_at as a number; wrap seconds since 1970 in {{ unix('…') }}, or give a DATETIME.",
    ),
    Spoilt(
        "text for an id",
        "realisation",
        "  learner_id,\n",
        "  CONCAT('learner-', learner_id) AS learner_id,\n",
        "gives learner_id as text or a date; an id is a whole number above 0, so CAST it, or number the rows.",
    ),
    Spoilt(
        "an unknown scope_type",
        "scope",
        "  scope_type,\n",
        "  IF(scope_type = 'GROUPE', 'CLASSE', scope_type) AS scope_type,\n",
        f"gives 'CLASSE' as scope_type; the words are {SCOPES}.",
    ),
    Spoilt(
        "an unknown target_type",
        "target",
        "  target_type,\n",
        "  IF(target_type = 'UA', 'LESSON', target_type) AS target_type,\n",
        f"gives 'LESSON' as target_type; the words are {TARGETS}.",
    ),
    Spoilt(
        "an unknown parent_type",
        "target",
        "  parent_type,\n",
        "  IF(parent_type = 'MODULE', 'COURSE', parent_type) AS parent_type,\n",
        f"gives 'COURSE' as parent_type; the words are {TARGETS}, NULL.",
    ),
    Spoilt(
        "an unknown domain",
        "realisation",
        "  domain,\n",
        "  IF(domain = 'UA', 'COURSE', domain) AS domain,\n",
        f"gives 'COURSE' as domain; the words are {', '.join(DOMAINS)}.",
    ),
    Spoilt(
        "an unknown scope_type of members",
        "membership",
        "  scope_type,\n",
        "  IF(scope_type = 'GROUPE', 'CLASSE', scope_type) AS scope_type,\n",
        f"gives 'CLASSE' as scope_type; the words are {SCOPES}.",
    ),
    Spoilt(
        "no scope_type of members",
        "membership",
        "  scope_type,\n",
        "  NULLIF(scope_type, 'GROUPE') AS scope_type,\n",
        f"gives NULL as scope_type; the words are {SCOPES}.",
    ),
    Spoilt(
        "a plan of sessions",
        "plan",
        "  scope_type,\n",
        "  'SESSION' AS scope_type,\n",
        "gives 'SESSION' as scope_type; the words are GROUPE.",
    ),
    Spoilt(
        "an unknown target_type of feedback",
        "feedback",
        "  target_type,\n",
        "  'TASK' AS target_type,\n",
        f"gives 'TASK' as target_type; the words are {TARGETS}.",
    ),
    Spoilt(
        "no GLOBAL scope",
        "scope",
        ".scope\n",
        ".scope\nWHERE scope_type <> 'GLOBAL'\n",
        "gives 0 GLOBAL rows, 0 of them with an id; give one, whose ref_id is NULL.",
    ),
    Spoilt(
        "no target at all",
        "target",
        ".target\n",
        ".target\nWHERE FALSE\n",
        "gives 0 GLOBAL rows, 0 of them with an id; give one, whose ref_id is NULL.",
    ),
    Spoilt(
        "GLOBAL with an id",
        "target",
        "  ref_id,\n",
        "  COALESCE(ref_id, 1) AS ref_id,\n",
        "gives 1 GLOBAL rows, 1 of them with an id; give one, whose ref_id is NULL.",
    ),
    Spoilt(
        "a first state that is not TODO",
        "realisation",
        "  state_code,\n",
        "  IF(state_code = 'TODO', 'A_FAIRE', state_code) AS state_code,\n",
        "gives 'A_FAIRE' as the lowest state of MICRO_COMPETENCE, in 12 rows without start, progress or mark, and "
        "never TODO; give TODO for the first state, whatever the LMS calls it.",
    ),
    *(
        Spoilt(
            f"keys of {relation} that occur twice",
            relation,
            f".{relation}\n",
            f".{relation}\nINNER JOIN (SELECT 1 AS n UNION ALL SELECT 2) AS twice ON TRUE\n",
            f"gives 2 rows for the key {key} ({', '.join(catalog.KEYS[relation])}); "
            "choose one of them there, and list the others in reject.sql.",
        )
        for relation, key in {
            "scope": "APPRENANT:1",
            "target": "COMPETENCE:1",
            "realisation": "MICRO_COMPETENCE:1:1",
            "membership": "APPRENANT:1:1",
            "plan": "GROUPE:1:1",
            "feedback": "TASK:1:1:UA:1",
        }.items()
    ),
]


@pytest.fixture(scope="module")
def ready(module_warehouse: Warehouse) -> Warehouse:
    """A source with rows in each relation, of learners who have not begun, and an empty history."""
    scopes = [{"scope_type": "GLOBAL"}, {"scope_type": "GROUPE", "ref_id": 1}]
    targets: list[dict[str, Any]] = [
        {"target_type": "GLOBAL"},
        {"target_type": "MODULE", "ref_id": 1, "parent_type": "GLOBAL"},
        {"target_type": "COMPETENCE", "ref_id": 1, "parent_type": "MODULE", "parent_ref_id": 1},
        {
            "target_type": "MICRO_COMPETENCE",
            "ref_id": 1,
            "parent_type": "COMPETENCE",
            "parent_ref_id": 1,
        },
        {"target_type": "UA", "ref_id": 1, "parent_type": "MICRO_COMPETENCE", "parent_ref_id": 1},
    ]
    learners = range(1, 13)
    module_warehouse.load_source(
        {
            "scope": scopes + [{"scope_type": "APPRENANT", "ref_id": who} for who in learners],
            "target": targets,
            "realisation": [
                *(realisation_row("MICRO_COMPETENCE", 1, who) for who in learners),
                realisation_row("UA", 1, 1, state_code="DONE", state_order=3, is_final=True),
            ],
            "membership": [
                {"scope_type": kind, "scope_ref_id": ref, "learner_id": 1}
                for kind, ref in (("GLOBAL", None), ("GROUPE", 1), ("APPRENANT", 1))
            ],
            "plan": [{"scope_type": "GROUPE", "scope_ref_id": 1, "ua_ref_id": 1, "due_on": DAY}],
            "feedback": [
                {
                    "kind": "TASK",
                    "submission_id": 1,
                    "learner_id": 1,
                    "target_type": "UA",
                    "target_ref_id": 1,
                }
            ],
        }
    )
    return module_warehouse


def night(warehouse: Warehouse, folder: Path, files: dict[str, str], **settings: Any) -> None:
    """Check and capture with an adapter `spoilt`: the contract's files, some of them replaced or added."""
    overlay = folder / "sql"
    (overlay / "source" / "spoilt").mkdir(parents=True)
    for entry in (PROJECT / "include" / "sql").iterdir():
        if entry.name != "source":
            (overlay / entry.name).symlink_to(entry)
    for path in CONTRACT.glob("*.sql"):
        (overlay / "source" / "spoilt" / path.name).symlink_to(path)
    for name, text in files.items():
        (overlay / "source" / "spoilt" / name).unlink(missing_ok=True)
        (overlay / "source" / "spoilt" / name).write_text(text)
    changed = {"sql_dir": overlay, "source_adapter": "spoilt", **settings}
    chosen = warehouse.settings.model_copy(update=changed)
    warehouse.use()
    with session(SOURCE) as source:
        preflight.require_source(
            source, catalog.relations(overlay, "spoilt"), chosen.source_parameters
        )
        adapter.require_sound(source, chosen, captured_before=False)
    before, warehouse.settings = warehouse.settings, chosen
    try:
        warehouse.capture(DAY)
    finally:
        warehouse.settings = before


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: spoilt.name)
def test_a_spoilt_adapter_is_refused(ready: Warehouse, tmp_path: Path, spoilt: Spoilt) -> None:
    text = (CONTRACT / f"{spoilt.relation}.sql").read_text()
    select = text.index("*/")
    assert text[select:].count(spoilt.old) == 1
    files = {
        f"{spoilt.relation}.sql": text[:select] + text[select:].replace(spoilt.old, spoilt.new)
    }
    with pytest.raises(KpiError) as refused:
        night(ready, tmp_path, files)
    message = str(refused.value).replace(str(tmp_path / "sql" / "source" / "spoilt"), "FOLDER")
    message = message.replace(ready.source_name, "SOURCE")
    expected = f"{spoilt.relation}.sql of adapter 'spoilt' {spoilt.sentence}"
    assert message == expected or (
        message.startswith(expected.partition("…")[0]) and expected[-1] == "…"
    )
    assert "\n" not in message
    for table in (
        "kpi_src_realisation",
        "kpi_src_scope",
        "kpi_src_membership",
        "kpi_reject",
        "kpi_run",
    ):
        assert ready.rows(f"SELECT COUNT(*) FROM {table}") == [(0,)]


# -- what an adapter may do

PLAN = """/*
relation: plan
counts: x
reads: {{"{table}": [scope_type, scope_ref_id, ua_ref_id, due_on, created_at]}}
*/
SELECT
  scope_type,
  scope_ref_id,
  ua_ref_id,
  due_on,
  created_at
FROM {{{{ source }}}}.{table}
"""
NO_PLAN = """/*
relation: plan
counts: This LMS has no plan.
reads: {}
*/
SELECT
  NULL AS scope_type,
  NULL AS scope_ref_id,
  NULL AS ua_ref_id,
  NULL AS due_on,
  NULL AS created_at
FROM DUAL
WHERE FALSE
"""
SHARED = "{% macro label() %}CONCAT('the ', LOWER(scope_type)){% endmacro %}"
SCOPE = """/*
relation: scope
counts: x
reads:
  scope: [scope_type, ref_id]
*/
{% import 'source/spoilt/shared.sql' as shared with context -%}
SELECT
  scope_type,
  ref_id,
  {{ shared.label() }} AS label
FROM {{ source }}.scope
"""


@pytest.fixture
def clean(ready: Warehouse) -> Iterator[Warehouse]:
    yield ready
    ready.empty()


def test_a_parameter_is_a_part_of_the_tables_names(clean: Warehouse, tmp_path: Path) -> None:
    files = {"plan.sql": PLAN.format(table="{{ parameters.prefix }}an")}
    night(clean, tmp_path, files, source_parameters={"prefix": "pl"})
    assert clean.rows("SELECT COUNT(*) FROM kpi_src_plan") == [(1,)]


def test_a_parameter_that_is_not_set_is_asked_for(clean: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(KpiError, match=r"has no attribute 'prefix'.*KPI_SOURCE_PARAMETERS\.$"):
        night(clean, tmp_path, {"plan.sql": PLAN.format(table="{{ parameters.prefix }}an")})


def test_a_relation_may_have_nothing(clean: Warehouse, tmp_path: Path) -> None:
    night(clean, tmp_path, {"plan.sql": NO_PLAN})
    assert clean.rows("SELECT COUNT(*) FROM kpi_src_plan") == [(0,)]
    assert clean.rows("SELECT COUNT(*) FROM kpi_src_membership") == [(3,)]


def test_files_of_an_adapter_may_share_a_file(clean: Warehouse, tmp_path: Path) -> None:
    night(clean, tmp_path, {"shared.sql": SHARED, "scope.sql": SCOPE})
    assert ("the groupe",) in clean.rows("SELECT label FROM kpi_src_scope")
