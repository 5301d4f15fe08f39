"""A server of its own that is killed while this process works, as by a power cut, and started again on its data."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mysql.connector
from kpi.core.errors import ConnectionProblem
from mysql_server import PrivateServer

from tests.faults.processes import before_each_statement

SMALL = {"innodb-buffer-pool-size": "128M", "innodb-redo-log-capacity": "64M"}


@contextmanager
def mortal_server(home: Path) -> Iterator[PrivateServer]:
    """Start a server that may be killed; what it went through makes an end in good order slow, so it is killed.

    While it is gone nobody may take its port: so it has one that the system gives, far from those that others look at.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = PrivateServer(home, port=port, options=SMALL, bound=True)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def killed_and_back(server: PrivateServer, work: Callable[[], object], number: int) -> None:
    """Kill the server right before the work's `number`-th commit, and have it back for the next attempt.

    The work must get over it by itself.
    """
    struck = False

    def strike(now: int) -> None:
        nonlocal struck
        if now == number:
            struck = True
            server.kill()
            server.start()

    with before_each_statement(strike, names=["commit"]):
        work()
    assert struck, "the work was over before"


def killed_and_gone(server: PrivateServer, work: Callable[[], object], number: int) -> None:
    """Kill the server while the work's `number`-th statement is under way; start it when the work has given up."""
    striking = threading.Thread(target=server.kill)

    def strike(now: int) -> None:
        if now == number:
            striking.start()

    with (
        # When all but giving back a lock was done, the work does not notice.
        suppress(mysql.connector.Error, ConnectionProblem),
        before_each_statement(strike),
    ):
        work()
    striking.join()
    assert not server.is_running()
    server.start()
