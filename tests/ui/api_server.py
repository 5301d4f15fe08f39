"""Airflow's api-server alone, with three accounts, as it serves the dashboard: for its tests and its benchmark."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from airflow_services import launch, stop
from environment import environment

from tests.dags.airflow_process import end_with_parent

# A viewer may read DAGs; the outsider has an account and no role.
ADMIN, VIEWER, OUTSIDER = "admin", "viewer", "outsider"
SECONDS_TO_START = 120.0


class ApiServer:
    """A running api-server: its address, the leader of its processes, and a token for each account."""

    def __init__(self, address: str, home: Path, leader: int) -> None:
        self.address = address
        self.leader = leader
        self._passwords = home / "simple_auth_manager_passwords.json.generated"

    def token(self, account: str) -> str:
        password = json.loads(self._passwords.read_text())[account]
        answer = httpx.post(
            f"{self.address}/auth/token",
            json={"username": account, "password": password},
            trust_env=False,
            timeout=60,
        )
        return str(answer.raise_for_status().json()["access_token"])


@contextmanager
def running(home: Path, connections: Mapping[str, object], workers: int = 1) -> Iterator[ApiServer]:
    """Run an api-server of so many processes in an empty folder, with a new metadata database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    variables = {
        **environment(),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__WORKERS": str(workers),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin,{VIEWER}:viewer,{OUTSIDER}:",
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(one) for name, one in connections.items()},
    }
    migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(
        migrate, env={**os.environ, **variables}, cwd=home, check=True, capture_output=True
    )
    first = functools.partial(end_with_parent, signal.SIGTERM)
    process = launch("api-server", variables, home / "services", first)
    try:
        _wait(address, process, home)
        yield ApiServer(address, home, process.pid)
    finally:
        stop({"api-server": process.pid})
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        assert process.poll() is None, f"the api-server has ended: {home}/services"
        assert time.monotonic() < deadline, f"the api-server does not answer: {home}/services"
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/api/v2/version", trust_env=False).is_success:
                return
        time.sleep(0.3)
