"""Print the environment that everything here runs in, as `export NAME=value` lines for a shell.

`eval "$(make -s env)"` is the usual way; `environment()` gives the same to Python.
Only the standard library is used.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AIRFLOW_HOME = ROOT / ".local" / "airflow"
UI_PORT_FILE = AIRFLOW_HOME / "ui_port"
CONNECTIONS = ROOT / ".local" / "mysql" / "connections.json"


def environment() -> dict[str, str]:
    """Return the variables by name; the connections are there once the database was started."""
    variables = {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",  # as many workers: about 900 MB for all of Airflow
        # A chain of ten short tasks takes 4 s instead of 13 s.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        # A worker may wait this long for a task that has ended, 5 s by default.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # The UI shows a task's SQL in full; by default it cuts it after 4096 characters.
        "AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH": "500000",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",  # a second answers more people at once, in 370 MB (docs/operating.md)
        # Only the zone data pinned in requirements.txt count, never those of the operating system.
        "PYTHONTZPATH": "",
        "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT / 'scripts'}",
        "PATH": _path_with_virtual_environment_first(),
    }
    if UI_PORT_FILE.exists():
        address = f"http://127.0.0.1:{UI_PORT_FILE.read_text()}"
        variables["AIRFLOW__API__PORT"] = UI_PORT_FILE.read_text()
        variables["AIRFLOW__API__BASE_URL"] = address
        variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"{address}/execution/"
    if CONNECTIONS.exists():
        database = json.loads(CONNECTIONS.read_text())
        for name, connection in database["connections"].items():
            variables[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(connection)
        variables["KPI_MYSQL_ROOT"] = database["root"]
        # Tells our own server from one that a person names: see project_database.given_server.
        variables["KPI_MYSQL_PRIVATE_ROOT"] = database["root"] if database["private"] else ""
    return variables


def _path_with_virtual_environment_first() -> str:
    ours = str(ROOT / ".venv" / "bin")
    others = [folder for folder in os.environ.get("PATH", os.defpath).split(":") if folder != ours]
    return ":".join([ours, *others])


if __name__ == "__main__":
    for name, value in environment().items():
        print(f"export {name}={shlex.quote(value)}")
