"""The whole demo as people start it, of a very small school: what it prints, and that it leaves an Airflow alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kpi.core.settings import PROJECT
from mysql_accounts import connect, create_accounts
from mysql_server import PrivateServer

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
KPI_DATABASE = "t_demo_kpi"
SIZE = ("--nights", "1", "--history", "2", "--learners", "6", "--groups", "2")
# The server is the tests' own; all else is as in `make demo`.
PROGRAM = """
import sys
from pathlib import Path
import demo
root, log, *sys.argv[1:] = sys.argv[1:]
demo.start, demo.LOG = lambda: {"root": root}, Path(log)
demo.main()
"""


@pytest.fixture
def demo(server: PrivateServer, tmp_path: Path) -> Iterator[subprocess.CompletedProcess[str]]:
    """What the demo printed, with an AIRFLOW_HOME in its environment that is somebody else's."""
    made = create_accounts(server.root_uri, KPI_DATABASE, "lms_demo", server.passwords)
    home = tmp_path / "home"
    home.mkdir()
    connections = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(one) for name, one in made.items()}
    paths = {"PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT / 'scripts'}", "PYTHONTZPATH": ""}
    yield subprocess.run(
        [sys.executable, "-c", PROGRAM, server.root_uri, str(tmp_path / "demo.log"), *SIZE],
        env={**os.environ, **connections, **paths, "AIRFLOW_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    with connect(server.root_uri) as root, root.cursor() as cursor:
        for database in (KPI_DATABASE, "lms_demo"):
            cursor.execute(f"DROP DATABASE IF EXISTS {database}")


def test_the_demo_from_the_first_step_to_what_comes_next(
    demo: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "\x1b" not in demo.stdout
    lines = demo.stdout.splitlines()
    steps = [line for line in lines if re.match(r" \d/6  .* … +\d+\.\d s$", line)]
    assert len(steps) == 6
    first = next(number for number, line in enumerate(lines) if "The first figures, after" in line)
    assert "Progression moyenne" in "\n".join(lines[first : first + 12])
    assert first < lines.index(steps[-1]), "before the days past are computed"
    assert "kpi_backfill" in steps[-1]
    summary = lines[lines.index(steps[-1]) + 1 :]
    assert 24 <= len(summary) <= 40, "it fits a screen"
    assert max(map(len, summary[:-6])) <= 100
    nexts = summary[summary.index("Next:") + 1 :]
    assert nexts[0].split()[:2] == ["make", "up"] or nexts[0].lstrip().startswith("http")
    assert list((tmp_path / "home").iterdir()) == [], "no runs in another Airflow's database"
