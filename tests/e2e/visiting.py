"""A person before the browser: opens the dashboard, in Airflow's frame or alone, chooses, and reads what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from kpi.core.settings import PROJECT
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.dags.running_airflow import RunningAirflow
from tests.warehouse import Rows, Warehouse

PICTURES = PROJECT / ".local" / "e2e"
SECONDS = 30_000.0  # milliseconds to wait for what must come; a loaded machine is slow
expect.set_options(timeout=SECONDS)
DESKTOP = {"width": 1280, "height": 900}
# Sections that are shown once their routes are there; until then the browser notes a missing resource.
OPTIONAL = re.compile(r"/kpi/api/(status|alerts)\b")


@dataclass
class Site:
    """An Airflow whose dashboard reads a warehouse."""

    airflow: RunningAirflow
    warehouse: Warehouse

    def rows(self, sql: str, *parameters: Any) -> Rows:
        return self.warehouse.rows(sql, parameters)

    def scope(self, kind: str, ref: int | None = None) -> int:
        return self._id("scope", kind, ref)

    def target(self, kind: str, ref: int | None = None) -> int:
        return self._id("target", kind, ref)

    def _id(self, what: str, kind: str, ref: int | None) -> int:
        sql = f"SELECT id FROM kpi_{what} WHERE {what}_type = %s AND ref_id <=> %s"
        return int(self.rows(sql, kind, ref)[0][0])

    @contextmanager
    def visit(self, browser: Browser, name: str, **context: Any) -> Iterator[Visit]:
        """Open a page of a person who is logged in; at its end look for complaints, and keep a picture."""
        opened = browser.new_context(
            base_url=self.airflow.address, **{"viewport": DESKTOP, "locale": "fr-FR"} | context
        )
        opened.set_default_timeout(SECONDS)
        token = {"name": "_token", "value": self.airflow.token(), "url": self.airflow.address}
        opened.add_cookies([token])  # type: ignore[list-item]
        visit = Visit(opened.new_page())
        try:
            yield visit
            assert not visit.complaints, visit.complaints
        finally:
            PICTURES.mkdir(parents=True, exist_ok=True)
            visit.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
            opened.close()


class Visit:
    """One page, and what the browser complained of: errors, refused content, requests to other hosts, dialogs."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.root: Page | FrameLocator = page
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self._refuse(dialog))
        page.on("request", lambda request: self._look(request.url))
        page.on("console", lambda message: self._hear(message))

    def _refuse(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _look(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname != "127.0.0.1":
            self.complaints.append(f"request to another host: {url}")

    def _hear(self, message: Any) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and "/kpi/" in url and not OPTIONAL.search(url):
            self.complaints.append(f"console: {message.text} {url}")

    # -- to go and to choose

    def open(self, **selection: object) -> Visit:
        """Open the page alone, with a selection in its address: by day unless it says otherwise."""
        chosen = {"period": "D", **selection} if selection else {}
        query = "&".join(f"{name}={value}" for name, value in chosen.items())
        self.page.goto(f"/kpi/?{query}")
        return self.settled()

    def enter_frame(self) -> Visit:
        """Look into the frame in which Airflow shows the page."""
        self.root = self.page.frame_locator("iframe[title='KPI']")
        return self.settled()

    def settled(self) -> Visit:
        expect(self.find("#main")).to_have_attribute("aria-busy", "false")
        return self

    def choose_scope(self, kind: str, typed: str, label: str) -> None:
        """Choose a type, type a part of a name, and take one of those offered."""
        chosen = self.find("#scope-type")
        if chosen.input_value() != kind:
            chosen.select_option(kind)
            # Whatever scope of the type comes first, it is shown before another is looked for.
            name = self.find(f"#scope-type option[value={kind}]").inner_text()
            expect(self.find(".view")).to_contain_text(name)
            self.settled()
        self.find("#scope-box").fill(typed)
        self.find(f"#filters [role=option]:text-is({label!r})").click()
        expect(self.find(".view")).to_contain_text(label)
        self.settled()

    def go_down(self, label: str) -> None:
        self.find("nav.children").get_by_role("button", name=label, exact=True).click()
        expect(self.find("h1")).to_have_text(label)
        self.settled()

    def choose_period(self, period: str, name: str) -> None:
        self.find(f"label[for=period-{period}]").click()
        expect(self.find(".view")).to_contain_text(name)
        self.settled()

    # -- to read

    def find(self, selector: str) -> Locator:
        return self.root.locator(selector)

    def texts(self, selector: str) -> list[str]:
        return self.find(selector).all_inner_texts()

    def table(self, section: str) -> list[list[str]]:
        """Return the rows of a section's table of values; it is unfolded first."""
        details = self.find(f"#{section} details.values")
        if details.get_attribute("open") is None:
            details.locator("summary").click()
        rows = details.locator("tbody tr")
        return [rows.nth(n).locator("th, td").all_inner_texts() for n in range(rows.count())]

    def download(self, section: str) -> tuple[str, str]:
        """Download a section's CSV; return its name and its text."""
        with self.page.expect_download() as started:
            self.find(f"#{section}-csv").click()
        return started.value.suggested_filename, Path(started.value.path()).read_text("utf-8")

    def selection(self) -> str:
        """Return the query of the page's own address, of the frame's where it is in one."""
        return str(self.find("#main").evaluate("() => location.search"))

    def scrolls_sideways(self) -> bool:
        widths = "() => [document.documentElement.scrollWidth, window.innerWidth]"
        width, room = self.page.evaluate(widths)
        return bool(width > room)

    def barriers(self) -> list[str]:
        """Return the faults against accessibility that axe finds in the page."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


def number(text: str) -> float:
    """Return the number that a text shows in French form: `1 234,5 %`."""
    match = re.match(r"[-+]?[\d\s\u202f\u00a0]*\d(?:,\d+)?", text)
    assert match, f"no number in {text!r}"
    return float(re.sub(r"[\s\u202f\u00a0+]", "", match[0]).replace(",", "."))
