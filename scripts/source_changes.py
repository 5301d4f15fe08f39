"""Install, remove or look at the triggers that note changes of the LMS, on the project's own server.

    python scripts/source_changes.py install | remove | status

Elsewhere an administrator runs the adapter's SQL files with the mysql client (include/sql/source/soli_lms/changes).
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from mysql_accounts import connect

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "include" / "sql" / "source" / "soli_lms" / "changes"
ACCOUNT = "kpi_change"


def statements(script: str, kpi_db: str, account: str = ACCOUNT) -> list[str]:
    """Return the statements of a script for the mysql client, with its placeholders filled in."""
    text = re.sub(r"^--.*\n", "", script, flags=re.MULTILINE)
    for name, value in {"kpi_db": kpi_db, "kpi_change": account}.items():
        text = text.replace(f"@{name}", value)
    filled_in, delimiter = [], ";"
    for part in re.split(r"^DELIMITER (\S+)\n", text, flags=re.MULTILINE):
        if part in (";", "//"):
            delimiter = part
            continue
        ends = re.split(rf"{re.escape(delimiter)}\s*\n", part)
        filled_in += [statement.strip() for statement in ends if statement.strip()]
    return filled_in


def run(action: str, root_uri: str, kpi_db: str, lms_db: str, account: str = ACCOUNT) -> list[Any]:
    """Run one of the scripts in the LMS's database; return the rows that it gives."""
    script = (SCRIPTS / f"{action}.sql").read_text("utf-8")
    rows: list[Any] = []
    with connect(root_uri) as root, root.cursor() as cursor:
        cursor.execute(f"USE `{lms_db}`")
        for statement in statements(script, kpi_db, account):
            cursor.execute(statement)
            if cursor.with_rows:
                rows += cursor.fetchall()
    return rows


def main(arguments: list[str]) -> int:
    """Do what was asked; print the state of each trigger."""
    if len(arguments) != 1 or arguments[0] not in ("install", "remove", "status"):
        print(__doc__, file=sys.stderr)
        return 2
    place = (os.environ["KPI_MYSQL_ROOT"], "kpi", "lms_demo")
    run(arguments[0], *place)
    for table, event, state, since in run("status", *place):
        print(f"{table:32} {event:7} {state:20} {since or ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
