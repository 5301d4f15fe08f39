"""The catalogue: headers of .sql files, validated, wrong ones named with file and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kpi.core import catalog
from kpi.core.settings import PROJECT

SQL = PROJECT / "include" / "sql"
# The seed's metrics (SEED, section 3), in the order of its columns.
ALL_THREE = ("MODULE", "COMPETENCE", "MICRO_COMPETENCE")
SEED = [
    ("PROGRESSION_MOY", "Progression moyenne", "%", "AVG", True, "PROGRESSION", ALL_THREE),
    ("SCORE_NORM", "Score normalisé", "points", "AVG", True, "MAITRISE", ALL_THREE),
    (
        *("PCT_ACQUIS", "% Compétences acquises", "%", "PCT", True, "MAITRISE"),
        ("MODULE", "COMPETENCE"),
    ),
    (
        *("PCT_COUVERTURE_UA", "% UA réalisées / plan", "%", "PCT", True, "COUVERTURE"),
        ("UA", "MODULE"),
    ),
    (
        *("INACTIVITE_7J", "% micro-comp inactives 7j", "%", "PCT", False, "ACTIVITE"),
        ("COMPETENCE", "MICRO_COMPETENCE"),
    ),
    (
        *("DELAI_ACQUIS_MICRO", "Médiane délais acquisition micro", "jours", "MEDIAN"),
        *(False, "RYTHME", ("MICRO_COMPETENCE",)),
    ),
    ("DELAI_FEEDBACK", "Médiane délais feedback", "heures", "MEDIAN", False, "FEEDBACK", ALL_THREE),
]
HEADER = {
    "code": "X",
    "label": "Essai",
    "unit": "'%'",
    "agg": "PCT",
    "counts": "flow",
    "higher_is_better": "true",
    "category": "QUALITE",
    "target_levels": "[MODULE]",
    "reads": "{realisation: [UA]}",
    "rollup": "LAST",
    "description": "What it counts.",
    "example": "1 of 2 gives 50.",
}


def metric(folder: Path, name: str = "X", text: str | None = None, **changes: str | None) -> Path:
    """Write a metric's file whose header has some keys changed or (None) left out."""
    keys = {key: value for key, value in (HEADER | changes).items() if value is not None}
    header = "\n".join(f"{key}: {value}" for key, value in keys.items())
    path = folder / f"{name}.sql"
    path.write_text(f"/*\n{header}\n*/\nSELECT 1\n" if text is None else text)
    return path


def measure(folder: Path, name: str = "X", **changes: str | None) -> Path:
    """The same of a percentile measure."""
    other = dict.fromkeys(("counts", "higher_is_better", "category"))
    ours = {"agg": "PERCENTILE", "unit": "jours", "rollup": "RECOMPUTE"}
    return metric(folder, name, None, **(other | ours | changes))


def refusal(path: Path, model: type[catalog.Figure] = catalog.Metric) -> str:
    with pytest.raises(catalog.HeaderError) as error:
        catalog.read_header(path, model)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message.replace(str(path), "FILE")


def test_the_seeds_metrics_are_there_with_its_values() -> None:
    found = {
        (m.code, m.label, m.unit, m.agg, m.higher_is_better, m.category, frozenset(m.target_levels))
        for m in catalog.metrics(SQL)
    }
    assert found >= {(*row[:-1], frozenset(row[-1])) for row in SEED}


def test_every_figure_says_what_it_counts_with_an_example_in_numbers() -> None:
    figures = [
        *catalog.metrics(SQL),
        *catalog.measures(SQL, "kpi_state_count"),
        *catalog.measures(SQL, "kpi_percentiles"),
    ]
    assert len(figures) >= 7 + 1 + 3
    for figure in figures:
        assert len(figure.description) > 40
        assert any(character.isdigit() for character in figure.example), figure.code


def test_a_header_is_read(tmp_path: Path) -> None:
    found = catalog.read_header(metric(tmp_path), catalog.Metric)
    assert (found.code, found.target_levels) == ("X", ("MODULE",))
    assert found.template == "facts/kpi_value/X.sql"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"unit": None, "unite": "'%'"},
            "key 'unit' is missing; unknown key 'unite' (the keys are code, label, unit, label_en, ",
        ),
        ({"agg": "MEAN"}, "agg: 'MEAN': Input should be 'AVG', 'SUM', 'COUNT', 'MEDIAN', "),
        ({"counts": None}, "key 'counts' is missing"),
        ({"counts": "stocks"}, "counts: 'stocks': Input should be 'stock', 'flow' or 'distinct'"),
        ({"category": "Qualité"}, "category: 'Qualité': Input should be 'PROGRESSION', "),
        ({"higher_is_better": "maybe"}, "higher_is_better: 'maybe': Input should be a valid bool"),
        ({"target_levels": "[]"}, "target_levels: []: Tuple should have at least 1 item"),
        ({"target_levels": "[REFERENTIEL]"}, "target_levels.0: 'REFERENTIEL': Input should be 'G"),
        ({"target_levels": "[UA, UA]"}, "target_levels: ['UA', 'UA']: Value error, a level is nam"),
        ({"description": "''"}, "description: '': String should have at least 1 character"),
        ({"code": "x y"}, "code: 'x y': String should match pattern"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(
    tmp_path: Path, changes: dict[str, str | None], message: str
) -> None:
    assert refusal(metric(tmp_path, **changes)).startswith(
        f"The header of FILE is wrong: {message}"
    )


@pytest.mark.parametrize(
    ("alerts", "says"),
    [
        ("{below: 50, for: 3, scopes: [GROUPE]}", ("below 50 for 3", "amber")),
        ("{above: 99.50, scopes: [GLOBAL, SESSION], level: red}", ("above 99.5 for 1", "red")),
    ],
)
def test_an_alert_is_read(tmp_path: Path, alerts: str, says: tuple[str, str]) -> None:
    found = catalog.read_header(metric(tmp_path, alerts=f"[{alerts}]"), catalog.Metric)
    assert [(rule.code, rule.level) for rule in found.alerts] == [says]


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        (
            "{below: 50, above: 90, scopes: [GROUPE]}",
            "alerts.0: {'below': 50, 'above': 90, 'scopes': ['GROUPE']}: Value error, a threshold is either "
            "below or above; give one of the two keys",
        ),
        (
            "{scopes: [GROUPE]}",
            "alerts.0: {'scopes': ['GROUPE']}: Value error, a threshold is either",
        ),
        (
            "{below: low, scopes: [GROUPE]}",
            "alerts.0.below: 'low': Input should be a valid decimal",
        ),
        (
            "{below: 5, for: 0, scopes: [GROUPE]}",
            "alerts.0.for: 0: Input should be greater than or",
        ),
        ("{below: 5, scopes: []}", "alerts.0.scopes: []: Tuple should have at least 1 item"),
        ("{below: 5}", "key 'alerts.0.scopes' is missing"),
        ("{below: 5, scopes: [CLASSE]}", "alerts.0.scopes.0: 'CLASSE': Input should be 'GLOBAL', "),
        (
            "{below: 5, scopes: [GROUPE], level: pink}",
            "alerts.0.level: 'pink': Input should be 'amb",
        ),
        (
            "{under: 5, below: 5, scopes: [GROUPE]}",
            "unknown key 'alerts.0.under' (the keys are below, above, for, scopes, targets, level)",
        ),
        (
            "{below: 5, scopes: [GROUPE], targets: [UA]}",
            "Value error, the alert 'below 5 for 1' watches UA, at which the metric is not computed; "
            "choose of its target_levels MODULE",
        ),
        (
            "{below: 5, scopes: [GROUPE]}, {below: 5.0, scopes: [GROUPE], targets: [MODULE]}",
            "Value error, the alert 'below 5 for 1' is declared twice for the same scopes and targets; ",
        ),
    ],
)
def test_a_wrong_alert_is_refused_with_the_way_out(
    tmp_path: Path, alerts: str, message: str
) -> None:
    assert refusal(metric(tmp_path, alerts=f"[{alerts}]")).startswith(
        f"The header of FILE is wrong: {message}"
    )


@pytest.mark.parametrize(
    ("agg", "rollup"),
    [
        ("AVG", "SUM"),
        ("AVG", "RATIO_OF_SUMS"),
        ("PCT", "SUM"),
        ("PCT", "WEIGHTED_MEAN"),
        ("COUNT", "WEIGHTED_MEAN"),
        *(("MEDIAN", rule) for rule in ("LAST", "SUM", "RATIO_OF_SUMS", "WEIGHTED_MEAN")),
    ],
)
def test_a_rollup_that_gives_a_wrong_figure_is_refused(
    tmp_path: Path, agg: str, rollup: str
) -> None:
    message = refusal(metric(tmp_path, agg=agg, rollup=rollup))
    assert (
        f"a figure with agg {agg} cannot roll up by {rollup}: the figure would be wrong" in message
    )
    assert f"choose {' or '.join(catalog.SOUND_ROLLUPS[agg])}" in message


@pytest.mark.parametrize(
    ("agg", "rollup", "choice"),
    [("PERCENTILE", "LAST", "RECOMPUTE"), ("PLAN", "LAST", "RECOMPUTE")],
)
def test_a_measures_rollup_that_its_roads_do_not_know_is_refused(
    tmp_path: Path, agg: str, rollup: str, choice: str
) -> None:
    path = measure(tmp_path, agg=agg, rollup=rollup)
    assert refusal(path, catalog.Measure).endswith(
        f"a figure with agg {agg} cannot roll up by {rollup}: the figure would be wrong; choose {choice}."
    )


def test_own_level_is_refused_where_nothing_asks_for_it(tmp_path: Path) -> None:
    assert "own_level says nothing of a figure with agg PERCENTILE, whose events" in refusal(
        measure(tmp_path, own_level="true"), catalog.Measure
    )


def test_a_measure_in_another_tables_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "facts" / "kpi_plan_gap"
    folder.mkdir(parents=True)
    path = measure(folder)
    with pytest.raises(catalog.HeaderError) as refused:
        catalog.require_readable(tmp_path)
    assert str(refused.value) == (
        f"The header of {path} says agg: PERCENTILE, which makes rows of kpi_percentiles; "
        "move the file to facts/kpi_percentiles, or give it another agg."
    )


def test_figures_that_changes_do_not_reach_are_named(tmp_path: Path) -> None:
    for table, write in (("kpi_value", metric), ("kpi_percentiles", measure)):
        folder = tmp_path / "facts" / table
        folder.mkdir(parents=True)
        write(folder)
        write(folder, "OWN", code="OWN", reads=None)
    assert catalog.not_followed(tmp_path) == ["OWN of kpi_value", "OWN of kpi_percentiles"]


# -- labels in English


def test_an_english_label_is_optional(tmp_path: Path) -> None:
    folder = tmp_path / "facts" / "kpi_value"
    folder.mkdir(parents=True)
    metric(folder, rolling="{rule: RECOMPUTE, days: [7]}", label_en="Trial")
    metric(folder, "Y", code="Y", rolling="{rule: RECOMPUTE, days: [7]}")
    assert catalog.english_labels(tmp_path) == {
        "X": "Trial",
        "X_R7": "Trial, rolling 7 days",
        "Y": "Essai",
        "Y_R7": "Essai, rolling 7 days",
    }


def test_every_figure_that_the_page_names_has_one() -> None:
    shown = [*catalog.metrics(SQL), *catalog.measures(SQL, "kpi_percentiles")]
    assert [one.code for one in shown if not one.label_en] == []


# -- rolling windows


def test_windows_are_read_each_with_its_code(tmp_path: Path) -> None:
    path = metric(tmp_path, rolling="{rule: RATIO_OF_SUMS, days: [7, 2, 31]}")
    found = catalog.read_header(path, catalog.Metric)
    assert found.rolling == catalog.Rolling(rule="RATIO_OF_SUMS", days=(7, 2, 31))
    assert [found.rolling_code(days) for days in found.rolling.days] == ["X_R7", "X_R2", "X_R31"]
    assert catalog.read_header(metric(tmp_path), catalog.Metric).rolling is None


@pytest.mark.parametrize(
    ("agg", "rule"),
    [
        ("AVG", "SUM"),
        ("AVG", "RATIO_OF_SUMS"),
        ("PCT", "SUM"),
        ("PCT", "WEIGHTED_MEAN"),
        ("SUM", "WEIGHTED_MEAN"),
        ("COUNT", "RATIO_OF_SUMS"),
        *(("MEDIAN", rule) for rule in ("SUM", "RATIO_OF_SUMS", "WEIGHTED_MEAN")),
        # The last day's row is the D row over again.
        *((agg, "LAST") for agg in ("AVG", "PCT", "SUM", "COUNT", "MEDIAN")),
    ],
)
def test_windows_that_would_be_wrong_are_refused(tmp_path: Path, agg: str, rule: str) -> None:
    unit = "heures" if agg == "MEDIAN" else "nb"
    path = metric(
        tmp_path, agg=agg, unit=unit, rollup="RECOMPUTE", rolling=f"{{rule: {rule}, days: [7]}}"
    )
    message = refusal(path)
    assert f"the windows of a metric with agg {agg} cannot be made by {rule}: the figure" in message
    choice = message.rpartition("choose ")[2].rstrip(".").split(" or ")
    assert choice == [one for one in catalog.SOUND_ROLLUPS[agg] if one != "LAST"]
    for sound in choice:
        metric(
            tmp_path,
            agg=agg,
            unit=unit,
            rollup="RECOMPUTE",
            rolling=f"{{rule: {sound}, days: [7]}}",
        )
        assert catalog.read_header(path, catalog.Metric).rolling is not None


def test_delays_are_told_in_a_unit_of_time(tmp_path: Path) -> None:
    path = metric(tmp_path, agg="MEDIAN", rollup="RECOMPUTE")
    assert "the unit of delays cannot be %; choose jours or heures" in refusal(path)


@pytest.mark.parametrize("period", ["rollup", "rolling"])
@pytest.mark.parametrize("counts", ["stock", "distinct", "flow"])
def test_only_a_flow_adds_up_over_periods(tmp_path: Path, counts: str, period: str) -> None:
    keys = {"rollup": "RECOMPUTE", "rolling": "{rule: RECOMPUTE, days: [7]}"}
    keys[period] = keys[period].replace("RECOMPUTE", "SUM")
    path = metric(tmp_path, agg="COUNT", unit="nb", counts=counts, **keys)
    if counts == "flow":
        assert catalog.read_header(path, catalog.Metric).counts == counts
    else:
        twice = {"stock": "what is there", "distinct": "who is counted"}[counts]
        assert refusal(path) == (
            f"The header of FILE is wrong: Value error, a metric that counts a {counts} cannot be summed over a "
            f"period: {twice} on two days would be added twice; choose RECOMPUTE, or LAST for weeks and months, "
            "or say counts: flow if each day counts anew."
        )


@pytest.mark.parametrize(
    ("rolling", "message"),
    [
        ("{rule: RECOMPUTE, days: [7, 30, 7]}", "rolling.days: [7, 30, 7]: Value error, a window"),
        ("{rule: RECOMPUTE, days: [32]}", "rolling.days.0: 32: Input should be less than or equal"),
        ("{rule: RECOMPUTE, days: [1]}", "rolling.days.0: 1: Input should be greater than or equ"),
        ("{rule: RECOMPUTE, days: [semaine]}", "rolling.days.0: 'semaine': Input should be a val"),
        ("{rule: RECOMPUTE, days: []}", "rolling.days: []: Tuple should have at least 1 item"),
        ("{rule: RECOMPUTE}", "key 'rolling.days' is missing"),
        ("{days: [7]}", "key 'rolling.rule' is missing"),
        ("{rule: MEAN, days: [7]}", "rolling.rule: 'MEAN': Input should be 'LAST', 'SUM', "),
        ("{rule: RECOMPUTE, days: [7], jours: 7}", "unknown key 'rolling.jours'"),
        ("[7, 30]", "rolling: [7, 30]: Input should be a valid dictionary"),
    ],
)
def test_a_wrong_window_is_named_with_its_file(tmp_path: Path, rolling: str, message: str) -> None:
    assert refusal(metric(tmp_path, rolling=rolling)).startswith(
        f"The header of FILE is wrong: {message}"
    )


@pytest.mark.parametrize(("key", "fits"), [("code", 60), ("label", 171)])
def test_a_window_whose_name_kpi_metric_cannot_hold_is_refused(
    tmp_path: Path, key: str, fits: int
) -> None:
    def named(length: int) -> Path:
        name = "X" * length
        file = name if key == "code" else "X"
        return metric(tmp_path, file, rolling="{rule: RECOMPUTE, days: [7, 31]}", **{key: name})

    assert catalog.read_header(named(fits), catalog.Metric).rolling is not None
    message = refusal(named(fits + 1))
    assert f"of a window is longer than {64 if key == 'code' else 191} characters" in message
    assert message.endswith(f"shorten the metric's {key}.")


@pytest.mark.parametrize("first", ["X", "X_R7"])
def test_a_code_that_is_another_metrics_window_is_refused(tmp_path: Path, first: str) -> None:
    """Whichever of the two files was there first."""
    folder = tmp_path / "facts" / "kpi_value"
    folder.mkdir(parents=True)
    rolling = {"X": "{rule: RECOMPUTE, days: [30, 7]}", "X_R7": None}
    second = "X_R7" if first == "X" else "X"
    metric(folder, first, code=first, rolling=rolling[first])
    assert [one.code for one in catalog.metrics(tmp_path)] == [first]
    metric(folder, second, code=second, rolling=rolling[second])
    with pytest.raises(catalog.HeaderError) as refused:
        catalog.metrics(tmp_path)
    assert str(refused.value) == (
        "The metric X_R7 has the code of a window of X; give its file and header another code."
    )


def test_a_code_like_a_window_that_no_metric_has_is_fine(tmp_path: Path) -> None:
    folder = tmp_path / "facts" / "kpi_value"
    folder.mkdir(parents=True)
    metric(folder, "X", rolling="{rule: RECOMPUTE, days: [30]}")
    metric(folder, "X_R7", code="X_R7")
    assert [one.code for one in catalog.metrics(tmp_path)] == ["X", "X_R7"]


def test_a_code_other_than_the_files_name_is_refused(tmp_path: Path) -> None:
    assert refusal(metric(tmp_path, "Y")) == (
        "The header of FILE says code: X, but the file is named Y.sql; make them equal."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1\n", "FILE does not begin with a /* … */ header; add one in YAML."),
        (
            "/*\nexample: 1 of 2: 50\n*/ SELECT 1\n",
            "The header of FILE is not YAML (mapping values are not allowed here, "
            "line 2, column 16); text with a colon goes in quotes, or in a block below 'key: >'.",
        ),
        ("/* just words */ SELECT 1\n", "The header of FILE holds no keys; it needs code, label, "),
    ],
)
def test_a_file_without_a_header_is_named(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(metric(tmp_path, text=text)).startswith(message)


# -- source adapters


def adapter(folder: Path, without: str | None = None) -> Path:
    """Write an adapter `mine` of all relations but one."""
    place = folder / "source" / "mine"
    place.mkdir(parents=True)
    for relation in catalog.CONTRACT:
        if relation != without:
            header = f"/*\nrelation: {relation}\ncounts: x\nreads:\n  t: [a]\n*/\nSELECT 1\n"
            (place / f"{relation}.sql").write_text(header)
    return folder


@pytest.mark.parametrize(
    "name", [path.name for path in (SQL / "source").iterdir() if path.is_dir()]
)
def test_the_projects_adapters_are_complete(name: str) -> None:
    found = catalog.relations(SQL, name)
    assert set(found) >= set(catalog.CONTRACT) - {"reject"}


def test_relations_come_in_the_order_of_their_capture(tmp_path: Path) -> None:
    assert list(catalog.relations(adapter(tmp_path), "mine")) == list(catalog.CONTRACT)


def test_the_relation_reject_may_be_left_out(tmp_path: Path) -> None:
    assert "reject" not in catalog.relations(adapter(tmp_path, without="reject"), "mine")


def test_a_missing_relation_is_named_with_its_columns(tmp_path: Path) -> None:
    with pytest.raises(catalog.HeaderError) as error:
        catalog.relations(adapter(tmp_path, without="plan"), "mine")
    assert str(error.value) == (
        f"The source adapter 'mine' lacks plan.sql in {tmp_path / 'source' / 'mine'}; "
        "write a SELECT of scope_type, scope_ref_id, ua_ref_id, due_on, created_at."
    )


def test_an_unknown_adapter_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(catalog.HeaderError) as error:
        catalog.relations(adapter(tmp_path), "nope")
    assert str(error.value) == (
        f"There is no source adapter 'nope' in {tmp_path / 'source'}; "
        "set KPI_SOURCE_ADAPTER to one of: mine."
    )


@pytest.mark.parametrize(
    ("relation", "line", "message"),
    [
        (
            "realisation",
            "hints: [started_at]",
            "'started_at' cannot be a hint: last_activity_at of realisation can",
        ),
        (
            "feedback",
            "hints: [feedback_at]",
            "'feedback_at' cannot be a hint: nothing of feedback can",
        ),
        ("plan", "types: {b: date}", "types names 'b', which no table of reads has; add it there"),
        (
            "plan",
            "types: {a: time}",
            "types.a: 'time': Input should be 'date', 'datetime' or 'timestamp'",
        ),
    ],
)
def test_hints_and_types_that_make_no_sense_are_refused(
    tmp_path: Path, relation: str, line: str, message: str
) -> None:
    folder = adapter(tmp_path, without=relation)
    header = f"/*\nrelation: {relation}\ncounts: x\nreads:\n  t: [a]\n{line}\n*/\nSELECT 1\n"
    (folder / "source" / "mine" / f"{relation}.sql").write_text(header)
    with pytest.raises(catalog.HeaderError, match=re.escape(message)):
        catalog.relations(folder, "mine")


def test_what_is_a_hint_is_told(tmp_path: Path) -> None:
    assert catalog.hints(adapter(tmp_path), "mine", "realisation") == ()
    assert catalog.hints(SQL, "soli_lms", "realisation") == ("last_activity_at",)
