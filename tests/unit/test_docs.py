"""The documents say what the code does, and their links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from kpi.core.settings import PROJECT, Settings
from metric_docs import FIGURES, figures_page

DOCS = PROJECT / "docs"
PAGES = [
    *(PROJECT / name for name in ("README.md", "README.fr.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((PROJECT / "include").rglob("*.md")),
]
# A command of docs/simple.md, and the number that it may not exceed.
COUNTS = re.findall(
    r"```sh\n(.+?)\n```\n\nToday \*\*(\d+)\*\*", (DOCS / "simple.md").read_text("utf-8"), re.DOTALL
)


def test_the_figures_page_is_current() -> None:
    assert FIGURES.read_text("utf-8") == figures_page(Settings()), "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_relative_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_into_a_page_lead_to_a_heading(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*\.md)?#([^)]+)", page.read_text("utf-8"))
    assert [
        f"{name}#{anchor}"
        for name, anchor in links
        if anchor not in anchors(page.parent / name if name else page)
    ] == []


def anchors(page: Path) -> set[str]:
    """What a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_list_of_pages_names_every_page() -> None:
    text = (DOCS / "README.md").read_text("utf-8")
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"]({page})" not in text] == []


@pytest.mark.parametrize(("command", "most"), COUNTS)
def test_what_makes_the_inside_simple_has_not_grown(command: str, most: str) -> None:
    done = subprocess.run(["bash", "-c", command], cwd=PROJECT, capture_output=True, check=True)
    assert int(done.stdout) <= int(most), "docs/simple.md says what is counted"


def test_the_readme_names_every_figures_file() -> None:
    text = (PROJECT / "README.md").read_text("utf-8")
    files = (PROJECT / "include" / "sql" / "facts").glob("*/[A-Z]*.sql")
    missing = [path.name for path in files if f"{path.parent.name}/{path.name}" not in text]
    assert missing == []
