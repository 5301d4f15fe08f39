"""Links, languages, keyboard, small screens, hostile names, late answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import kpi.ui
import pytest
from playwright.sync_api import Route, expect

from tests.e2e import school
from tests.e2e.conftest import Visits
from tests.e2e.visiting import Site

pytestmark = pytest.mark.timeout(400)
STATIC = Path(kpi.ui.__path__[0]) / "static"
PHONE = {"width": 360, "height": 740}


def test_a_link_holds_the_whole_selection(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        person.open(scope=year.scope("GLOBAL"), target=year.target("GLOBAL"))
        person.choose_scope("GROUPE", "soir", school.GROUPS[2])
        person.go_down("Développement digital")
        person.go_down("M101 – Applications web")
        person.choose_period("W", "Semaine")
        person.find("#tile-SCORE_NORM").click()
        person.settled()
        link = str(person.find("#share").get_attribute("data-link"))
        view = person.find(".view").inner_text()
        person.page.goto("about:blank")
        person.page.goto(link)
        person.settled()
        assert person.find("h1").inner_text() == "M101 – Applications web"
        assert person.find(".view").inner_text() == view
        assert person.find("#metric").input_value() == "SCORE_NORM"


def test_back_and_forward(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        person.open(scope=year.scope("GROUPE", 1), target=year.target("MODULE", 1))
        person.go_down("C1 – Analyser")
        person.page.go_back()
        expect(person.find("h1")).to_have_text("M101 – Applications web")
        person.page.go_forward()
        expect(person.find("h1")).to_have_text("C1 – Analyser")
        person.settled()


def test_english_by_a_switch(year: Site, visit: Visits) -> None:
    """Words, numbers and dates; the address keeps the language."""
    with visit(year) as person:
        person.open(
            scope=year.scope("GROUPE", 1), target=year.target("MODULE", 1), date="2025-07-09"
        )
        assert "9 juil. 2025" in person.find(".view").inner_text()
        french = person.find("[data-metric=PROGRESSION_MOY] .figure strong").inner_text()
        person.find("label[for=lang-en]").click()
        expect(person.find(".view")).to_contain_text("9 Jul 2025")
        person.settled()
        assert person.find("html").get_attribute("lang") == "en"
        assert person.find("#tiles-title").inner_text() == "Indicators"
        english = person.find("[data-metric=PROGRESSION_MOY] .figure strong").inner_text()
        assert english == french.replace(",", ".") != french
        assert "lang=en" in person.selection()
        assert ";" not in person.download("tiles")[1].splitlines()[0]


def test_the_keyboard_is_enough(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        person.open(scope=year.scope("APPRENANT", 11), target=year.target("MODULE", 1))
        box = person.find("#scope-box")
        box.focus()
        person.page.keyboard.type("zoé")
        expect(person.find("[role=option]")).to_have_count(1)
        person.page.keyboard.press("ArrowDown")
        active = box.get_attribute("aria-activedescendant")
        assert person.find(f"#{active}").get_attribute("aria-selected") == "true"
        person.page.keyboard.press("Enter")
        expect(person.find(".view")).to_contain_text("Zoé LEFÈVRE")
        person.settled()
        expect(box).to_be_focused()
        person.find("#period-D").focus()
        person.page.keyboard.press("ArrowRight")
        expect(person.find(".view")).to_contain_text("Semaine")
        expect(person.find("#period-W")).to_be_focused()
        # What a badge means is shown on focus.
        person.settled()
        person.find("#delays-title").scroll_into_view_if_needed()
        person.find("#tile-PROGRESSION_MOY").focus()
        person.page.keyboard.press("Tab")
        expect(person.find("[data-metric=PROGRESSION_MOY] [role=tooltip]").first).to_be_visible()
        expect(person.find("[data-metric=PROGRESSION_MOY] [role=tooltip]").first).to_contain_text(
            "Échantillon : 1"
        )


def test_a_learner_named_script(year: Site, visit: Visits) -> None:
    """A label is text wherever it is shown: the visit would complain of a dialog or of a refused script."""
    with visit(year) as person:
        person.open(scope=year.scope("APPRENANT", 11), target=year.target("MODULE", 1))
        person.choose_scope("APPRENANT", "<script", school.HOSTILE)
        assert school.HOSTILE in person.find(".view").inner_text()
        assert school.HOSTILE in person.page.title()
        assert person.find("#scope-box").input_value() == school.HOSTILE
        assert school.HOSTILE in person.texts("#siblings .plain")
        assert "'=HYPERLINK(0)" in person.download("siblings")[1], "no formula for a spreadsheet"
        assert person.find("body script, section script").count() == 0


def test_a_late_answer_does_not_overwrite_a_newer_selection(year: Site, visit: Visits) -> None:
    late, early = year.target("COMPETENCE", 1), year.target("MODULE", 1)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with visit(year) as person:
        person.open(scope=year.scope("GROUPE", 1), target=early, date="2025-08-15")
        before = person.texts("#tiles .figure")
        person.page.route(f"**/kpi/api/tiles*target={late}*", hold)
        person.find(f"#target-{late}").click()
        expect(person.find("h1")).to_have_text("C1 – Analyser")
        wait_for(lambda: held != [], person.page.wait_for_timeout)
        person.page.go_back()
        expect(person.find("h1")).to_have_text("M101 – Applications web")
        person.settled()
        for route in held:
            route.continue_()
        person.page.unroute_all(behavior="wait")
        assert person.texts("#tiles .figure") == before
        assert person.find("#tiles").get_attribute("aria-busy") == "false"


def test_what_is_typed_outlasts_a_redraw(year: Site, visit: Visits) -> None:
    """The filters of a new type are drawn when its first scope is there: who types meanwhile goes on typing."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with visit(year) as person:
        person.open(scope=year.scope("GROUPE", 1), target=year.target("MODULE", 1))
        person.page.route("**/kpi/api/scope/*", hold)
        person.find("#scope-type").select_option("APPRENANT")
        wait_for(lambda: held != [], person.page.wait_for_timeout)
        box = person.find("#scope-box")
        box.focus()
        person.page.keyboard.type("zo")
        for route in held:
            route.continue_()
        person.page.unroute_all(behavior="wait")
        expect(person.find(".view")).to_contain_text("Apprenant")
        person.page.keyboard.type("é")
        expect(box).to_have_value("zoé")
        person.find("#filters [role=option]:text('zoé')").click()
        expect(person.find(".view")).to_contain_text("Zoé LEFÈVRE")
        person.settled()


def wait_for(over: Callable[[], bool], pause: Callable[[float], None]) -> None:
    """Wait for what the browser's events bring about."""
    for _ in range(600):
        if over():
            return
        pause(50)
    raise AssertionError("it did not come about in 30 s")


def test_a_part_that_fails_says_so_and_can_be_tried_again(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        person.page.route("**/kpi/api/delays*", lambda route: route.fulfill(status=500, body="{}"))
        person.open(
            scope=year.scope("GLOBAL"), target=year.target("GLOBAL"), period="M", date="2025-07-31"
        )
        expect(person.find("#delays [role=alert]")).to_contain_text("n’a pas pu être chargée")
        assert person.find("#tiles-title").is_visible(), "the others stand"
        person.page.unroute("**/kpi/api/delays*")
        person.find("#delays").get_by_role("button", name="Réessayer").click()
        expect(person.find("#delays .measure").first).to_be_visible()
        person.settled()
        person.complaints = [one for one in person.complaints if "/kpi/api/delays" not in one]


def test_all_modules_are_named_in_the_page(one_day: Site, visit: Visits) -> None:
    """So that the browser fetches them at once."""
    files = {
        str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js") if "vendor" not in path.parts
    }
    with visit(one_day) as person:
        person.open()
        links = person.find("link[rel=modulepreload]").evaluate_all(
            "all => all.map(one => one.getAttribute('href'))"
        )
        assert {link.removeprefix("static/") for link in links} == files - {"main.js"}


def test_every_message_is_in_both_languages(one_day: Site, visit: Visits) -> None:
    with visit(one_day) as person:
        person.open()
        messages = person.page.evaluate(
            "async () => (await import('/kpi/static/messages.js')).MESSAGES"
        )
        assert messages["fr"].keys() == messages["en"].keys()
        for key, french in messages["fr"].items():
            places = re.findall(r"{\w+}", french)
            assert french
            assert sorted(places) == sorted(re.findall(r"{\w+}", messages["en"][key])), key


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("endOf('W', '2027-01-01')", "2027-01-03"),  # week 53 of 2026
        ("endOf('W', '2026-02-15')", "2026-02-15"),  # a Sunday
        ("endOf('M', '2028-02-01')", "2028-02-29"),
        ("step('M', '2026-01-31', 1)", "2026-02-28"),
        ("step('W', '2026-03-22', -1)", "2026-03-15"),
        ("step('D', '2026-03-01', -1)", "2026-02-28"),
        ("written('5/3/2026')", "2026-03-05"),
        ("written('2026-03-05')", "2026-03-05"),
        ("written('31/02/2026')", None),
    ],
)
def test_dates(one_day: Site, visit: Visits, question: str, answer: str | None) -> None:
    with visit(one_day) as person:
        person.page.goto("/kpi/")
        module = "const { endOf, step, written } = await import('/kpi/static/dates.js');"
        assert person.page.evaluate(f"async () => {{ {module} return {question}; }}") == answer
        person.settled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(year: Site, visit: Visits, scheme: str) -> None:
    """Axe's rules: names, roles, contrasts."""
    with visit(year, color_scheme=scheme) as person:
        person.open(
            scope=year.scope("GROUPE", 1), target=year.target("MODULE", 1), date="2025-08-15"
        )
        for section in ("tiles", "evolution", "states", "plan"):
            person.table(section)
        assert person.barriers() == []


def test_a_phone(year: Site, visit: Visits) -> None:
    with visit(year, viewport=PHONE, has_touch=True) as person:
        person.open(
            scope=year.scope("GROUPE", 1),
            target=year.target("MODULE", 1),
            period="M",
            date="2025-08-31",
        )
        for section in ("tiles", "evolution", "states", "plan", "siblings", "rejects"):
            person.table(section)
        assert not person.scrolls_sideways()
        person.find(".badge").first.tap()
        assert not person.scrolls_sideways()


def test_a_date_that_is_typed(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        person.open(scope=year.scope("GROUPE", 1), target=year.target("MODULE", 1), period="W")
        person.find("#date").fill("09/07/2025")
        person.find("#date").press("Enter")
        expect(person.find("#date")).to_have_value("13/07/2025")  # the week's Sunday
        person.settled()
        person.find("#date").fill("demain")
        person.find("#date").press("Enter")
        expect(person.find("#date")).to_have_attribute("aria-invalid", "true")


def test_a_link_to_what_is_gone(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        person.open(scope=999999, target=year.target("MODULE", 1))
        expect(person.find("[role=alert]")).to_be_visible()
        person.find("#main").get_by_role("button").click()
        expect(person.find("#tiles-title")).to_be_visible()
        person.settled()
        person.complaints = [one for one in person.complaints if "999999" not in one]
