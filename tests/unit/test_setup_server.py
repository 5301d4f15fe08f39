"""The private server and the commands that stand on it."""

import stat
import subprocess
from pathlib import Path

import project_database
import pytest
from environment import ROOT
from mysql_accounts import connect
from mysql_server import PrivateServer, free_port

SMALL = {"innodb-buffer-pool-size": "32M", "innodb-redo-log-capacity": "32M"}


def test_a_server_keeps_its_data_through_kill_and_stop(tmp_path: Path) -> None:
    server = PrivateServer(tmp_path / ("long" * 25), options=SMALL, bound=True)
    server.start()
    server.start()  # again: nothing happens
    with connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute("CREATE DATABASE kept")
        cursor.execute("SELECT @@bind_address, @@port")
        assert cursor.fetchone() == ("127.0.0.1", server.port)
    server.kill()
    assert not server.is_running()
    with server, connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute("SHOW DATABASES LIKE 'kept'")
        assert cursor.fetchall() == [("kept",)]
    assert not server.is_running()
    assert not server.socket.parent.exists()
    assert stat.S_IMODE((server.home / "secrets.json").stat().st_mode) == 0o600


def test_a_taken_port_is_passed_over(server: PrivateServer) -> None:
    assert free_port(server.port) > server.port


@pytest.mark.parametrize(
    ("variables", "given"),
    [
        ({}, None),
        ({"KPI_MYSQL_ROOT": "mysql://a/"}, "mysql://a/"),
        ({"KPI_MYSQL_ROOT": "mysql://a/", "KPI_MYSQL_PRIVATE_ROOT": "mysql://a/"}, None),
        ({"KPI_MYSQL_ROOT": "mysql://a/", "KPI_MYSQL_PRIVATE_ROOT": "mysql://b/"}, "mysql://a/"),
    ],
)
def test_only_a_server_named_by_a_person_counts_as_given(
    variables: dict[str, str], given: str | None
) -> None:
    assert project_database.given_server(variables) == given


def test_make_without_a_goal_lists_the_commands() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for goal in ("demo", "test", "up", "down", "sql", "env", "lint", "bench", "setup", "clean"):
        assert f"make {goal} " in listed
