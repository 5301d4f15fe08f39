"""Find a MySQL server binary, or unpack Debian's packages of one into the project.

The packages lie under `.local/mysql/debian` (debian_packages.py says how they get there).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from debian_packages import DebianError, libraries, loader, locked, unpack

ROOT = Path(__file__).resolve().parent.parent
MYSQL_HOME = ROOT / ".local" / "mysql"
UNPACKED = MYSQL_HOME / "debian"

MINIMUM_VERSION = (8, 0, 19)  # first version with row aliases in INSERT … ON DUPLICATE KEY UPDATE
TESTED_SERIES = ("8.4.", "9.7.")
SUITE = "sid"  # Debian's stable suites have MariaDB only
PACKAGES = ("mysql-server-core", "mysql-client-core")

WAY_OUT = (
    "Give a server with KPI_MYSQL_ROOT=mysql://root:password@host:port/, put a MySQL >= 8.0.19 "
    "`mysqld` on the PATH, or run it all in containers with `docker compose up` (docs/setup.md)."
)


class MySQLNotFoundError(RuntimeError):
    """No usable MySQL server binary here; the message says what was tried and the ways out."""


@dataclass(frozen=True)
class Mysqld:
    """A MySQL server binary and how to run it."""

    command: tuple[str, ...]  # what comes before the server's own options
    version: str
    options: tuple[str, ...]  # where its messages, character sets and plugins lie
    client: tuple[str, ...] | None  # command of the `mysql` client beside it, when there is one


def find_mysqld() -> Mysqld:
    """Return the server to run: `mysqld` on the PATH if it is MySQL >= 8.0.19, else Debian's.

    Unpacks the packages on the first call (about 55 MB to download). Raises MySQLNotFoundError.
    """
    on_path = _mysqld_on_path()
    if isinstance(on_path, Mysqld):
        return on_path
    with locked(MYSQL_HOME / "unpack.lock"):
        if not UNPACKED.exists():
            _unpack_debian_packages(reason_before=on_path)
    return _unpacked_mysqld()


def parse_version(output: str) -> str | None:
    """Return the version in `mysqld --version`'s output, None for MariaDB or anything unknown.

    >>> parse_version("mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)")
    '9.7.4'
    """
    match = re.search(r"Ver (\d+\.\d+\.\d+)", output)
    return None if match is None or "mariadb" in output.lower() else match.group(1)


def _mysqld_on_path() -> Mysqld | str:
    """Return the server on the PATH, or the reason why there is none to use."""
    path = shutil.which("mysqld")
    if path is None:
        return "no `mysqld` on the PATH"
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = parse_version(output)
    if version is None:
        return f"{path} is not MySQL ({output.strip() or 'it prints no version'})"
    if tuple(map(int, version.split("."))) < MINIMUM_VERSION:
        return f"{path} is MySQL {version}, older than 8.0.19"
    if _confined_by_apparmor(path):
        return f"{path} is confined by AppArmor to the system's own database"
    client = shutil.which("mysql")
    return Mysqld((path,), version, (), (client, "--no-defaults") if client else None)


def _confined_by_apparmor(path: str) -> bool:
    """Say whether the system's profile would keep this server from a data directory of ours."""
    enabled = Path("/sys/module/apparmor/parameters/enabled")
    profile = Path("/etc/apparmor.d/usr.sbin.mysqld")
    return (
        os.path.realpath(path) == "/usr/sbin/mysqld"
        and profile.exists()
        and enabled.exists()
        and enabled.read_text().strip() == "Y"
    )


def _unpacked_mysqld() -> Mysqld:
    usr = UNPACKED / "usr"
    try:
        run = (str(loader(UNPACKED)), "--library-path", libraries(UNPACKED))
    except DebianError as error:
        raise MySQLNotFoundError(str(error)) from error
    server = (*run, str(usr / "sbin" / "mysqld"))
    output = subprocess.run(
        [*server, "--no-defaults", "--version"], capture_output=True, text=True, check=False
    )
    version = parse_version(output.stdout)
    if version is None:
        raise MySQLNotFoundError(
            f"The unpacked mysqld does not run ({output.stderr.strip()}). {WAY_OUT}"
        )
    share = usr / "share" / "mysql"
    options = (
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        f"--plugin-dir={usr / 'lib' / 'mysql' / 'plugin'}",
    )
    client = (
        *run,
        str(usr / "bin" / "mysql"),
        "--no-defaults",
        f"--character-sets-dir={share / 'charsets'}",
    )
    return Mysqld(server, version, options, client)


def _unpack_debian_packages(reason_before: str) -> None:
    """Download the server, the client and what they need, and unpack them into UNPACKED."""
    print(f"Fetching MySQL from Debian {SUITE} into {UNPACKED} (55 MB) …", flush=True)
    try:
        unpack(PACKAGES, SUITE, UNPACKED, leave_out="(lib)?perl")  # perl is for helper scripts only
    except DebianError as error:
        raise MySQLNotFoundError(f"No MySQL server: {reason_before}; {error} {WAY_OUT}") from error
    version = _unpacked_mysqld().version
    if not version.startswith(TESTED_SERIES):
        print(
            f"Note: Debian now ships MySQL {version}; this project is tested with 8.4 and 9.7.",
            flush=True,
        )
