"""Each check passes on a sound day, and sees the fault that it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest
from kpi.core.connections import ETL, Session, session
from kpi.core.settings import PROJECT
from mysql.connector.errors import IntegrityError

from tests.dags import school
from tests.warehouse import FACTS, Warehouse

DAY, BEFORE = school.SECOND_NIGHT, school.FIRST_NIGHT
CHECKS = sorted(path.stem for path in (PROJECT / "include" / "sql" / "checks").glob("*.sql"))
EVERYTHING = (
    "scope_id = (SELECT id FROM kpi_scope WHERE scope_type = 'GLOBAL')"
    " AND target_id = (SELECT id FROM kpi_target WHERE target_type = 'GLOBAL')"
)
ON_DAY = f"WHERE date_id = '{DAY}'"
SHARE = "(SELECT id FROM kpi_metric WHERE code = 'PCT_ACQUIS')"
OF_SHARE = f"UPDATE kpi_value SET {{}} {ON_DAY} AND metric_id = {SHARE} ORDER BY id LIMIT 1"
ANY_VALUE = f"UPDATE kpi_value SET {{}} {ON_DAY} ORDER BY id LIMIT 1"
ANY_PERCENTILE = f"UPDATE kpi_percentiles SET {{}} {ON_DAY} ORDER BY id LIMIT 1"
CAPTURES = "WHERE table_name LIKE 'kpi_src_%'"

# One id thrice: a quiz's, and that of a task which two learners handed in together.
ANSWERED = [
    {
        "kind": kind,
        "submission_id": 2,
        "learner_id": learner,
        "target_type": "UA",
        "target_ref_id": 4,
        "submitted_at": datetime(2026, 2, 15, 8),
        "feedback_at": datetime(2026, 2, 15, 9),
    }
    for kind, learner in (("QUIZ", 7), ("TACHE", 7), ("TACHE", 8))
]

# (check, fault, the column that is not true any more)
FAULTS = [
    ("fail__percent_outside_0_100", OF_SHARE.format("value_num = 100.0001"), "all_within"),
    ("fail__percent_outside_0_100", OF_SHARE.format("value_num = -0.0001"), "all_within"),
    ("fail__percent_outside_0_100", OF_SHARE.format("value_num = NULL"), "all_within"),
    ("fail__numerator_above_denominator", OF_SHARE.format("numerator = 3"), "all_sound"),
    ("fail__numerator_above_denominator", OF_SHARE.format("numerator = -1"), "all_sound"),
    ("fail__numerator_above_denominator", OF_SHARE.format("numerator = NULL"), "all_sound"),
    ("fail__numerator_above_denominator", OF_SHARE.format("denominator = NULL"), "all_sound"),
    ("fail__numerator_above_denominator", OF_SHARE.format("sample_size = 9"), "all_sound"),
    ("fail__numerator_above_denominator", OF_SHARE.format("sample_size = NULL"), "all_sound"),
    *(
        (
            "fail__orphan_ids",
            f"UPDATE {table} SET {column} = 4242 {ON_DAY} ORDER BY id LIMIT 1",
            f"{column.removesuffix('_id')}s_exist",
        )
        for table in FACTS
        for column in ("scope_id", "target_id", "metric_id")
        if column != "metric_id" or table == "kpi_value"
    ),
    ("fail__sample_missing", ANY_VALUE.format("sample_size = 0"), "all_have_samples"),
    ("fail__sample_missing", ANY_VALUE.format("sample_size = NULL"), "all_have_samples"),
    *(
        ("fail__states_not_summing_up", f"{change} {ON_DAY} AND {EVERYTHING} {only}", "all_sum_up")
        for change, only in (
            ("UPDATE kpi_state_count SET count = count + 1", "ORDER BY id LIMIT 1"),
            ("DELETE FROM kpi_state_count", "ORDER BY id LIMIT 1"),
            ("DELETE FROM kpi_state_count", "AND domain = 'UA'"),
            ("UPDATE kpi_state_count SET domain = 'UA', state_code = 'X'", "AND domain = 'MODULE'"),
        )
    ),
    ("fail__percentiles_unordered", ANY_PERCENTILE.format("p50 = p75 + 1"), "all_rise"),
    ("fail__percentiles_unordered", ANY_PERCENTILE.format("p75 = p90 + 1"), "all_rise"),
    ("fail__percentiles_unordered", ANY_PERCENTILE.format("p90 = NULL"), "all_rise"),
    (
        "fail__percentiles_unordered",
        f"UPDATE kpi_percentiles SET sample_size = 0 {ON_DAY} AND NOT ({EVERYTHING}) LIMIT 1",
        "all_rise",
    ),
    *(
        ("fail__percentiles_unordered", f"{change} {ON_DAY} AND {EVERYTHING}", "all_delays_counted")
        for change in (
            "UPDATE kpi_percentiles SET sample_size = sample_size + 1",
            "DELETE FROM kpi_percentiles",
        )
    ),
    (
        "fail__history_not_captured",
        f"UPDATE kpi_run SET watermark = '2026-02-15 23:59:59.999999' {CAPTURES}",
        "covers_the_day",
    ),
    ("fail__history_not_captured", f"UPDATE kpi_run SET state = 'FAILED' {CAPTURES}", "there_are"),
    (
        "warn__far_fewer_rows",
        f"DELETE FROM kpi_value {ON_DAY} AND metric_id <> {SHARE}",
        "not_far_fewer",
    ),
    (
        "warn__nothing_to_measure",
        "UPDATE kpi_src_realisation SET valid_from = '2027-01-01' WHERE valid_to > '2027-01-02'",
        "they_have_realisations",
    ),
    (
        "warn__many_rejects",
        f"UPDATE kpi_run SET rows_rejected = 1 {CAPTURES} ORDER BY id DESC LIMIT 1",
        "few_rejects",
    ),
]


@pytest.fixture(scope="module")
def sound(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Two nights, whose rows no test changes for good; on the second a quiz and a task of a team are answered."""
    made = new_warehouse("checks")
    for night in school.NIGHTS:
        source = school.source(night)
        source["feedback"] += ANSWERED if night == DAY else []
        made.load_source(source)
        made.night(night)
    return made


@pytest.fixture
def etl(sound: Warehouse) -> Iterator[Session]:
    """A session of kpi_etl whose changes are taken back at the end."""
    sound.use()
    with session(ETL) as opened:
        yield opened
        opened.rollback()


def wrong(etl: Session, sound: Warehouse, check: str, day: date = DAY) -> list[str]:
    """Run a check for a day; return its columns that are not true."""
    cursor = etl.connection.cursor(dictionary=True)
    cursor.execute(sound.render(f"checks/{check}.sql"), {"date_id": day, "as_of": day})
    rows = cursor.fetchall()
    cursor.close()
    assert len(rows) == 1, "a check gives one row"
    assert len(rows[0]) >= 2, "its first column says that there is something to check"
    return [column for column, value in rows[0].items() if not value]


@pytest.mark.parametrize("day", school.NIGHTS)
@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_day_passes(etl: Session, sound: Warehouse, check: str, day: date) -> None:
    assert wrong(etl, sound, check, day) == []


@pytest.mark.parametrize(
    ("check", "fault", "column"), FAULTS, ids=lambda value: value if "__" in value else ""
)
def test_a_planted_fault_is_seen(
    etl: Session, sound: Warehouse, check: str, fault: str, column: str
) -> None:
    assert etl.run(fault) > 0, "the fault was planted"
    found = wrong(etl, sound, check)
    assert [name[: len(column)] for name in found][:1] == [column]


@pytest.mark.parametrize("check", [name for name in CHECKS if "history" not in name])
def test_a_fault_of_another_day_is_not_this_days(
    etl: Session, sound: Warehouse, check: str
) -> None:
    etl.run(f"UPDATE kpi_value SET value_num = 101, sample_size = 0 WHERE date_id = '{BEFORE}'")
    etl.run(f"UPDATE kpi_state_count SET count = count + 1 WHERE date_id = '{BEFORE}'")
    etl.run(f"UPDATE kpi_percentiles SET p50 = p90 + 1 WHERE date_id = '{BEFORE}'")
    assert wrong(etl, sound, check) == []


def test_every_check_has_a_fault_that_it_sees() -> None:
    assert {check for check, *_ in FAULTS} | {"fail__duplicate_keys"} == set(CHECKS)


@pytest.mark.parametrize("check", [name for name in CHECKS if name != "warn__nothing_to_measure"])
def test_a_day_without_rows_never_passes(etl: Session, sound: Warehouse, check: str) -> None:
    for table in (*FACTS, "kpi_run"):
        etl.run(f"DELETE FROM {table}")
    assert wrong(etl, sound, check) != []


@pytest.mark.parametrize("check", CHECKS)
def test_empty_tables_pass_as_far_as_nothing_is_expected(
    etl: Session, sound: Warehouse, check: str
) -> None:
    for table in (*FACTS, "kpi_run", "kpi_src_realisation", "kpi_src_membership"):
        etl.run(f"DELETE FROM {table}")
    # Where there is no history either, no figure is expected; but then a capture is, and warnings are shown.
    passed = wrong(etl, sound, check) == []
    assert passed == (check.startswith("fail__") and check != "fail__history_not_captured")


@pytest.mark.parametrize("check", CHECKS)
def test_a_night_with_nothing_to_measure_passes_and_is_shown(
    etl: Session, sound: Warehouse, check: str
) -> None:
    """As the first night of a school whose learners have not begun: 0 figures are right."""
    for table in (*FACTS, "kpi_src_realisation", "kpi_src_plan", "kpi_src_feedback"):
        etl.run(f"DELETE FROM {table}")
    shown = ("warn__far_fewer_rows", "warn__nothing_to_measure")
    assert (wrong(etl, sound, check) == []) == (check not in shown)


@pytest.mark.parametrize("check", ["fail__sample_missing", "fail__states_not_summing_up"])
def test_work_of_learners_who_are_gone_is_nothing_to_measure(
    etl: Session, sound: Warehouse, check: str
) -> None:
    for table in FACTS:
        etl.run(f"DELETE FROM {table}")
    assert wrong(etl, sound, check) != []
    etl.run("DELETE FROM kpi_src_membership WHERE scope_type = 'GLOBAL'")
    assert wrong(etl, sound, check) == []


def test_an_ordinary_day_without_delays_passes(etl: Session, sound: Warehouse) -> None:
    etl.run("UPDATE kpi_src_realisation SET finished_at = '2026-02-14 12:00:00'")
    etl.run("DELETE FROM kpi_src_feedback")
    etl.run(f"DELETE FROM kpi_percentiles {ON_DAY}")
    assert wrong(etl, sound, "fail__percentiles_unordered") == []


# -- duplicate keys


@pytest.mark.parametrize("table", FACTS)
def test_the_key_forbids_a_cell_twice(etl: Session, sound: Warehouse, table: str) -> None:
    columns = [
        column
        for (column,) in sound.rows(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = %s AND column_name <> 'id'",
            (table,),
        )
    ]
    names = ", ".join(columns)
    with pytest.raises(IntegrityError, match="Duplicate entry"):
        etl.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} {ON_DAY} LIMIT 1")


@pytest.mark.parametrize("table", FACTS)
def test_a_cell_twice_would_be_seen(etl: Session, sound: Warehouse, table: str) -> None:
    # A temporary table of the same name, without keys, stands before the real one in this session.
    etl.run(f"CREATE TEMPORARY TABLE copied AS SELECT * FROM {table} {ON_DAY}")
    etl.run(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM copied")
    assert wrong(etl, sound, "fail__duplicate_keys") == []
    etl.run(f"CREATE TEMPORARY TABLE one AS SELECT * FROM {table} LIMIT 1")
    etl.run(f"INSERT INTO {table} SELECT * FROM one")
    assert wrong(etl, sound, "fail__duplicate_keys") == ["no_cell_twice"]


# -- freshness of a day that is not over


@pytest.mark.parametrize(("minutes_ago", "fresh"), [(30, True), (59, True), (61, False)])
def test_a_day_that_is_not_over_needs_a_capture_of_its_own(
    etl: Session, sound: Warehouse, minutes_ago: int, fresh: bool
) -> None:
    today = date(2099, 1, 1)  # one that began an hour ago
    etl.run(
        "INSERT INTO kpi_time (date_id, y, m, d, iso_week, iso_year, utc_start, utc_end)"
        " VALUES (%(day)s, 2099, 1, 1, 1, 2099,"
        " UTC_TIMESTAMP() - INTERVAL 1 HOUR, UTC_TIMESTAMP() + INTERVAL 23 HOUR)",
        {"day": today},
    )
    etl.run(
        "UPDATE kpi_run SET watermark = UTC_TIMESTAMP() - INTERVAL %(ago)s MINUTE",
        {"ago": minutes_ago},
    )
    found = wrong(etl, sound, "fail__history_not_captured", today)
    assert found == ([] if fresh else ["covers_the_day"])


# -- warnings


def test_the_first_day_of_all_has_no_day_before_to_compare_with(
    etl: Session, sound: Warehouse
) -> None:
    etl.run(f"DELETE FROM kpi_value WHERE date_id = '{BEFORE}'")
    assert wrong(etl, sound, "warn__far_fewer_rows") == []
    assert wrong(etl, sound, "warn__far_fewer_rows", BEFORE) != []
    assert wrong(etl, sound, "warn__far_fewer_rows", DAY + timedelta(days=1)) != []
