"""A database that holds nothing yet, or one day."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visits
from tests.e2e.visiting import Site

pytestmark = pytest.mark.timeout(400)


def test_nothing_computed_yet(empty: Site, visit: Visits) -> None:
    with visit(empty) as person:
        person.open()
        assert person.find("h2").inner_text() == "Rien n’est encore calculé"
        dags = ["kpi_bootstrap", "kpi_time_dimension", "kpi_daily", "kpi_rollup", "kpi_backfill"]
        assert person.texts("#main code") == dags
        person.find("label[for=lang-en]").click()
        expect(person.find("h2")).to_have_text("Nothing is computed yet")
        assert person.barriers() == []


def test_a_single_day(one_day: Site, visit: Visits) -> None:
    with visit(one_day) as person:
        person.open(scope=one_day.scope("GROUPE", 1), target=one_day.target("MODULE", 1))
        assert "28 févr. 2026" in person.find(".view").inner_text()
        assert person.find("#tiles .tile").count() == 4
        assert set(person.texts("#tiles .change")) == {"pas de valeur avant"}
        assert len(person.table("evolution")) == 1
        assert person.find("#date-earlier").is_disabled()
        assert person.find("#date-later").is_disabled()
        person.choose_period("R", "Jours glissants")
        assert person.find("#tiles .tile").count() > 0
        assert person.find("#curve-D").count() == 0, "a window has windows only"


def test_status_and_an_alert_that_leads_to_its_figures(one_day: Site, visit: Visits) -> None:
    scope, target = one_day.scope("GROUPE", 1), one_day.target("MODULE", 1)
    with visit(one_day) as person:
        person.open(scope=one_day.scope("GLOBAL"), target=one_day.target("GLOBAL"))
        alert = person.find("#alerts [data-code=PCT_ACQUIS]")
        expect(alert).to_contain_text("% Compétences acquises")
        items = one_day.airflow.call("GET", "/kpi/api/status")["items"]
        assert person.texts("#status h3") == [item["title_fr"] for item in items]
        alert.get_by_role("button").click()
        expect(person.find("h1")).to_have_text("M101 – Applications web")
        person.settled()
        assert f"scope={scope}&target={target}" in person.selection()
        assert person.barriers() == []
