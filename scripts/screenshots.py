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
from environment import ROOT, UI_PORT_FILE
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
    user, password = credentials()[0].split(" ", 1)
    with httpx.Client(base_url=address, verify=False, timeout=30) as client:
        login = client.post("/auth/token", json={"username": user, "password": password})
        token = str(login.raise_for_status().json()["access_token"])
        client.headers["Authorization"] = f"Bearer {token}"
        scope, target = _chosen(client)
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


def _chosen(client: httpx.Client) -> tuple[int, int]:
    """Return the group that is best on the target that the dashboard begins with."""
    start = client.get("/kpi/api/options").raise_for_status().json()["default"]
    groups = client.get("/kpi/api/scopes", params={"type": "GROUPE", "limit": 1}).json()["scopes"]
    if start["target"] is None or not groups:
        sys.exit("There are no figures to show yet: run `make demo` first.")
    asked = {"scope": groups[0]["id"], "target": start["target"], "metric": "PROGRESSION_MOY"}
    rows = client.get("/kpi/api/siblings", params=asked | {"period": "D"}).json()["rows"]
    return int(rows[0]["scope"]["id"]), int(start["target"])


if __name__ == "__main__":
    main()
