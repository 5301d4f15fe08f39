"""The documents say what the code does, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kpi.core.settings import PROJECT, Settings
from metric_docs import FIGURES, figures_page

PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]


def test_the_figures_page_is_current() -> None:
    assert FIGURES.read_text("utf-8") == figures_page(Settings()), "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_names_every_figures_file() -> None:
    text = (PROJECT / "README.md").read_text("utf-8")
    files = (PROJECT / "include" / "sql" / "facts").glob("*/[A-Z]*.sql")
    missing = [path.name for path in files if f"{path.parent.name}/{path.name}" not in text]
    assert missing == []
