"""In Airflow's own UI: its login, its navigation, a form, a task's rendered SQL."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e import school
from tests.e2e.conftest import Visits
from tests.e2e.visiting import SECONDS, Site, number

pytestmark = pytest.mark.timeout(400)


def test_from_login_to_the_figures_of_a_group(year: Site, visit: Visits) -> None:
    with visit(year, locale="en-GB") as person:
        page = person.page
        page.context.clear_cookies()
        page.goto("/")
        user, password = year.airflow.credentials()
        page.locator("input[name=username]").fill(user)
        page.locator("input[name=password]").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="KPI").click()
        person.enter_frame()
        assert "Semaine" in person.find(".view").inner_text(), "it opens by week"
        [(target,)] = year.rows(
            "SELECT id FROM kpi_target WHERE target_type = 'MODULE' AND label = %s",
            person.find("h1").inner_text(),
        )
        person.choose_scope("GROUPE", "dd101", school.GROUPS[1])
        page.wait_for_url("**/plugin/kpi/**")
        person.choose_period("M", "Mois")
        sql = (
            "SELECT value_num FROM kpi_value WHERE scope_id = %s AND target_id = %s AND period = 'M' "
            "AND metric_id = (SELECT id FROM kpi_metric WHERE code = 'PROGRESSION_MOY') AND date_id = '2026-02-28'"
        )
        [(value,)] = year.rows(sql, year.scope("GROUPE", 1), target)
        shown = person.find("[data-metric=PROGRESSION_MOY] .figure").inner_text()
        assert abs(number(shown) - float(value)) <= 0.0501
        assert person.download("tiles")[0].endswith(".csv"), "the frame lets files through"


def test_a_shared_link_opens_inside_airflow(year: Site, visit: Visits) -> None:
    scope, target = year.scope("GROUPE", 2), year.target("MODULE", 2)
    with visit(year, locale="en-GB") as person:
        person.page.goto(f"/plugin/kpi/kpi/?scope={scope}&target={target}&period=W&lang=en")
        person.enter_frame()
        assert person.find("h1").inner_text() == "M102 – Bases de données"
        link = str(person.find("#share").get_attribute("data-link"))
        assert link.startswith(
            f"{year.airflow.address}/plugin/kpi/kpi/?scope={scope}&target={target}"
        )


def test_airflows_dark_theme(year: Site, visit: Visits) -> None:
    with visit(year, locale="en-GB") as person:
        person.page.add_init_script("localStorage.setItem('theme', 'dark')")
        person.page.goto("/plugin/kpi")
        person.enter_frame()
        theme = person.find("body").evaluate(
            "() => getComputedStyle(document.documentElement).colorScheme"
        )
        assert theme == "dark"


def test_a_backfill_from_its_form(year: Site, visit: Visits) -> None:
    """Rows of two days are made wrong; the form's run mends them, and the UI shows it green."""
    first, last = date(2025, 7, 1), date(2025, 7, 2)
    wrong = "SELECT COUNT(*) FROM kpi_value WHERE period = 'D' AND value_num < 0 AND date_id BETWEEN %s AND %s"
    year.warehouse.execute(
        "UPDATE kpi_value SET value_num = -1 WHERE period = 'D' AND date_id BETWEEN %s AND %s",
        (first, last),
    )
    year.airflow.unpause("kpi_backfill")
    with visit(year, locale="en-GB") as person:
        page = person.page
        page.goto("/dags/kpi_backfill")
        page.get_by_role("button", name="Trigger").first.click()
        expect(page.get_by_text("À blanc · Dry run")).to_be_visible()
        page.locator("#element_date_from").fill(str(first))
        page.locator("#element_date_to").fill(str(last))
        page.get_by_role("button", name="Trigger").last.click()
        expect(page.get_by_text("successfully triggered").first).to_be_visible()
        page.goto("/dags/kpi_backfill/runs")  # a page that looks again by itself
        run = page.locator("tbody tr").first
        expect(run).to_contain_text("Success", timeout=4 * SECONDS)
    assert year.rows(wrong, first, last) == [(0,)]


def test_the_rendered_sql_of_a_task(year: Site, visit: Visits) -> None:
    with visit(year, locale="en-GB") as person:
        [run] = [run for run in year.airflow.runs("kpi_backfill") if run.state == "success"][-1:]
        person.page.goto(
            f"/dags/kpi_backfill/runs/{quote(run.run_id)}/tasks/windows/rendered_templates"
        )
        expect(person.page.get_by_text("INSERT INTO kpi_value").first).to_be_visible()
