"""The test session itself: its folder in memory, its workers' share, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from environment import ROOT
from mysql_server import has_ended

from tests import durations, memory

A_WORKER = """
import sys, time
from pathlib import Path
from mysql_server import PrivateServer
options = {"innodb-buffer-pool-size": "32M", "innodb-redo-log-capacity": "32M"}
server = PrivateServer(Path(sys.argv[1]), options=options, bound=True)
server.start()
print((server.home / "mysqld.pid").read_text(), flush=True)
time.sleep(60)
"""


def test_a_worker_that_dies_leaves_no_server(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", A_WORKER, str(tmp_path / "mysql")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    server = int(worker.stdout.readline())
    assert not has_ended(server)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    deadline = time.monotonic() + 20
    while not has_ended(server):
        assert time.monotonic() < deadline, "the server goes on without its worker"
        time.sleep(0.05)


def test_the_folders_of_ended_sessions_go(tmp_path: Path) -> None:
    over = subprocess.Popen(["true"])
    over.wait()
    left = tmp_path / f"{memory.PREFIX}{over.pid}"
    mine = tmp_path / f"{memory.PREFIX}{os.getpid()}"
    for folder in (left, mine):
        (folder / "mysql0").mkdir(parents=True)
    memory.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]


def test_without_room_in_memory_the_disk_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory.session_folder(tmp_path) == tmp_path / f"{memory.PREFIX}{os.getpid()}"
    monkeypatch.setattr(memory, "ROOM_NEEDED", 1 << 60)
    assert memory.session_folder(tmp_path) is None
    assert memory.session_folder(tmp_path / "missing") is None


def test_what_shares_fixtures_goes_to_one_worker() -> None:
    assert durations.group("tests/e2e/test_page.py::test_a_phone") == "tests/e2e/"
    assert durations.group("tests/sql/test_golden.py::test_a_case[x]") == "tests/sql/test_golden.py"


def test_durations_are_added_up_by_what_a_worker_takes() -> None:
    told = """
3.00s setup    tests/e2e/test_page.py::test_a_phone
1.50s call     tests/e2e/test_figures.py::test_delays
9.00s call     tests/sql/test_golden.py::test_a_case[0.5s call]
===== 3 passed in 13.5s =====
"""
    assert durations.measured(told) == {"tests/sql/test_golden.py": 9.0, "tests/e2e/": 4.5}
