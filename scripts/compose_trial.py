"""Run docker-compose.yaml for real, in a Compose project of its own that is removed at the end; needs an engine.

    python scripts/compose_trial.py [--nights 2 --learners 40 …]     options are the demo's

Builds the image, starts all parts, runs the demo, lets a scheduled night come, takes the containers down and up
again, and compares the checksums of all tables of the database `kpi`. Each step says how long it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from compose_packages import ROOT, ComposeNotFoundError, find_compose
from mysql_server import free_port

NAME = "kpi-trial"
NIGHT = ("kpi_daily", "kpi_rollup")
NIGHT_TIMEOUT = 900.0  # seconds
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'kpi' ORDER BY 1"


class Trial:
    """The Compose project of one trial; `settings` is its .env: {name: value}."""

    def __init__(self, settings: dict[str, str], env_file: Path) -> None:
        self.settings = settings
        self.command = [*find_compose(), "--project-name", NAME, "--env-file", str(env_file)]
        self.address = f"http://127.0.0.1:{settings['AIRFLOW_UI_PORT']}"

    def compose(self, *arguments: str) -> None:
        """Run Compose; raises CalledProcessError."""
        subprocess.run([*self.command, *arguments], cwd=ROOT, check=True)

    def start(self) -> None:
        """Start what is not running, and wait until all parts are healthy."""
        self.compose("up", "--detach", "--wait")

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask Airflow's REST API; raises URLError."""
        return self._send(
            method, f"/api/v2{path}", body, {"Authorization": f"Bearer {self._token}"}
        )

    @cached_property
    def _token(self) -> str:
        login = {"username": "admin", "password": self.settings["AIRFLOW_ADMIN_PASSWORD"]}
        return str(self._send("POST", "/auth/token", login, {})["access_token"])

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return dict(json.load(answer))

    def night(self) -> None:
        """Let the scheduler run the night of yesterday; raises RuntimeError unless it is green."""
        for dag in reversed(NIGHT):
            self.ask("PATCH", f"/dags/{dag}", {"is_paused": False})
        for dag in NIGHT:
            state = self._state_at_the_end(dag)
            print(f"{dag}: {state}", flush=True)
            if state != "success":
                raise RuntimeError(f"The scheduled run of {dag} is {state}.")
        for dag in NIGHT:
            self.ask("PATCH", f"/dags/{dag}", {"is_paused": True})

    def _state_at_the_end(self, dag: str) -> str:
        end = time.monotonic() + NIGHT_TIMEOUT
        while time.monotonic() < end:
            runs = self.ask("GET", f"/dags/{dag}/dagRuns")["dag_runs"]
            if runs and all(run["state"] in ("success", "failed") for run in runs):
                return str(runs[-1]["state"])
            time.sleep(5)
        return f"not there after {NIGHT_TIMEOUT:.0f} s"

    def checksums(self) -> dict[str, str]:
        """Return MySQL's checksum of each table of the database kpi."""
        tables = self._sql(TABLES).split()
        lines = self._sql(f"CHECKSUM TABLE {', '.join(f'kpi.{table}' for table in tables)}")
        return dict(line.split("\t") for line in lines.splitlines())

    def _sql(self, statement: str) -> str:
        client = (
            'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysql --user=root --batch --skip-column-names'
        )
        done = subprocess.run(
            [*self.command, "exec", "-T", "mysql", "sh", "-c", client],
            cwd=ROOT,
            input=statement,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


def settings() -> dict[str, str]:
    """Return a .env for the trial: random passwords, as .env.example's recipe makes them, and free ports."""
    names = [
        line.removesuffix("=")
        for line in (ROOT / ".env.example").read_text().splitlines()
        if line.endswith("=") and line[0] != "#"
    ]
    ports = {"AIRFLOW_UI_PORT": str(free_port(18080)), "MYSQL_PORT": str(free_port(33171))}
    return {name: os.urandom(18).hex() for name in names} | ports


def timed(name: str, step: Callable[[], Any]) -> Any:
    """Run a step, saying before what it is and after how long it took."""
    print(f"== {name}", flush=True)
    begun = time.monotonic()
    result = step()
    print(f"== {name}: {time.monotonic() - begun:.0f} s", flush=True)
    return result


def run(trial: Trial, options: list[str]) -> None:
    """Go through all steps; raises CalledProcessError, URLError or RuntimeError at the first that fails."""
    timed("build", lambda: trial.compose("build"))
    timed("up", trial.start)
    demo = ["python", "scripts/demo.py", *options]
    timed("demo", lambda: trial.compose("--profile", "demo", "run", "--rm", "demo", *demo))
    timed("night", trial.night)
    before = trial.checksums()
    timed("down", lambda: trial.compose("down"))
    timed("up again", trial.start)
    after = trial.checksums()
    if not before or before != after:
        changed = sorted(table for table in before if before[table] != after.get(table))
        raise RuntimeError(f"Not the same after down and up: {', '.join(changed) or 'no table'}.")
    print(f"The same checksums of {len(after)} tables after down and up.")


def main() -> None:
    """Run the trial; whatever happens, its containers and volumes are removed."""
    with tempfile.TemporaryDirectory() as folder:
        env_file, values = Path(folder) / "env", settings()
        env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        try:
            trial = Trial(values, env_file)
        except ComposeNotFoundError as error:
            sys.exit(str(error))
        try:
            run(trial, sys.argv[1:])
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            sys.exit(f"The trial stopped: {error}")
        finally:
            trial.compose("--profile", "demo", "down", "--volumes")


if __name__ == "__main__":
    main()
