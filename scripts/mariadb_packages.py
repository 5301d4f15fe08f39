"""Unpack Debian's MariaDB into the project, for the test of an LMS that lies on one.

    python scripts/mariadb_packages.py      print the server to run, unpacked when it was not

The packages lie under `.local/mariadb` (debian_packages.py says how they get there).
"""

from __future__ import annotations

import sys
from pathlib import Path

from debian_packages import DebianError, libraries, loader, locked, unpack

MARIADB_HOME = Path(__file__).resolve().parent.parent / ".local" / "mariadb"
UNPACKED = MARIADB_HOME / "debian"
SUITE = "bookworm"  # has MariaDB 10.11, the oldest that is promised
PACKAGES = ("mariadb-server-core",)
SYSTEM_TABLES = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
)


def find_mariadbd() -> list[str]:
    """Return the command of the server, up to the options that differ; raises DebianError.

    Unpacks the packages on the first call (about 20 MB to download, 70 MB on disk).
    """
    with locked(MARIADB_HOME / "unpack.lock"):
        if not UNPACKED.exists():
            print(f"Fetching MariaDB from Debian {SUITE} into {MARIADB_HOME} …", file=sys.stderr)
            unpack(PACKAGES, SUITE, UNPACKED, leave_out="(lib)?perl")
    usr = UNPACKED / "usr"
    return [
        str(loader(UNPACKED)),
        "--library-path",
        libraries(UNPACKED),
        str(usr / "sbin" / "mariadbd"),
        "--no-defaults",
        f"--basedir={usr}",
        f"--lc-messages-dir={usr / 'share' / 'mysql'}",
        f"--character-sets-dir={usr / 'share' / 'mysql' / 'charsets'}",
    ]


def first_statements() -> str:
    """Return what makes the system's tables in an empty data directory (`--bootstrap`)."""
    folder = UNPACKED / "usr" / "share" / "mysql"
    scripts = [(folder / name).read_text("utf-8") for name in SYSTEM_TABLES]
    return "\n".join(["CREATE DATABASE mysql;", "USE mysql;", *scripts])


if __name__ == "__main__":
    try:
        print(find_mariadbd()[3])
    except DebianError as error:
        sys.exit(f"No MariaDB for the tests: {error}")
