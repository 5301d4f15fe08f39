"""Migrations: which files there are, and which are to be run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kpi.core.settings import PROJECT
from kpi.upkeep.migrations import Applied, Migration, MigrationError, available, pending
from kpi.vocabulary import FACT_TABLES

FILES = [Migration(number, f"000{number}_x.sql", f"sum{number}", "a;b;") for number in (1, 2, 3)]


def row(
    number: int, done: int = 2, checksum: str | None = None, name: str | None = None
) -> Applied:
    file = FILES[number - 1]
    return Applied(number, name or file.name, checksum or file.checksum, 2, done, done == 2)


def write(folder: Path, **files: str) -> Path:
    (folder / "schema").mkdir()
    for name, text in files.items():
        (folder / "schema" / f"{name}.sql").write_text(text)
    return folder


def test_all_is_pending_on_an_empty_database() -> None:
    assert pending(FILES, []) == FILES


def test_what_was_applied_is_not_pending() -> None:
    assert pending(FILES, [row(1), row(2)]) == FILES[2:]
    assert pending(FILES, [row(1), row(2), row(3)]) == []


def test_a_changed_file_is_refused() -> None:
    with pytest.raises(MigrationError) as error:
        pending(FILES, [row(1, checksum="other")])
    assert str(error.value) == (
        "The migration 0001_x.sql was changed after it was applied; "
        "restore the file and put the change into a new migration."
    )


def test_a_half_applied_one_is_refused_until_resumed() -> None:
    half = [row(1), row(2, done=1)]
    with pytest.raises(MigrationError) as error:
        pending(FILES, half)
    assert str(error.value).startswith(
        "The migration 0002_x.sql stopped after 1 of 2 statements; mend what stopped it "
    )
    assert 'trigger kpi_bootstrap with {"resume": true}' in str(error.value)
    assert pending(FILES, half, resume=True) == FILES[1:]


def test_a_half_applied_one_may_be_mended_before_it_is_resumed() -> None:
    assert pending(FILES, [row(1, done=1, checksum="broken")], resume=True) == FILES


def test_an_unknown_newer_one_is_refused() -> None:
    newer = Applied(4, "0004_y.sql", "sum4", 1, 1, True)
    with pytest.raises(MigrationError) as error:
        pending(FILES, [row(1), row(2), row(3), newer])
    assert str(error.value) == (
        "The database has migration 0004_y.sql, which this package lacks; "
        "install the version of the package that made it, or a newer one."
    )


def test_another_storage_mode_is_refused() -> None:
    with pytest.raises(
        MigrationError, match=r"made with 0002_x.other.sql, not 0002_x.sql; set KPI_"
    ):
        pending(FILES, [row(1), row(2, name="0002_x.other.sql")])


@pytest.mark.parametrize("storage", ["partitioned", "foreign_keys"])
def test_the_projects_files_are_numbered_without_a_gap(storage: str) -> None:
    files = available(PROJECT / "include" / "sql", storage)
    assert [file.version for file in files] == list(range(1, len(files) + 1))
    assert [file.name for file in files if file.version == 2] == [f"0002_facts.{storage}.sql"]


@pytest.mark.parametrize("storage", ["partitioned", "foreign_keys"])
def test_every_statement_of_the_project_can_be_run_again(storage: str) -> None:
    for file in available(PROJECT / "include" / "sql", storage):
        for statement in file.statements:
            assert statement.startswith(AGAIN), file.name


# A column is added by a statement made as needed: SET @… = IF(it is there, 'DO 0', 'ALTER …'), then run.
AGAIN = (
    *("CREATE TABLE IF NOT EXISTS kpi_", "SET @add_", "PREPARE add_", "EXECUTE add_"),
    "DEALLOCATE PREPARE add_",
    # To give a column the definition that it has changes nothing.
    "ALTER TABLE kpi_run MODIFY COLUMN state ",
    "ALTER TABLE kpi_src_feedback ALTER COLUMN kind DROP DEFAULT",
    "ALTER TABLE kpi_percentiles\nMODIFY COLUMN measure_code VARCHAR(64) ",
    # What was set is not found again.
    "UPDATE kpi_src_target\nSET parent_type = NULL",
)


def test_statements_are_split_and_comments_left_out(tmp_path: Path) -> None:
    text = "/* one; two */\nCREATE TABLE a (b INT COMMENT 'x;y');\n-- ; three\nDROP TABLE c;\n"
    (file,) = available(write(tmp_path, **{"0001_a": text}), "partitioned")
    assert file.statements == ("CREATE TABLE a (b INT COMMENT 'x;y')", "DROP TABLE c")


def test_the_checksum_follows_the_text(tmp_path: Path) -> None:
    folder = write(tmp_path, **{"0001_a": "SELECT 1;"})
    (before,) = available(folder, "partitioned")
    (folder / "schema" / "0001_a.sql").write_text("SELECT 1; ")
    (after,) = available(folder, "partitioned")
    assert before.checksum != after.checksum
    assert len(after.checksum) == 64


@pytest.mark.parametrize("name", ["1_a", "0001", "0001-a", "0001_a.other"])
def test_a_file_with_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        MigrationError, match=r"is not named like a migration; call it 0005_what_it"
    ):
        available(write(tmp_path, **{name: "SELECT 1;"}), "partitioned")


def test_two_files_of_one_number_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, **{"0001_a": "SELECT 1;", "0001_b": "SELECT 2;"})
    with pytest.raises(
        MigrationError, match=r"has the number of 0001_a.sql; give it the next free"
    ):
        available(folder, "partitioned")


@pytest.mark.parametrize("storage", ["partitioned", "foreign_keys"])
def test_a_change_to_a_fact_table_rebuilds_it(storage: str) -> None:
    """After an INSTANT one MySQL refuses to exchange its partitions (error 1731), as retention does."""
    for migration in available(PROJECT / "include" / "sql", storage):
        for statement in migration.statements:
            if re.search(rf"ALTER TABLE ({'|'.join(FACT_TABLES)})\b", statement):
                assert re.search(r"ALGORITHM = (INPLACE|COPY)", statement), migration.name
