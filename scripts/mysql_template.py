"""A freshly initialised data directory, made once for each MySQL version, to copy for a server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from debian_packages import locked
from mysql_packages import MYSQL_HOME, Mysqld

TEMPLATE = MYSQL_HOME / "template"


class ServerError(RuntimeError):
    """The server did not initialise or start; the message says what it printed last."""


def server_command(mysqld: Mysqld) -> list[str]:
    """Return the command up to the options that differ: no system configuration is read."""
    as_root = ["--user=root"] if os.getuid() == 0 else []
    return [*mysqld.command, "--no-defaults", *mysqld.options, *as_root]


def initialised_template(mysqld: Mysqld) -> Path:
    """Return a freshly initialised data directory to copy, made on the first call (5 s)."""
    template = TEMPLATE / mysqld.version
    with locked(TEMPLATE / "lock"):
        if not template.exists():
            unfinished = template.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            command = [*server_command(mysqld), "--initialize-insecure", f"--datadir={unfinished}"]
            done = subprocess.run(
                [*command, "--innodb-redo-log-capacity=8M"],
                capture_output=True,
                text=True,
                cwd=TEMPLATE,
                check=False,
            )
            if done.returncode != 0:
                raise ServerError(
                    f"`mysqld --initialize-insecure` failed: {done.stderr.strip()[-2000:]}"
                )
            (unfinished / "auto.cnf").unlink(
                missing_ok=True
            )  # the server's id: each copy makes its own
            unfinished.rename(template)
    return template
