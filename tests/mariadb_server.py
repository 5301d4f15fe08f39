"""A throw-away MariaDB server for tests of an LMS on one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mariadb_packages import find_mariadbd, first_statements
from mysql_accounts import DatabaseError, connect
from mysql_server import free_port

PASSWORD = "Test-account-1"
SECONDS_TO_START = 120.0


@contextmanager
def mariadb(home: Path) -> Iterator[str]:
    """Start a server in `home` and stop it at the end; gives root's address, as mysql://root:…@127.0.0.1:port/."""
    data = home / "data"
    data.mkdir()
    port = free_port(33471)
    command = [
        *find_mariadbd(),
        "--user=root",
        f"--datadir={data}",
        "--innodb-buffer-pool-size=64M",
    ]
    made = subprocess.run(
        [*command, "--bootstrap"],
        input=first_statements(),
        text=True,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-2000:]
    accounts = home / "accounts.sql"
    accounts.write_text(
        f"CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    options = [
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        f"--port={port}",
        f"--socket={home / 'sock'}",
        f"--pid-file={home / 'pid'}",
        f"--init-file={accounts}",
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen([*command, *options], stdout=log, stderr=log)
    uri = f"mysql://root:{PASSWORD}@127.0.0.1:{port}/"
    try:
        _wait(server, uri, home / "log")
        yield uri
    finally:
        server.terminate()
        server.wait(60)


def _wait(server: subprocess.Popen[bytes], uri: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            with connect(uri):
                return
        except DatabaseError:
            assert server.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
