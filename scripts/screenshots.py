"""Take the README's pictures of the dashboard, from the running Airflow and the demo's figures.

Usage: make screenshots (after make demo).
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlencode

import httpx
from airflow_services import credentials
from browser_packages import find_browser
from demo_summary import CHOICE
from environment import ROOT, UI_PORT_FILE
from kpi.core.connections import READ, session
from playwright.sync_api import sync_playwright

IMAGES = ROOT / "docs" / "images"
# File, viewport, path before the page's own in Airflow's UI, selection, context of the browser.
PICTURES: tuple[tuple[str, tuple[int, int], str, dict[str, str], dict[str, str]], ...] = (
    ("dashboard", (1280, 1100), "/plugin/kpi", {"period": "W"}, {}),
    (
        "dashboard-dark",
        (1280, 1100),
        "",
        {"period": "M", "lang": "en"},
        {"color_scheme": "dark"},
    ),
    ("dashboard-phone", (360, 780), "", {"period": "W"}, {}),
)


def main() -> None:
    """Take all pictures; an error is one sentence and exit code 1."""
    address = f"http://127.0.0.1:{UI_PORT_FILE.read_text()}"
    scope, target = _chosen()
    user, password = credentials()[0].split(" ", 1)
    body = {"username": user, "password": password}
    login = httpx.post(f"{address}/auth/token", json=body, verify=False).raise_for_status()
    token = str(login.json()["access_token"])
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, (width, height), before, selection, context in PICTURES:
            opened: Any = browser.new_context(
                viewport={"width": width, "height": height}, locale="fr-FR", **context
            )
            opened.add_cookies([{"name": "_token", "value": token, "url": address}])
            page = opened.new_page()
            query = urlencode({"scope": scope, "target": target, **selection})
            page.goto(f"{address}{before}/kpi/?{query}")
            root = page.frame_locator("iframe[title='KPI']") if before else page
            root.locator("#main[aria-busy=false]").wait_for()
            page.screenshot(path=IMAGES / f"{name}.png")
            print(IMAGES / f"{name}.png")
        browser.close()


def _chosen() -> tuple[int, int]:
    """Return the group and the module that the demo's summary shows."""
    with session(READ) as read:
        choices = read.rows(CHOICE)
    if not choices:
        sys.exit("There are no figures to show yet: run `make demo` first.")
    scope_id, _, _, target_id, _, _ = choices[0]
    return int(scope_id), int(target_id)


if __name__ == "__main__":
    main()
