"""The page shows what the tables hold: each figure is read from the database and compared."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest

from tests.e2e import school
from tests.e2e.conftest import Visits
from tests.e2e.visiting import Site, Visit, number

pytestmark = pytest.mark.timeout(400)

VALUES = """
SELECT m.code, v.value_num, v.numerator, v.denominator, v.sample_size
FROM kpi_value AS v INNER JOIN kpi_metric AS m ON m.id = v.metric_id
WHERE v.scope_id = %s AND v.target_id = %s AND v.period = %s AND v.date_id = %s ORDER BY m.code
"""


def chosen(site: Site) -> tuple[int, int]:
    return site.scope("GROUPE", 1), site.target("MODULE", 1)


def opened(visit: Visit, site: Site, **more: object) -> Visit:
    scope, target = chosen(site)
    return visit.open(scope=scope, target=target, **more)


def test_tiles_of_a_group_and_a_module(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        opened(person, year, period="M", date="2025-07-31")
        expected = year.rows(VALUES, *chosen(year), "M", date(2025, 7, 31))
        before = dict(row[:2] for row in year.rows(VALUES, *chosen(year), "M", date(2025, 6, 30)))
        assert len(expected) == 4
        for code, value, _, _, sample in expected:
            tile = person.find(f"[data-metric={code}]")
            shown = number(tile.locator(".figure").inner_text())
            assert abs(shown - float(value)) <= 0.0501, code
            change = tile.locator(".change").inner_text()
            if code in before and abs(value - before[code]) >= Decimal("0.1"):
                assert abs(number(change[2:]) - float(value - before[code])) <= 0.0501, change
                assert ("▲" in change) == (value > before[code])
            assert f"{sample}" in tile.locator("[role=tooltip]").first.text_content()
        # The table has all decimals.
        values = sorted(number(row[1]) for row in person.table("tiles"))
        assert values == sorted(float(value) for _, value, *_ in expected)


def test_a_change_for_the_worse_is_told_by_sign_word_and_colour(year: Site, visit: Visits) -> None:
    """Inactivity is better when lower: an arrow up is then a change for the worse."""
    sql = """
    SELECT v.scope_id, v.target_id, v.date_id FROM kpi_value AS v
    INNER JOIN kpi_metric AS m ON m.id = v.metric_id AND m.code = 'INACTIVITE_7J'
    INNER JOIN kpi_value AS before_it ON before_it.date_id = v.date_id - INTERVAL 1 DAY AND before_it.period = 'D'
      AND before_it.scope_id = v.scope_id AND before_it.target_id = v.target_id AND before_it.metric_id = v.metric_id
    WHERE v.period = 'D' AND v.value_num > before_it.value_num ORDER BY v.id LIMIT 1
    """
    [(scope, target, day)] = year.rows(sql)
    with visit(year) as person:
        person.open(scope=scope, target=target, date=day)
        change = person.find("[data-metric=INACTIVITE_7J] .change .worse")
        assert change.inner_text().startswith("▲ +")
        assert "dégradation" in change.inner_text()


def test_states_as_stacked_bars(year: Site, visit: Visits) -> None:
    day = date(2025, 8, 15)
    sql = (
        "SELECT domain, state_code, count FROM kpi_state_count "
        "WHERE scope_id = %s AND target_id = %s AND period = 'D' AND date_id = %s"
    )
    with visit(year) as person:
        opened(person, year, date=day)
        expected = {(domain, state): count for domain, state, count in year.rows(sql, *chosen(year), day)}  # fmt: skip
        domains = {domain for domain, _ in expected}
        assert domains == {"MODULE", "COMPETENCE", "MICRO_COMPETENCE", "UA"}
        assert person.find("#states .picture > .bars").first.locator(".stack").count() == len(
            domains
        )
        counts = [int(number(row[3])) for row in person.table("states") if row[0] == "Total"]
        assert sorted(counts) == sorted(expected.values())
        # Side by side below: each competence has its bar, of the domain chosen.
        person.find("#domain").select_option("MICRO_COMPETENCE")
        person.settled()
        assert person.texts("#states .plain") == ["C1 – Analyser", "C2 – Réaliser"]
        assert "domain=MICRO_COMPETENCE" in person.selection()


@pytest.mark.parametrize("period", ["D", "W", "M"])
def test_the_curve_of_a_metric(year: Site, visit: Visits, period: str) -> None:
    """The table beside the curve has a row for each date, and says where there is no value."""
    scope, target = year.scope("GROUPE", 1), year.target("MICRO_COMPETENCE", 1)
    sql = (
        "SELECT date_id, value_num FROM kpi_value WHERE scope_id = %s AND target_id = %s AND period = %s "
        "AND metric_id = (SELECT id FROM kpi_metric WHERE code = 'DELAI_ACQUIS_MICRO')"
    )
    known = {day: float(value) for day, value in year.rows(sql, scope, target, period)}
    with visit(year) as person:
        person.open(
            scope=scope,
            target=target,
            metric="DELAI_ACQUIS_MICRO",
            curve=period,
            period=period,
            date="2025-08-31",
        )
        rows = person.table("evolution")
        values = [number(row[1]) for row in rows if row[1] != "aucune valeur"]
        shown = sorted(value for day, value in known.items() if day <= date(2025, 8, 31))
        assert values
        assert sorted(values) == shown[-len(values) :] == shown
        if period == "D":
            assert "aucune valeur" in [row[1] for row in rows], "gaps are told as gaps"
        described = person.find("#evolution .curve").get_attribute("aria-label")
        assert f"{len(values)} valeurs" in str(described)


def test_marks_of_periods_under_way_and_of_reconstructed_days(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        opened(person, year, period="W", metric="PROGRESSION_MOY")
        assert "période en cours" in person.texts("#evolution .legend li")
        assert person.table("evolution")[0][4] == "non"
        opened(person, year, period="M", date="2025-04-30", metric="PROGRESSION_MOY")
        assert "historique reconstitué" in person.texts("#evolution .legend li")
        assert person.find("[data-metric=PROGRESSION_MOY] .badge.reconstructed").count() == 1


def test_delays(year: Site, visit: Visits) -> None:
    scope, target = year.scope("GLOBAL"), year.target("GLOBAL")
    sql = (
        "SELECT measure_code, p50, p75, p90 FROM kpi_percentiles "
        "WHERE scope_id = %s AND target_id = %s AND period = 'M' AND date_id = '2025-07-31'"
    )
    expected = {code: values for code, *values in year.rows(sql, scope, target)}
    assert len(expected) == 3
    with visit(year) as person:
        person.open(scope=scope, target=target, period="M", date="2025-07-31")
        for code, values in expected.items():
            shown = person.texts(f"[data-measure={code}] .bar-value")
            for text, value in zip(shown, values, strict=True):
                assert abs(number(text) - float(value)) <= 0.0501, code


def test_plan_and_done_with_the_gap(year: Site, visit: Visits) -> None:
    sql = (
        "SELECT expected_count, done_count, gap FROM kpi_plan_gap "
        "WHERE scope_id = %s AND target_id = %s AND period = 'M' AND date_id = '2025-07-31'"
    )
    [expected] = year.rows(sql, *chosen(year))
    with visit(year) as person:
        opened(person, year, period="M", date="2025-07-31")
        assert [number(text) for text in person.texts("#plan .facts dd")[:2]] == [*expected[:2]]
        assert number(person.table("plan")[0][3]) == expected[2]


def test_siblings_are_sorted_and_lead_to_each_other(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        opened(person, year, date="2025-08-15", metric="PROGRESSION_MOY")
        values = [number(text) for text in person.texts("#siblings .bar-value")]
        assert values == sorted(values, reverse=True)
        assert len(values) == len(school.GROUPS)
        assert person.find("#siblings [aria-current]").inner_text().count(school.GROUPS[1]) == 1
        person.find("#siblings").get_by_role("button", name=school.GROUPS[2]).click()
        person.settled()
        assert f"scope={year.scope('GROUPE', 2)}" in person.selection()


def test_what_was_rejected_and_how_fresh_the_figures_are(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        opened(person, year)
        assert "28 févr. 2026" in person.find("#freshness").inner_text()
        [[key, _, field, *_]] = person.table("rejects")
        assert (key, field) == year.rows("SELECT source_key, field FROM kpi_reject")[0]


def test_csv_of_the_tiles(year: Site, visit: Visits) -> None:
    with visit(year) as person:
        opened(person, year, period="M", date="2025-07-31")
        name, text = person.download("tiles")
        assert name.endswith(".csv")
        assert text.startswith("\ufeff"), "so that spreadsheets read accents"
        header, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";")
        expected = year.rows(VALUES, *chosen(year), "M", date(2025, 7, 31))
        assert len(rows) == len(expected)
        cells = {cell for row in rows for cell in row}
        for code, value, *_ in expected:
            short = f"{float(value):g}" if value == int(value) else str(value.normalize())
            assert {short.replace(".", ","), code} & cells, (header, rows)
