"""The numbers of each route are those of the tables, for people and for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from kpi.core.settings import PROJECT
from kpi.ui import dimensions

from tests.golden import school
from tests.ui.conftest import FORMULA, SCRIPT
from tests.warehouse import Warehouse

LEVELS = ("MODULE", "COMPETENCE", "MICRO_COMPETENCE", "UA")
LAST_DAY, WEEK, MONTH = "2026-02-15", "2026-02-15", "2026-02-28"
FACT = (
    "SELECT m.code, v.value_num, v.numerator, v.denominator, v.sample_size FROM kpi_value AS v "
    "INNER JOIN kpi_metric AS m ON m.id = v.metric_id "
    "WHERE v.scope_id = %s AND v.target_id = %s AND v.period = %s AND v.date_id = %s"
)


def get(client: httpx.Client, path: str, **parameters: object) -> Any:
    answer = client.get(f"/api/{path}", params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def ids(filled: Warehouse, scope: str, target: str, number: int = 1) -> dict[str, int]:
    """Return the ids of a scope and a target of the school, by type."""
    [(scope_id,)] = filled.rows(
        "SELECT id FROM kpi_scope WHERE scope_type = %s AND ref_key = %s",
        (scope, 0 if scope == "GLOBAL" else number),
    )
    [(target_id,)] = filled.rows(
        "SELECT id FROM kpi_target WHERE target_type = %s AND ref_key = %s",
        (target, 0 if target == "GLOBAL" else number),
    )
    return {"scope": scope_id, "target": target_id}


def facts(filled: Warehouse, asked: Mapping[str, int], period: str, day: str) -> dict[str, Any]:
    """Return the rows of kpi_value by metric code, their decimals as floats."""
    rows = filled.rows(FACT, (asked["scope"], asked["target"], period, day))
    return {code: (float(value), *rest) for code, value, *rest in rows}


def read_csv(client: httpx.Client, path: str, delimiter: str = ";", **asked: object) -> Any:
    answer = client.get(f"/api/{path}", params={**asked, "format": "csv"})  # type: ignore[arg-type]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="kpi_')
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(
        csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=delimiter)
    )


# -- what to choose from


@pytest.fixture
def new_week(filled: Warehouse) -> Iterator[Callable[..., None]]:
    """Write everybody's progress on a target in the week so many weeks ago, in the place of all that was there."""
    everybody = ids(filled, "GLOBAL", "GLOBAL")["scope"]
    where = (
        "period = 'W' AND scope_id = %s AND metric_id ="
        " (SELECT id FROM kpi_metric WHERE code = 'PROGRESSION_MOY')"
    )
    filled.execute(
        f"CREATE TABLE kept_weeks AS SELECT * FROM kpi_value WHERE {where}", (everybody,)
    )

    def write(ago: int, target: int, value: float) -> None:
        filled.execute(
            "REPLACE INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num, sample_size)"
            " SELECT %s, 'W', %s, %s, id, %s, 10 FROM kpi_metric WHERE code = 'PROGRESSION_MOY'",
            (date.fromisoformat(WEEK) - timedelta(weeks=ago), everybody, target, value),
        )

    yield write
    filled.execute(f"DELETE FROM kpi_value WHERE {where}", (everybody,))
    filled.execute("INSERT INTO kpi_value SELECT * FROM kept_weeks")
    filled.execute("DROP TABLE kept_weeks")


def test_options(client: httpx.Client, filled: Warehouse) -> None:
    found = get(client, "options")
    assert [(one["period"], one["first"], one["latest"]) for one in found["periods"]] == [
        ("D", "2026-02-13", LAST_DAY),
        ("W", WEEK, WEEK),
        ("M", MONTH, MONTH),
        ("R", "2026-02-13", LAST_DAY),
    ]
    chosen = ids(filled, "GLOBAL", "MODULE")
    assert found["default"] == {**chosen, "period": "W", "date": WEEK}
    assert len(found["metrics"]) == filled.rows("SELECT COUNT(*) FROM kpi_metric")[0][0]
    windows = {one["code"]: one["rolling"] for one in found["metrics"] if one["rolling"]}
    assert windows["SCORE_NORM_R30"] == {"of": "SCORE_NORM", "days": 30}
    assert found["labels"]["scope_type"]["APPRENANT"] == {"fr": "Apprenant", "en": "Learner"}


def test_a_page_opens_with_the_module_that_moves(
    client: httpx.Client, filled: Warehouse, new_week: Callable[..., None]
) -> None:
    """Not with the first by label, which moved weeks ago."""
    first, second = (ids(filled, "GLOBAL", "MODULE", number) for number in (1, 2))
    new_week(7, first["target"], 10)
    new_week(6, first["target"], 90)
    new_week(1, second["target"], 1)
    new_week(0, second["target"], 3)
    assert first_choice(client) == second
    # Nothing moves of late, as in a holiday: then the one that moved before.
    for ago in (0, 1, 2):
        new_week(ago, first["target"], 50)
        new_week(ago, second["target"], 50)
    assert first_choice(client) == first


def first_choice(client: httpx.Client) -> dict[str, int]:
    dimensions.forget()
    chosen = get(client, "options")["default"]
    return {"scope": chosen["scope"], "target": chosen["target"]}


def test_where_weeks_lag_behind_a_page_opens_by_day(
    client: httpx.Client, filled: Warehouse
) -> None:
    filled.execute(
        "UPDATE kpi_value SET date_id = '2026-02-08' WHERE period = 'W' AND date_id = %s", (WEEK,)
    )
    try:
        dimensions.forget()
        chosen = get(client, "options")["default"]
        assert (chosen["period"], chosen["date"]) == ("D", LAST_DAY)
    finally:
        filled.execute(
            "UPDATE kpi_value SET date_id = %s WHERE period = 'W' AND date_id = '2026-02-08'",
            (WEEK,),
        )


def test_targets_are_walked_from_the_root(client: httpx.Client, filled: Warehouse) -> None:
    root = get(client, "targets")
    assert (root["target"]["type"], root["path"]) == ("GLOBAL", [])
    assert [one["label"] for one in root["children"]] == ["MODULE n° 1", "MODULE n° 2"]
    unit = ids(filled, "GLOBAL", "MICRO_COMPETENCE")["target"]
    found = get(client, "targets", id=unit)
    assert [one["type"] for one in found["path"]] == ["GLOBAL", "MODULE", "COMPETENCE"]
    assert [one["ref_id"] for one in found["children"]] == [1, 2]


@pytest.mark.parametrize(
    ("q", "labels"),
    [
        ("", ["<script>", *(f"APPRENANT {n}" for n in (10, 11, 12, *range(2, 10)))]),
        ("appr 12", ["APPRENANT 12"]),
        ("12  ÀPPRÉNANT", ["APPRENANT 12"]),
        ("script", ["<script>"]),
        ("%", []),
        ("_", []),
        ("' OR 1=1 -- ", []),
    ],
)
def test_scopes_are_found_by_any_words_of_their_label(
    client: httpx.Client, q: str, labels: list[str]
) -> None:
    found = get(client, "scopes", type="APPRENANT", q=q)
    assert [one["label"].replace(SCRIPT, "<script>") for one in found["scopes"]] == labels
    assert not found["more"]


def test_more_scopes_than_asked_for(client: httpx.Client) -> None:
    found = get(client, "scopes", type="APPRENANT", limit=3)
    assert (len(found["scopes"]), found["more"]) == (3, True)
    [learner] = get(client, "scopes", type="APPRENANT", q="script")["scopes"]
    assert get(client, f"scope/{learner['id']}") == {"scope": learner}


# -- figures


@pytest.mark.parametrize(
    ("period", "day", "before"),
    [
        ("D", LAST_DAY, "2026-02-14"),
        ("D", "2026-02-13", "2026-02-12"),
        ("W", WEEK, "2026-02-08"),
        ("M", MONTH, "2026-01-31"),
        ("R", LAST_DAY, "2026-02-08"),
    ],
)
def test_tiles(client: httpx.Client, filled: Warehouse, period: str, day: str, before: str) -> None:
    compared = 0
    for scope, target in product(("GLOBAL", "GROUPE", "APPRENANT"), LEVELS):
        asked = ids(filled, scope, target)
        found = get(client, "tiles", **asked, period=period, date=day)
        earlier = facts(filled, asked, period, before)
        assert (found["period"], found["date"]) == (period, day)
        assert {
            one["code"]: tuple(one[k] for k in ("value", "numerator", "denominator", "sample_size"))
            for one in found["tiles"]
        } == facts(filled, asked, period, day)
        for one in found["tiles"]:
            if one["code"] in earlier:
                previous = earlier[one["code"]][0]
                assert (one["previous"], one["previous_on"]) == (previous, before)
                assert one["change"] == pytest.approx(one["value"] - previous, abs=1e-9)
                compared += 1
            else:
                assert (one["previous"], one["previous_on"], one["change"]) == (None, None, None)
    assert bool(compared) == (before == "2026-02-14")  # the only one of these that was computed


def test_a_window_is_compared_with_the_window_before_it(
    client: httpx.Client, filled: Warehouse
) -> None:
    """Seven days back for R7, thirty for R30: shown with rows put there and taken away again."""
    asked = ids(filled, "GROUPE", "MODULE")
    for code, day in (("PROGRESSION_MOY_R7", "2026-02-08"), ("PROGRESSION_MOY_R30", "2026-01-16")):
        filled.execute(
            "INSERT INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num) "
            "SELECT %s, 'R', %s, %s, id, 10 FROM kpi_metric WHERE code = %s",
            (day, asked["scope"], asked["target"], code),
        )
    try:
        tiles = get(client, "tiles", **asked, period="R", date=LAST_DAY)["tiles"]
    finally:
        filled.execute("DELETE FROM kpi_value WHERE period = 'R' AND date_id < '2026-02-10'")
    assert {
        one["code"]: (one["previous"], one["previous_on"]) for one in tiles if one["previous"]
    } == {
        "PROGRESSION_MOY_R7": (10, "2026-02-08"),
        "PROGRESSION_MOY_R30": (10, "2026-01-16"),
    }


def test_any_day_stands_for_its_week_and_none_for_the_latest(
    client: httpx.Client, filled: Warehouse
) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    latest = get(client, "tiles", **asked, period="W")
    assert latest == get(client, "tiles", **asked, period="W", date="2026-02-10")
    assert (latest["date"], latest["complete"]) == (WEEK, True)
    month = get(client, "tiles", **asked, period="M", date="2026-02-02")
    assert (month["date"], month["complete"]) == (MONTH, False)


def test_a_tile_says_how_far_it_can_be_trusted(client: httpx.Client, filled: Warehouse) -> None:
    tiles = get(client, "tiles", **ids(filled, "GROUPE", "MODULE"), date=LAST_DAY)["tiles"]
    assert {one["code"]: (one["sample_size"], one["reliability"]) for one in tiles} == {
        "PCT_ACQUIS": (8, "medium"),
        "PCT_COUVERTURE_UA": (32, "high"),
        "PROGRESSION_MOY": (3, "low"),
        "SCORE_NORM": (2, "low"),
    }
    assert {one["code"] for one in tiles if one["reconstructed"]} == {
        code
        for (code,) in filled.rows(
            "SELECT m.code FROM kpi_value AS v INNER JOIN kpi_metric AS m ON m.id = v.metric_id "
            "WHERE v.extra_json ->> '$.reconstructed' > 0 AND v.period = 'D' AND v.date_id = %s "
            "AND v.scope_id = %s AND v.target_id = %s",
            (LAST_DAY, *ids(filled, "GROUPE", "MODULE").values()),
        )
    }


@pytest.mark.parametrize(("period", "day"), [("D", "2026-02-14"), ("W", WEEK), ("M", MONTH)])
def test_states_of_a_target_and_its_children(
    client: httpx.Client, filled: Warehouse, period: str, day: str
) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    found = get(client, "states", **asked, period=period, date=day)
    shown = {asked["target"]: found["domains"]}
    shown |= {one["target"]["id"]: one["domains"] for one in found["children"]}
    assert len(shown) == 3
    for target, domains in shown.items():
        expected = filled.rows(
            "SELECT domain, state_code, state_ordre, count FROM kpi_state_count "
            "WHERE scope_id = %s AND target_id = %s AND period = %s AND date_id = %s",
            (asked["scope"], target, period, day),
        )
        assert expected
        assert sorted(
            (one["domain"], state["code"], state["order"], state["count"])
            for one in domains
            for state in one["states"]
        ) == sorted(expected)
        for one in domains:
            assert one["total"] == sum(state["count"] for state in one["states"])
            orders = [state["order"] for state in one["states"]]
            assert orders == sorted(orders)


def test_windows_are_answered_by_the_day_where_there_are_none(
    client: httpx.Client, filled: Warehouse
) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    for route in ("states", "delays"):
        assert get(client, route, **asked, period="R") == get(client, route, **asked, period="D")


def test_an_evolution_has_every_day_and_gaps_are_null(
    client: httpx.Client, filled: Warehouse
) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    code, first, last = "PROGRESSION_MOY", date(2026, 2, 11), date(2026, 2, 17)
    found = get(client, "evolution", **asked, metric=code, **{"from": first, "to": last})
    days = [str(first + timedelta(days=n)) for n in range(7)]
    assert [one["date"] for one in found["points"]] == days
    for point in found["points"]:
        stored = facts(filled, asked, "D", point["date"]).get(code)
        assert (point["value"] is None) == (stored is None)
        assert point["complete"] == (None if stored is None else True)
        if stored:
            shown = (point[k] for k in ("value", "numerator", "denominator", "sample_size"))
            assert tuple(shown) == stored
            assert point["reconstructed"] == stored[3]  # all of them, so near the first capture


@pytest.mark.parametrize(
    ("period", "dates"),
    [
        ("W", ["2026-01-25", "2026-02-01", "2026-02-08", "2026-02-15", "2026-02-22"]),
        ("M", ["2026-01-31", "2026-02-28"]),
    ],
)
def test_an_evolution_by_weeks_and_months(
    client: httpx.Client, filled: Warehouse, period: str, dates: list[str]
) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    within = {"from": "2026-01-19", "to": "2026-02-18"}
    found = get(client, "evolution", **asked, metric="PCT_ACQUIS", period=period, **within)
    assert [one["date"] for one in found["points"]] == dates
    values = {one["date"]: one["value"] for one in found["points"] if one["value"] is not None}
    assert values == {
        day: facts(filled, asked, period, day)["PCT_ACQUIS"][0]
        for day in dates
        if day in (WEEK, MONTH)
    }


def test_without_a_range_an_evolution_begins_with_the_figures(
    client: httpx.Client, filled: Warehouse
) -> None:
    found = get(client, "evolution", **ids(filled, "GROUPE", "MODULE"), metric="SCORE_NORM")
    assert (found["from"], found["to"], len(found["points"])) == ("2026-02-13", LAST_DAY, 3)


def test_delays(client: httpx.Client, filled: Warehouse) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    found = get(client, "delays", **asked, period="M", date=MONTH)
    expected = filled.rows(
        "SELECT measure_code, p50, p75, p90, sample_size FROM kpi_percentiles "
        "WHERE scope_id = %s AND target_id = %s AND period = 'M' AND date_id = %s",
        (asked["scope"], asked["target"], MONTH),
    )
    assert len(expected) == 3
    assert {
        one["code"]: tuple(one[k] for k in ("p50", "p75", "p90", "sample_size"))
        for one in found["measures"]
    } == {code: (float(a), float(b), float(c), n) for code, a, b, c, n in expected}
    units = {one["code"]: one["unit"] for one in found["measures"]}
    assert (units["DELAI_FEEDBACK"], units["DELAI_ACQUIS_COMP"]) == ("heures", "jours")


def test_a_measure_is_called_as_its_file_says_or_by_its_code(
    client: httpx.Client, filled: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropped in as one file, it is shown; rows whose file is gone are shown too."""
    filled.execute("DELETE FROM kpi_percentiles WHERE measure_code LIKE 'DELAI_UA%'")
    asked = ids(filled, "GROUPE", "MODULE")
    for code in ("DELAI_UA", "DELAI_UA_ANCIEN"):
        filled.execute(
            "INSERT INTO kpi_percentiles (date_id, scope_id, target_id, measure_code, p50, p75, p90, sample_size)"
            " VALUES ('2026-02-01', %s, %s, %s, 1, 2, 3, 4)",
            (asked["scope"], asked["target"], code),
        )
    folder = tmp_path / "facts" / "kpi_percentiles"
    folder.mkdir(parents=True)
    text = (
        PROJECT / "include" / "sql" / "facts" / "kpi_percentiles" / "DELAI_FEEDBACK.sql"
    ).read_text()
    text = text.replace("DELAI_FEEDBACK", "DELAI_UA").replace("Time to feedback", "Time to do")
    (folder / "DELAI_UA.sql").write_text(text, "utf-8")
    dropped = filled.settings.model_copy(update={"sql_dir": tmp_path})
    monkeypatch.setattr(dimensions, "settings", lambda: dropped)
    dimensions.forget()

    measures = get(client, "delays", **asked, period="D", date="2026-02-01")["measures"]
    said = [
        tuple(one[key] for key in ("code", "label", "label_en", "unit", "p90")) for one in measures
    ]
    assert said == [
        ("DELAI_UA", "Délais de feedback", "Time to do", "heures", 3),
        ("DELAI_UA_ANCIEN", "DELAI_UA_ANCIEN", "DELAI_UA_ANCIEN", "", 3),
    ]
    labels = get(client, "options")["labels"]["measure"]
    assert labels == {"DELAI_UA": {"fr": "Délais de feedback", "en": "Time to do"}}
    filled.execute("DELETE FROM kpi_percentiles WHERE measure_code LIKE 'DELAI_UA%'")


@pytest.mark.parametrize(("period", "day", "over"), [("W", WEEK, True), ("M", MONTH, False)])
def test_plan_against_done(
    *, client: httpx.Client, filled: Warehouse, period: str, day: str, over: bool
) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    [point] = get(client, "plan", **asked, period=period)["points"]
    [(expected, done, gap, coverage)] = filled.rows(
        "SELECT expected_count, done_count, gap, coverage_pct FROM kpi_plan_gap "
        "WHERE scope_id = %s AND target_id = %s AND period = %s AND date_id = %s",
        (asked["scope"], asked["target"], period, day),
    )
    assert point == {
        "date": day,
        "expected": expected,
        "done": done,
        "gap": gap,
        "coverage": float(coverage),
        "complete": over,
    }


@pytest.mark.parametrize(
    ("scope", "siblings"),
    [
        ("GROUPE", {1, 2}),
        ("APPRENANT", {1, 2, 4, 6}),  # 3 has changed group and 5 is gone since
    ],
)
def test_siblings_come_best_first(
    client: httpx.Client, filled: Warehouse, scope: str, siblings: set[int]
) -> None:
    asked = ids(filled, scope, "COMPETENCE")
    for metric, descending in (("PROGRESSION_MOY", True), ("DELAI_FEEDBACK", False)):
        found = get(client, "siblings", **asked, metric=metric, period="M", date=MONTH)
        stored = filled.rows(
            "SELECT s.ref_id, v.value_num FROM kpi_value AS v "
            "INNER JOIN kpi_scope AS s ON s.id = v.scope_id AND s.scope_type = %s "
            "INNER JOIN kpi_metric AS m ON m.id = v.metric_id AND m.code = %s "
            "WHERE v.period = 'M' AND v.date_id = '2026-02-28' AND v.target_id = %s",
            (scope, metric, asked["target"]),
        )
        expected = {ref: float(value) for ref, value in stored if ref in siblings}
        assert expected
        assert {one["scope"]["ref_id"]: one["value"] for one in found["rows"]} == expected
        values = [one["value"] for one in found["rows"]]
        assert values == sorted(values, reverse=descending)
        assert found["left_out"] == 0
        for one in found["rows"]:
            better = [v for v in values if (v > one["value"] if descending else v < one["value"])]
            assert one["rank"] == len(better) + 1
            assert one["chosen"] == (one["scope"]["id"] == asked["scope"])


def test_the_scope_asked_for_is_shown_beyond_the_limit(
    client: httpx.Client, filled: Warehouse
) -> None:
    everyone = get(
        client, "siblings", **ids(filled, "APPRENANT", "MODULE"), metric="PROGRESSION_MOY"
    )["rows"]
    last = everyone[-1]
    asked = {"scope": last["scope"]["id"], "target": ids(filled, "GLOBAL", "MODULE")["target"]}
    found = get(client, "siblings", **asked, metric="PROGRESSION_MOY", limit=2)
    assert [one["scope"] for one in found["rows"][2:]] == [last["scope"]]
    assert found["rows"][-1]["rank"] == last["rank"]
    assert found["left_out"] == len(everyone) - 3


# -- where the figures come from


def test_freshness(client: httpx.Client, filled: Warehouse) -> None:
    found = get(client, "freshness")
    assert found["captured_at"] == "2026-02-16T01:30:00Z"
    shown = {(one["table"], one["period"]): one for one in found["facts"]}
    assert len(shown) == 12
    for (table, period), one in shown.items():
        rows = filled.rows(
            f"SELECT COUNT(*) FROM {table} WHERE period = %s AND date_id = %s",
            (period, one["last_date"]),
        )
        assert (one["rows"], one["state"], one["message"]) == (rows[0][0], "DONE", None)
    assert shown["kpi_value", "M"]["last_date"] == MONTH


def test_a_failure_is_told_until_its_slice_or_a_later_one_is_written(
    client: httpx.Client, filled: Warehouse
) -> None:
    def said() -> tuple[str, str | None, str]:
        dimensions.forget()
        [one] = [
            one
            for one in get(client, "freshness")["facts"]
            if (one["table"], one["period"]) == ("kpi_value", "D")
        ]
        return one["state"], one["message"], one["last_date"]

    ledger = (
        "INSERT INTO kpi_run (table_name, period, date_from, date_to, state, message, started_at, finished_at) "
        "VALUES ('kpi_value', 'D', %s, %s, %s, %s, NOW(), NOW())"
    )
    [(newest,)] = filled.rows("SELECT MAX(id) FROM kpi_run")
    try:
        filled.execute(ledger, ("2026-02-16", "2026-02-16", "FAILED", "No room."))
        assert said() == ("FAILED", "No room.", LAST_DAY)
        filled.execute(ledger, ("2026-02-16", "2026-02-16", "DONE", None))
        assert said() == ("DONE", None, "2026-02-16")
    finally:
        filled.execute("DELETE FROM kpi_run WHERE id > %s", (newest,))


def test_rejects(client: httpx.Client) -> None:
    found = get(client, "rejects")
    assert {
        (one["relation"], one["source_key"], one["field"], one["reason"]) for one in found["rows"]
    } == set(school.bad_rows())
    assert found["total"] == sum(one["rows"] for one in found["reasons"]) == 5
    assert [one["current"] for one in found["reasons"]] == [1] * 5
    page = get(client, "rejects", limit=2, offset=4)
    assert (page["rows"], page["total"]) == (found["rows"][4:], 5)


# -- for spreadsheets


def test_csv_has_the_numbers_of_the_chart(client: httpx.Client, filled: Warehouse) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    shown = {one["label"]: one for one in get(client, "tiles", **asked)["tiles"]}
    for line in read_csv(client, "tiles", **asked):
        tile = shown.pop(line["Libellé"])
        assert float(line["Valeur"].replace(",", ".")) == tile["value"]
        assert (line["Échantillon"], line["Complet"]) == (str(tile["sample_size"]), "oui")
    assert not shown


def test_csv_in_english_has_commas_and_points(client: httpx.Client, filled: Warehouse) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    points = read_csv(client, "evolution", ",", **asked, metric="PROGRESSION_MOY", lang="en")
    assert [(one["Date"], one["Value"]) for one in points] == [
        ("2026-02-13", "80"),
        ("2026-02-14", "75"),
        ("2026-02-15", "66.6667"),
    ]


def test_a_label_is_no_formula_and_a_negative_number_is_a_number(
    client: httpx.Client, filled: Warehouse
) -> None:
    asked = ids(filled, "GROUPE", "MODULE")
    groups = read_csv(client, "siblings", **asked, metric="PROGRESSION_MOY")
    assert sorted(one["Libellé"] for one in groups) == [f"'{FORMULA}", "GROUPE 1"]
    [week] = read_csv(client, "plan", **asked)
    assert int(week["Écart"]) < 0


@pytest.mark.parametrize("route", ["states", "delays", "freshness", "rejects"])
def test_every_chart_has_its_csv(client: httpx.Client, filled: Warehouse, route: str) -> None:
    asked: dict[str, object] = {}
    if route in ("states", "delays"):
        asked = {**ids(filled, "GROUPE", "MODULE"), "period": "M"}
    french = read_csv(client, route, **asked)
    english = read_csv(client, route, ",", **asked, lang="en")
    assert len(french) == len(english) > 0


# -- labels


def test_a_name_that_is_a_script_stays_text(client: httpx.Client) -> None:
    answer = client.get("/api/scopes", params={"type": "APPRENANT", "q": "script"})
    assert answer.json()["scopes"][0]["label"] == SCRIPT
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
