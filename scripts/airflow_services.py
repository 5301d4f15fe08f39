"""Start and stop Airflow's four parts, each in a process group of its own.

    python scripts/airflow_services.py up | down

Not `airflow standalone`: it starts 32 workers and leaves orphans behind. Pids lie in
`.local/airflow/services`, logs in `.local/airflow/logs/services`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from debian_packages import locked
from environment import AIRFLOW_HOME, UI_PORT_FILE, environment
from mysql_server import free_port

SERVICES = {
    "api-server": ["api-server"],
    # Without --skip-serve-logs these two open a log server on all interfaces.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")  # as its health page names them
PIDS = AIRFLOW_HOME / "services"
LOGS = AIRFLOW_HOME / "logs" / "services"
PASSWORDS = AIRFLOW_HOME / "simple_auth_manager_passwords.json.generated"
FIRST_PORT = 8080
ANSWER_TIMEOUT = 120.0  # seconds; 12 to 16 s are usual
STOP_TIMEOUT = 20.0


class AirflowError(RuntimeError):
    """A part of Airflow did not start; the message names its log file."""


def up() -> None:
    """Start what is not running, wait until the UI answers, and print where it is."""
    AIRFLOW_HOME.mkdir(parents=True, exist_ok=True)
    with locked(AIRFLOW_HOME / "lock"):
        if not any(is_running(name) for name in SERVICES):
            remembered = int(UI_PORT_FILE.read_text()) if UI_PORT_FILE.exists() else FIRST_PORT
            UI_PORT_FILE.write_text(str(free_port(remembered)))
            print("Preparing Airflow's database …", flush=True)
            _airflow("db", "migrate")
            _airflow("dags", "reserialize")
        for name in SERVICES:
            if not is_running(name):
                _launch(name)
        print("Starting Airflow …", flush=True)
        address = f"http://127.0.0.1:{UI_PORT_FILE.read_text()}"
        _wait_until_healthy(address)
    print(f"Airflow: {address}  user and password: {' or '.join(credentials())}")
    print("Stop it with `make down`.")


def down() -> None:
    """Stop all parts: SIGTERM to their process groups, SIGKILL to what is left after 20 s."""
    if not PIDS.exists():
        return
    with locked(AIRFLOW_HOME / "lock"):
        stop({name: group for name in SERVICES if (group := _group(name)) is not None})
        for name in SERVICES:
            _pid_file(name).unlink(missing_ok=True)


def stop(groups: Mapping[str, int]) -> None:
    """Stop process groups, named for what they are."""
    for group in groups.values():
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while any(_alive(group) for group in groups.values()) and time.monotonic() < deadline:
        time.sleep(0.1)
    for name, group in groups.items():
        if _alive(group):
            print(f"{name} did not stop in {STOP_TIMEOUT:.0f} s: killing it.", flush=True)
            _signal(group, signal.SIGKILL)


def credentials() -> list[str]:
    """Return `user password` of each account of the UI, as Airflow generated them."""
    passwords = json.loads(PASSWORDS.read_text()) if PASSWORDS.exists() else {}
    return [f"{user} {password}" for user, password in passwords.items()]


def is_running(name: str) -> bool:
    """Say whether a part's first process runs."""
    group = _group(name)
    return group is not None and _started(group) is not None


def _launch(name: str) -> None:
    PIDS.mkdir(parents=True, exist_ok=True)
    process = launch(name, environment(), LOGS)
    _pid_file(name).write_text(json.dumps({"pid": process.pid, "started": _started(process.pid)}))


def launch(
    name: str,
    variables: Mapping[str, str],
    logs: Path,
    first: Callable[[], object] | None = None,
) -> subprocess.Popen[bytes]:
    """Start one of the SERVICES in a process group of its own, with these variables; it logs to `logs`/name.log.

    The new process calls `first` before all else.
    """
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "airflow", *SERVICES[name]],
            env={**os.environ, **variables},
            cwd=variables["AIRFLOW_HOME"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=first,
        )


def _wait_until_healthy(address: str) -> None:
    """Wait until the UI answers and scheduler, triggerer and DAG processor have reported to it."""
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while not healthy(address):
        for name in SERVICES:
            if not is_running(name):
                raise AirflowError(f"Airflow's {name} has stopped: see {LOGS / f'{name}.log'}.")
        if time.monotonic() > deadline:
            raise AirflowError(f"Airflow did not answer at {address} in time: see {LOGS}.")
        time.sleep(0.3)


def healthy(address: str, parts: Iterable[str] = PARTS) -> bool:
    """Say whether the UI answers and says that these parts are healthy."""
    try:
        with urllib.request.urlopen(f"{address}/api/v2/monitor/health", timeout=5) as answer:
            health = json.load(answer)
    except (OSError, ValueError):
        return False
    return all(health.get(part, {}).get("status") == "healthy" for part in parts)


def _airflow(*arguments: str) -> None:
    log = LOGS / "set-up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env={**os.environ, **environment()},
            cwd=AIRFLOW_HOME,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode != 0:
        raise AirflowError(f"`airflow {' '.join(arguments)}` failed: see {log}.")


def _pid_file(name: str) -> Path:
    return PIDS / f"{name}.json"


def _group(name: str) -> int | None:
    """Return the process group that we started for this part and that still has a process."""
    if not _pid_file(name).exists():
        return None
    known = json.loads(_pid_file(name).read_text())
    group = int(known["pid"])
    # A pid is not given out again while its group lives; so a leader that started at another
    # time means that all of ours are gone, and no leader means that some may be left.
    if _started(group) not in (known["started"], None) or not _alive(group):
        return None
    return group


def _started(pid: int) -> int | None:
    """Return when a process started (clock ticks since boot), None when it does not run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _members(group: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                yield int(stat.parent.name)


def _alive(group: int) -> bool:
    return any(True for _ in _members(group))


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    actions = {"up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    try:
        actions[sys.argv[1]]()
    except AirflowError as error:
        sys.exit(str(error))
