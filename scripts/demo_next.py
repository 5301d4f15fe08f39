"""What to do after the demo: where the dashboard is, first of all."""

from __future__ import annotations

import os

from airflow_services import FIRST_PORT, is_running
from environment import ROOT, UI_PORT_FILE
from mysql_server import free_port

PAGE = "/plugin/kpi"


def next_steps() -> list[tuple[str, str]]:
    """Return (what to type or open, what that gives), the dashboard first; a container has no `make`."""
    if not (ROOT / "Makefile").exists():
        address = os.environ.get("AIRFLOW__API__BASE_URL", f"http://127.0.0.1:{FIRST_PORT}")
        return [(address + PAGE, "the dashboard with these figures, as `admin`")]
    return [
        _dashboard(),
        ("make sql Q='SELECT * FROM kpi_metric'", "what is computed; docs/figures.md says how"),
        ("make demo ARGS=--large", "240 learners, ten nights: some minutes"),
    ]


def _dashboard() -> tuple[str, str]:
    if is_running("api-server"):
        return f"http://127.0.0.1:{UI_PORT_FILE.read_text()}{PAGE}", "the dashboard: Airflow runs"
    remembered = int(UI_PORT_FILE.read_text()) if UI_PORT_FILE.exists() else FIRST_PORT
    # `make up` takes this port unless somebody else does in between; it prints the login.
    return "make up", f"the dashboard: http://127.0.0.1:{free_port(remembered)}{PAGE}"
