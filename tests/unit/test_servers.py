"""Makers and versions of servers, by what they call themselves."""

from __future__ import annotations

import pytest
from kpi.core.errors import ConnectionProblem
from kpi.core.servers import Server


@pytest.mark.parametrize(
    ("banner", "server"),
    [
        ("9.7.4", Server("MySQL", (9, 7, 4))),
        ("8.0.36-28", Server("MySQL", (8, 0, 36))),
        ("5.5.5-10.11.19-MariaDB-0+deb12u1", Server("MariaDB", (10, 11, 19))),
        ("11.8.3-MariaDB-log", Server("MariaDB", (11, 8, 3))),
        ("unheard of", Server("MySQL", (0, 0, 0))),
    ],
)
def test_what_a_server_calls_itself(banner: str, server: Server) -> None:
    assert Server.from_banner(banner) == server


@pytest.mark.parametrize("banner", ["8.0.19", "8.4.6", "9.7.4"])
def test_servers_for_the_kpi_tables(banner: str) -> None:
    Server.from_banner(banner).require_fit("kpi_etl", is_source=False)


@pytest.mark.parametrize("banner", ["8.0.11", "9.7.4", "5.5.5-10.11.6-MariaDB", "12.1.2-MariaDB"])
def test_servers_for_a_source(banner: str) -> None:
    Server.from_banner(banner).require_fit("kpi_source", is_source=True)


@pytest.mark.parametrize(
    ("banner", "conn_id", "sentence"),
    [
        (
            "5.5.5-10.11.19-MariaDB",
            "kpi_etl",
            "The server of connection kpi_etl is MariaDB 10.11.19; the kpi_* tables must lie on MySQL 8.0.19 or "
            "later, so point the connection at such a server.",
        ),
        (
            "8.0.18",
            "kpi_admin",
            "The server of connection kpi_admin is MySQL 8.0.18; the kpi_* tables must lie on MySQL 8.0.19 or "
            "later, so point the connection at such a server.",
        ),
        (
            "5.7.44-log",
            "kpi_source",
            "The server of connection kpi_source is MySQL 5.7.44; the LMS's database must lie on MySQL 8.0 or "
            "MariaDB 10.11 or later, so point the connection at such a server.",
        ),
        (
            "5.5.5-10.6.21-MariaDB",
            "kpi_source",
            "The server of connection kpi_source is MariaDB 10.6.21; the LMS's database must lie on MySQL 8.0 or "
            "MariaDB 10.11 or later, so point the connection at such a server.",
        ),
    ],
)
def test_servers_refused(banner: str, conn_id: str, sentence: str) -> None:
    with pytest.raises(ConnectionProblem) as refused:
        Server.from_banner(banner).require_fit(conn_id, is_source=conn_id == "kpi_source")
    assert str(refused.value) == sentence
