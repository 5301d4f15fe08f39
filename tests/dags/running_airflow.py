"""A real Airflow for tests: scheduler, DAG processor and api-server with a new metadata database, used as people do."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from airflow_services import healthy, launch, stop
from environment import environment

from tests.dags.airflow_process import end_with_parent

SERVICES = ("api-server", "scheduler", "dag-processor")  # nothing here is ever deferred
PARTS = ("metadatabase", "scheduler", "dag_processor")
UNFINISHED = ("queued", "running")
SECONDS_TO_START = 120.0
# Airflow imports this file when it starts. What the scheduler has imported its workers need not: a task takes half the
# time.
LOCAL_SETTINGS = """
import sys

if "scheduler" in sys.argv:
    import airflow.providers.mysql.hooks.mysql
    import airflow.sdk.execution_time.task_runner
    import kpi.operators.bootstrap
    import kpi.operators.checks
    import kpi.operators.daily
    import kpi.operators.rollups
"""


class Run(NamedTuple):
    """A run of a DAG, as the REST API tells of it; instants are ISO texts, so that they can be compared."""

    dag_id: str
    run_id: str
    kind: str
    partition_key: str | None
    state: str
    started: str | None
    ended: str | None


class RunningAirflow:
    """Airflow's processes; they live as long as the context, and end with the test's process however that ends.

    No DAG runs by its schedule: unpaused, a DAG would at once run for the day that ended last night. Runs made by
    events, by backfills and by people go on as usual.
    """

    def __init__(
        self, home: Path, variables: Mapping[str, str], services: Sequence[str] = SERVICES
    ) -> None:
        self.home = home
        self._services = services
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self._variables = {
            **environment(),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__SCHEDULER__MAX_DAGRUNS_TO_CREATE_PER_LOOP": "0",
            # The files stay as they are; by default each is read again every 30 s.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "NO_COLOR": "1",
            **variables,
        }
        self._opened = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._known: set[tuple[str, str]] = set()  # runs that were there before the last `settle`
        self._unpaused: list[str] = []
        self._cleared: set[str] = set()

    def __enter__(self) -> RunningAirflow:
        with ExitStack() as opened:
            (self.home / "config").mkdir()
            (self.home / "config" / "airflow_local_settings.py").write_text(LOCAL_SETTINGS)
            self.command("db", "migrate")
            if "dag-processor" in self._services:
                self.command("dags", "reserialize")
            opened.callback(self._stop)
            first = functools.partial(end_with_parent, signal.SIGTERM)
            for name in self._services:
                self._processes[name] = launch(name, self._variables, self.home / "services", first)
            self._wait(lambda: healthy(self.address, self._parts()), SECONDS_TO_START, "no start")
            self._api = opened.enter_context(
                httpx.Client(base_url=self.address, verify=False, timeout=30)
            )
            self._api.headers["Authorization"] = f"Bearer {self.token()}"
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def _stop(self) -> None:
        stop({name: process.pid for name, process in self._processes.items()})
        for process in self._processes.values():
            process.wait()

    # -- what people do

    def credentials(self) -> tuple[str, str]:
        """Return the user and the password that Airflow made up for the UI."""
        path = self.home / "simple_auth_manager_passwords.json.generated"
        [(user, password)] = json.loads(path.read_text()).items()
        return user, password

    def token(self) -> str:
        """Log in; return the token that requests carry from then on."""
        user, password = self.credentials()
        body = {"username": user, "password": password}
        return str(self.call("POST", "/auth/token", json=body)["access_token"])

    def command(self, *arguments: str) -> str:
        """Run Airflow's command line; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env={**os.environ, **self._variables},
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Call the REST API; return what it answers."""
        for _ in range(20):
            answer = self._api.request(method, path, **request)
            # SQLite is locked at the moment; what was begun is undone.
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.5)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def unpause(self, *dag_ids: str) -> None:
        for dag_id in dag_ids:
            self.call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})
            self._unpaused.append(dag_id)

    def trigger(self, dag_id: str, partition_key: str, **conf: object) -> str:
        """Start a run for a partition key; return its id."""
        body = {"logical_date": None, "partition_key": partition_key, "conf": conf}
        return str(self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def backfill(self, dag_id: str, first: date, last: date, run_backwards: bool = False) -> None:
        """Let Airflow compute days again, as the form of its UI does."""
        body = {
            **_range(dag_id, f"{first}T00:00", f"{last}T23:59", "completed"),
            "run_backwards": run_backwards,
            "max_active_runs": 3,
        }
        self.call("POST", "/api/v2/backfills", json=body)

    def would_backfill(self, dag_id: str, first: str, last: str, reprocess: str) -> list[str]:
        """Return the partition keys that a backfill between two instants would make runs for."""
        body = _range(dag_id, first, last, reprocess)
        found = self.call("POST", "/api/v2/backfills/dry_run", json=body)
        return [one["partition_key"] for one in found["backfills"]]

    def clear(self, run: Run) -> None:
        """Let a run's tasks run again."""
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/clear"
        self.call("POST", path, json={"dry_run": False})
        self._cleared.add(run.run_id)

    # -- what came of it

    def runs(self, dag_id: str) -> list[Run]:
        """Return all runs of a DAG in the order in which they were made."""
        return [
            Run(
                *(dag_id, one["dag_run_id"], one["run_type"], one["partition_key"]),
                *(one["state"], one["start_date"], one["end_date"]),
            )
            for one in self._pages(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs")
        ]

    def settle(self, seconds: float) -> list[list[Run]]:
        """Wait until no run is under way and no event waits for its run; a failed run ends the wait.

        Returns the runs made since the last call, of each DAG that was unpaused.
        """
        self._wait(self._settled, seconds, "the runs did not end")
        self._wait(self._no_backfill, 90, "a backfill did not end")
        runs = [self.runs(dag_id) for dag_id in self._unpaused]
        new = [[run for run in some if run[:2] not in self._known] for some in runs]
        self._known |= {run[:2] for some in runs for run in some}
        return new

    def tried_again(self) -> list[str]:
        """Return the tasks that did not succeed at once, of runs that nobody cleared."""
        path = "/api/v2/dags/~/dagRuns/~/taskInstances"
        return [
            f"{one['dag_id']}.{one['task_id']} {one['dag_run_id']}"
            for one in self._pages(path, "task_instances")
            if one["try_number"] > 1 and one["dag_run_id"] not in self._cleared
        ]

    def _no_backfill(self) -> bool:
        """Tell whether all backfills count as over: Airflow looks every 30 s, and refuses another until then.

        To cancel one would be quicker, but then a run of its that is cleared stays queued for ever.
        """
        return all(
            one["completed_at"]
            for dag_id in self._unpaused
            for one in self._pages("/api/v2/backfills", "backfills", dag_id=dag_id)
        )

    def _settled(self) -> bool:
        assert not self._runs_in("failed"), self._failures()
        # In this order: an event is there before its sender's run ends, and becomes a run.
        return not (self._runs_in(*UNFINISHED) or self._waiting() or self._runs_in(*UNFINISHED))

    def _runs_in(self, *states: str) -> int:
        found = self.call("GET", "/api/v2/dags/~/dagRuns", params={"state": states, "limit": 1})
        return int(found["total_entries"])

    def _waiting(self) -> int:
        """Return the number of keys whose events have not made a run yet."""
        params = {"has_created_dag_run_id": "false"}
        return int(self.call("GET", "/ui/partitioned_dag_runs", params=params)["total"])

    def _pages(self, path: str, name: str, **params: str) -> list[Any]:
        found: list[Any] = []
        total = 1
        while len(found) < total:
            part = {"limit": 100, "offset": len(found), "order_by": "id"}
            page = self.call("GET", path, params=params | part)
            found, total = found + page[name], page["total_entries"]
        return found

    def _failures(self) -> str:
        """Return the ends of the logs of failed tasks."""
        path = "/api/v2/dags/~/dagRuns/~/taskInstances"
        failed = self.call("GET", path, params={"state": "failed"})["task_instances"]
        texts = []
        for one in failed:
            folder = self.home / "logs" / f"dag_id={one['dag_id']}" / f"run_id={one['dag_run_id']}"
            log = folder / f"task_id={one['task_id']}" / f"attempt={one['try_number']}.log"
            texts.append(f"{log}\n{log.read_text()[-3000:] if log.exists() else 'no log'}")
        return "\n\n".join(texts)

    def _parts(self) -> list[str]:
        """Return the parts that its health page tells of, as far as they were started."""
        started = [name.replace("-", "_") for name in self._services]
        return [part for part in PARTS if part == "metadatabase" or part in started]

    def _wait(self, over: Callable[[], bool], seconds: float, otherwise: str) -> None:
        deadline = time.monotonic() + seconds
        while not over():
            assert time.monotonic() < deadline, f"{otherwise} in {seconds:.0f} s: {self.home}"
            for name, process in self._processes.items():
                assert process.poll() is None, f"the {name} has ended: {self.home}/services"
            time.sleep(1)  # asking takes time away from the runs


def _range(dag_id: str, first: str, last: str, reprocess: str) -> dict[str, Any]:
    return {
        "dag_id": dag_id,
        "from_date": f"{first}:00Z",
        "to_date": f"{last}:00Z",
        "reprocess_behavior": reprocess,
    }
