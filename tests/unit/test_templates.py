"""Rendering of the SQL templates, and the splitting of scripts into steps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import pytest
from kpi.core.connections import AS_THEY_ARE
from kpi.core.errors import KpiError
from kpi.core.local_days import transitions
from kpi.core.settings import PROJECT, Settings
from kpi.core.steps import Step, StepError, steps
from kpi.core.templates import (
    day_after,
    local_date_expression,
    quoted_schema,
    renderer,
    unix_expression,
    utc_expression,
)
from mysql_accounts import connect
from mysql_server import PrivateServer

SQL = PROJECT / "include" / "sql"
SCRIPTS = [
    "dimensions/dimensions.sql",
    *(f"facts/{table}/day.sql" for table in ("kpi_value", "kpi_state_count", "kpi_percentiles")),
]


def test_a_script_is_split_at_its_step_lines() -> None:
    script = (
        "/* head */\n-- step: a: create b | phase=create\nCREATE x;\n\n"
        "-- step: c | each=day needs=feedback\nSELECT ';' -- no step\n;\n-- step: d\nDO 0"
    )
    assert steps(script) == [
        Step("a: create b", "CREATE x", phase="create"),
        Step("c", "SELECT ';' -- no step\n", each="day", needs="feedback"),
        Step("d", "DO 0"),
    ]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("fase=create", r"The step 'a' has the unknown key 'fase'; the keys are phase, each, when"),
        ("phase=later", r"The step 'a' has phase=later; choose create or find or run or look"),
        ("each", r"The step 'a' has each=; choose once or day or closing"),
    ],
)
def test_a_step_that_says_what_no_runner_knows_is_refused(attributes: str, reason: str) -> None:
    with pytest.raises(StepError, match=reason):
        steps(f"-- step: a | {attributes}\nDO 0")


@pytest.mark.parametrize("path", SCRIPTS)
def test_each_step_of_a_script_is_one_statement(path: str) -> None:
    import sqlparse

    script = steps(renderer(Settings(sql_dir=SQL))(path))
    assert len(script) >= 4
    assert len({step.name for step in script}) == len(script), "names are told apart in the log"
    for step in script:
        assert len(sqlparse.split(step.sql)) == 1, step.name


@pytest.mark.parametrize("name", ["lms", "lms_demo", "LMS-2026", "a$b", "9lives"])
def test_a_plain_schema_name_is_quoted(name: str) -> None:
    assert quoted_schema(name) == f"`{name}`"


@pytest.mark.parametrize("name", ["", "a`b", "a b", "a.b", "a;b", "x" * 65, "é"])
def test_another_schema_name_is_refused(name: str) -> None:
    with pytest.raises(KpiError, match=r"The schema name .* is not allowed; use letters, digits"):
        quoted_schema(name)


def test_an_undefined_name_fails(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "x.sql").write_text("SELECT {{ nothing }}")
    with pytest.raises(jinja2.UndefinedError, match="nothing"):
        renderer(Settings(sql_dir=tmp_path))("x.sql")


ZONES = ["UTC", "Etc/GMT-1", "Etc/GMT+5", "Africa/Casablanca", "Europe/Paris", "America/New_York"]


@pytest.mark.parametrize("zone", ZONES)
def test_a_wall_time_becomes_the_instant_that_python_gives_it(
    server: PrivateServer, zone: str
) -> None:
    walls = [datetime(2024, 1, 1) + step * timedelta(minutes=30) for step in range(3 * 365 * 48)]
    around = {change.wall for change in transitions(zone) if change.wall.year in range(2016, 2028)}
    hours = timedelta(hours=4)
    near = [wall for wall in walls if any(abs(wall - change) < hours for change in around)]
    near += [change - timedelta(microseconds=1) for change in around] + walls[::97]
    table = ", ".join(f"ROW(TIMESTAMP'{wall}')" for wall in near)
    query = f"SELECT wall, {utc_expression('wall', zone)} FROM (VALUES {table}) AS given (wall)"
    with connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute(query)
        found = dict(cursor.fetchall())
    for wall, instant in found.items():
        expected = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
        assert instant == expected, wall


@pytest.mark.parametrize(
    ("zone", "cases"), [("UTC", 0), ("Etc/GMT-1", 0), ("Africa/Casablanca", 1)]
)
def test_only_a_zone_with_changes_needs_a_case(zone: str, cases: int) -> None:
    assert utc_expression("x", zone).count("CASE") == cases


def test_the_changes_of_a_zone_are_tested_newest_first() -> None:
    expression = utc_expression("x", "Africa/Casablanca")
    walls = re.findall(r"WHEN x >= TIMESTAMP ?'([^']+)' THEN", expression)
    assert len(walls) > 10
    assert walls == sorted(walls, reverse=True)
    # Permanently at UTC from September 2026 on.
    assert walls[0].startswith("2026-09-20")


@pytest.mark.parametrize("zone", ZONES)
def test_an_instant_has_the_local_date_that_python_gives_it(
    server: PrivateServer, zone: str
) -> None:
    instants = [datetime(2024, 1, 1) + step * timedelta(minutes=30) for step in range(3 * 365 * 48)]
    near = [one for one in instants if one.hour in (22, 23, 0, 1, 4, 5)][::3] + instants[::97]
    table = ", ".join(f"ROW(TIMESTAMP'{one}')" for one in near)
    expression = local_date_expression("given", zone)
    with connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute(f"SELECT given, {expression} FROM (VALUES {table}) AS given (given)")
        for given, found in cursor.fetchall():
            assert found == given.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date(), given


ODD = ("0000-00-00 00:00:00", "2026-00-00 10:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT-1", "Etc/GMT+5", "Africa/Casablanca"])
def test_an_odd_date_is_left_for_the_capture(server: PrivateServer, zone: str, odd: str) -> None:
    """In a strict INSERT … SELECT, which stops where MySQL cannot reckon."""
    with connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute(f"SET SESSION sql_mode = '{AS_THEY_ARE}'")
        cursor.execute("CREATE DATABASE IF NOT EXISTS t_templates")
        cursor.execute("USE t_templates")
        cursor.execute("CREATE TEMPORARY TABLE given (wall DATETIME)")
        cursor.execute("INSERT INTO given VALUES (%s)", [odd])
        cursor.execute("CREATE TEMPORARY TABLE found (at DATETIME(6), day DATE, next_day DATE)")
        cursor.execute(
            f"INSERT INTO found SELECT {utc_expression('wall', zone)}, {local_date_expression('wall', zone)}, "
            f"{day_after('CAST(wall AS DATE)')} FROM given"
        )
        cursor.execute(
            "SELECT CAST(at AS CHAR), CAST(day AS CHAR), CAST(next_day AS CHAR) FROM found"
        )
        assert cursor.fetchall() == [(f"{odd}.000000", odd[:10], odd[:10])]
        cursor.execute("DROP DATABASE t_templates")


@pytest.mark.parametrize(
    ("seconds", "instant"),
    [
        ("1767225600", datetime(2026, 1, 1)),
        ("1767225600.5", datetime(2026, 1, 1, 0, 0, 0, 500_000)),
        ("0", None),
        ("NULL", None),
        ("-1", datetime(9999, 12, 31)),
        ("253402300800", datetime(9999, 12, 31)),
        ("18446744073709551615", datetime(9999, 12, 31)),
    ],
)
def test_seconds_become_an_instant(
    server: PrivateServer, seconds: str, instant: datetime | None
) -> None:
    with connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute(f"SELECT CAST({unix_expression(seconds)} AS DATETIME(6))")
        assert cursor.fetchall() == [(instant,)]


def test_the_day_after_a_date(server: PrivateServer) -> None:
    with connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute(
            f"SELECT {day_after('given')} FROM (SELECT DATE '2028-02-28' AS given) AS one"
        )
        assert str(cursor.fetchall()[0][0]) == "2028-02-29"
