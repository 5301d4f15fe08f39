"""Alerts: given these D rows over days, these open and close; each is told once; late and failed nights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseNotifier
from hypothesis import given
from hypothesis import strategies as st
from kpi.alerts.nights import look_for_late_nights
from kpi.alerts.telling import tell
from kpi.alerts.thresholds import LookedAt, look
from kpi.core.connections import ETL, session

from tests.warehouse import FACTS, Warehouse

pytestmark = pytest.mark.long

# PCT_ACQUIS is in %, at MODULE and COMPETENCE.
RULES = """alerts:
  - {below: 50, for: 3, scopes: [GROUPE], targets: [MODULE]}
  - {above: 99.5, scopes: [GLOBAL, SESSION], level: red}
"""
SCOPES = {
    "everybody": (1, "GLOBAL", None),
    "group 1": (2, "GROUPE", 1),
    "group 2": (3, "GROUPE", 2),
}
TARGETS = {"module": (1, "MODULE", 1), "competence": (2, "COMPETENCE", 2)}
BELOW, ABOVE = "below 50 for 3", "above 99.5 for 1"
FIRST = date(2026, 2, 10)


class KeepingNotifier(BaseNotifier):
    """Keeps what it is given; refuses it while `broken`."""

    told: list[str] = []
    broken = False

    def __init__(self, greeting: str = "") -> None:
        super().__init__()
        self.greeting = greeting

    def notify(self, context: Any) -> None:
        if KeepingNotifier.broken:
            raise ConnectionError("the mail server is away")
        KeepingNotifier.told += context["kpi_text_en"].splitlines()


@pytest.fixture(scope="module", params=["partitioned", "foreign_keys"])
def with_rules(
    request: pytest.FixtureRequest,
    new_warehouse: Callable[..., Warehouse],
    sql_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Warehouse:
    """A warehouse where PCT_ACQUIS declares alerts, and the scopes and targets of the examples."""
    folder = Path(shutil.copytree(sql_dir, tmp_path_factory.mktemp("overlay") / "sql"))
    path = folder / "facts" / "kpi_value" / "PCT_ACQUIS.sql"
    path.write_text(path.read_text().replace("rollup: LAST\n", f"rollup: LAST\n{RULES}", 1))
    notifier = f"{KeepingNotifier.__module__}.{KeepingNotifier.__name__}"
    made = new_warehouse(
        f"alerts_{request.param}", sql_dir=folder, storage=request.param, alert_notifier=notifier
    )
    for name, (number, kind, ref) in SCOPES.items():
        made.execute(
            "INSERT INTO kpi_scope VALUES (%s, %s, %s, DEFAULT, %s)", (number, kind, ref, name)
        )
    for name, (number, kind, ref) in TARGETS.items():
        made.execute(
            "INSERT INTO kpi_target VALUES (%s, %s, %s, DEFAULT, %s)", (number, kind, ref, name)
        )
    return made


@pytest.fixture
def alerting(with_rules: Warehouse) -> Iterator[Warehouse]:
    with_rules.use()
    forget(with_rules)
    yield with_rules
    KeepingNotifier.broken = False


def forget(warehouse: Warehouse) -> None:
    for table in (*FACTS, "kpi_run", "kpi_alert"):
        warehouse.execute(f"DELETE FROM {table}")
    KeepingNotifier.told.clear()


Values = Mapping[str, float | None]


def compute(warehouse: Warehouse, day: date, values: Values, target: str = "module") -> None:
    """Write a day's rows of PCT_ACQUIS by scope, None for no row, and the ledger's, as a night does."""
    warehouse.execute("DELETE FROM kpi_value WHERE date_id = %s", (day,))
    for scope, value in values.items():
        if value is not None:
            warehouse.execute(
                "INSERT INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num)"
                " SELECT %s, 'D', %s, %s, id, %s FROM kpi_metric WHERE code = 'PCT_ACQUIS'",
                (day, SCOPES[scope][0], TARGETS[target][0], value),
            )
    warehouse.execute("DELETE FROM kpi_run WHERE date_to = %s", (day,))
    for table in FACTS:
        warehouse.execute(
            "INSERT INTO kpi_run (table_name, period, date_from, date_to, state, started_at, finished_at)"
            " VALUES (%s, 'D', %s, %s, 'DONE', UTC_TIMESTAMP(), UTC_TIMESTAMP())",
            (table, day, day),
        )


def looked(warehouse: Warehouse, yesterday: date) -> LookedAt | None:
    return look(warehouse.script("alerts/thresholds.sql"), yesterday, warehouse.settings)


def night(warehouse: Warehouse, day: date, values: Values, target: str = "module") -> None:
    compute(warehouse, day, values, target)
    looked(warehouse, day)


def alerts(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Return rule, scope, since, until, value and level of all alerts of thresholds."""
    return warehouse.rows(
        "SELECT rule, kpi_scope.label, since_on, until_on, CAST(value_num AS DOUBLE), level"
        " FROM kpi_alert INNER JOIN kpi_scope ON kpi_scope.id = scope_id"
        " WHERE kind = 'THRESHOLD' ORDER BY since_on, scope_id"
    )


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def test_three_days_below_raise_an_alert_since_the_first_of_them(alerting: Warehouse) -> None:
    for number, value in enumerate([48, 49]):
        night(alerting, day(number), {"group 1": value})
    assert alerts(alerting) == []
    night(alerting, day(2), {"group 1": 47})
    assert alerts(alerting) == [(BELOW, "group 1", day(0), None, 47.0, "amber")]


def test_it_lasts_with_its_latest_value_and_ends_on_the_first_day_that_is_fine(
    alerting: Warehouse,
) -> None:
    for number, value in enumerate([48, 49, 47, 45]):
        night(alerting, day(number), {"group 1": value})
    assert alerts(alerting) == [(BELOW, "group 1", day(0), None, 45.0, "amber")]
    night(alerting, day(4), {"group 1": 52})
    assert alerts(alerting) == [(BELOW, "group 1", day(0), day(4), 45.0, "amber")]


@pytest.mark.parametrize("value", [50, None])
def test_the_threshold_itself_is_fine_and_a_day_without_a_row_breaks_the_row(
    alerting: Warehouse, value: float | None
) -> None:
    for number, one in enumerate([48, value, 47, 45]):
        night(alerting, day(number), {"group 1": one})
    assert alerts(alerting) == []


def test_a_day_that_was_not_computed_neither_counts_nor_breaks_the_row(alerting: Warehouse) -> None:
    for number in (0, 1, 4):
        night(alerting, day(number), {"group 1": 40})
    assert alerts(alerting) == [(BELOW, "group 1", day(0), None, 40.0, "amber")]


def test_only_the_rules_scopes_and_targets_are_watched(alerting: Warehouse) -> None:
    for number in range(4):
        night(alerting, day(number), {"everybody": 40, "group 1": 100})
        night(alerting, day(number), {"group 2": 40}, target="competence")
    assert alerts(alerting) == []


def test_a_rule_without_targets_watches_all_of_the_metrics_levels(alerting: Warehouse) -> None:
    night(alerting, day(0), {"everybody": 99.75}, target="competence")
    assert alerts(alerting) == [(ABOVE, "everybody", day(0), None, 99.75, "red")]


def test_a_new_rule_finds_since_when_the_figure_is_beyond(alerting: Warehouse) -> None:
    for number in range(10):
        compute(alerting, day(number), {"group 1": 60 if number < 2 else 40})
    looked(alerting, day(9))
    assert alerts(alerting) == [(BELOW, "group 1", day(2), None, 40.0, "amber")]


def test_an_old_day_computed_again_raises_no_old_alert(alerting: Warehouse) -> None:
    for number in range(5):
        night(alerting, day(number), {"group 1": 60})
    for number in range(3):
        night_again = {"group 1": 40}
        compute(alerting, day(number), night_again)
        assert looked(alerting, day(4)) == LookedAt(day(4), 0, 0, 0)
    assert alerts(alerting) == []


def test_a_corrected_day_takes_an_end_back(alerting: Warehouse) -> None:
    for number in range(4):
        night(alerting, day(number), {"group 1": 40 if number < 3 else 60})
    assert alerts(alerting)[0][3] == day(3)
    night(alerting, day(3), {"group 1": 45})
    assert alerts(alerting) == [(BELOW, "group 1", day(0), None, 45.0, "amber")]


def test_nothing_computed_is_nothing_to_look_at(alerting: Warehouse) -> None:
    assert looked(alerting, day(0)) is None


# -- any rows

VALUES = st.sampled_from([None, 40, 50, 60])
NIGHTS = st.lists(
    st.none() | st.fixed_dictionaries({"group 1": VALUES, "group 2": VALUES}),
    min_size=1,
    max_size=9,
)


@given(nights=NIGHTS)
def test_any_rows_raise_and_end_what_plain_python_says(
    with_rules: Warehouse, nights: Sequence[Values | None]
) -> None:
    """None is a day that is not computed; each look twice: the second changes nothing."""
    with_rules.use()
    with_rules.keeps_scripts = True
    forget(with_rules)
    for number, values in enumerate(nights):
        if values is not None:
            night(with_rules, day(number), values)
        before = with_rules.rows("SELECT * FROM kpi_alert ORDER BY id")
        looked(with_rules, day(number))
        assert with_rules.rows("SELECT * FROM kpi_alert ORDER BY id") == before
    found = [row[1:4] for row in alerts(with_rules)]
    expected = [one for group in ("group 1", "group 2") for one in in_python(nights, group)]
    assert sorted(found, key=str) == sorted(expected, key=str)


def in_python(nights: Sequence[Values | None], group: str) -> list[tuple[str, date, date | None]]:
    """Return the alerts of `below 50 for 3` of a group as (group, since, until)."""
    found: list[tuple[str, date, date | None]] = []
    row: list[date] = []
    for number, values in enumerate(nights):
        if values is None:
            continue
        value = values[group]
        if value is not None and value < 50:
            row.append(day(number))
            if len(row) == 3:
                found.append((group, row[0], None))
        else:
            if len(row) >= 3:
                found[-1] = (group, row[0], day(number))
            row = []
    return found


# -- telling


def told(warehouse: Warehouse) -> list[str]:
    """Tell what is new, as a task does; return what the notifier was given."""
    KeepingNotifier.told.clear()
    tell({}, warehouse.settings)
    return list(KeepingNotifier.told)


def test_a_lasting_alert_is_told_once_and_so_is_its_end(alerting: Warehouse) -> None:
    for number in range(3):
        night(alerting, day(number), {"group 1": 40.5})
    sentence = "% Competences acquired, group 1, module: 40.5 %, below 50 % since 2026-02-10"
    assert told(alerting) == [f"[amber] {sentence}."]
    night(alerting, day(3), {"group 1": 40.5})
    assert told(alerting) == []
    night(alerting, day(4), {"group 1": 80})
    assert told(alerting) == [f"[amber] {sentence}; over on 2026-02-14."]
    assert told(alerting) == []


def test_what_a_broken_notifier_did_not_take_is_told_the_next_time(alerting: Warehouse) -> None:
    night(alerting, day(0), {"everybody": 100})
    KeepingNotifier.broken = True
    assert told(alerting) == []
    KeepingNotifier.broken = False
    assert len(told(alerting)) == 1
    assert told(alerting) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"alert_notifier": "kpi.no.Such"},
            "The notifier kpi.no.Such cannot be made (module 'kpi' has no",
        ),
        (
            {"alert_notifier": "datetime.date"},
            "The notifier datetime.date cannot be made (it is no B",
        ),
        ({"alert_notifier_args": {"tone": "loud"}}, "unexpected keyword argument 'tone'"),
    ],
)
def test_a_notifier_that_cannot_be_made_is_named_and_stops_nothing(
    alerting: Warehouse, caplog: pytest.LogCaptureFixture, change: dict[str, Any], says: str
) -> None:
    night(alerting, day(0), {"everybody": 100})
    assert tell({}, alerting.settings.model_copy(update=change)) == []
    assert says in caplog.text
    assert "set KPI_ALERT_NOTIFIER to the dotted path of a BaseNotifier" in caplog.text
    assert len(told(alerting)) == 1


# -- late nights


def at(number: int, hour: int) -> datetime:
    """Return an instant in the night after a day; in February 2026 Morocco's clocks are at UTC+1, then UTC."""
    return datetime.combine(day(number) + timedelta(days=1), datetime.min.time().replace(hour=hour))


def late(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "SELECT since_on, until_on IS NOT NULL, level FROM kpi_alert WHERE kind = 'LATE' ORDER BY id"
    )


def test_a_late_night_is_one_alert_that_ends_when_the_night_is_there(alerting: Warehouse) -> None:
    compute(alerting, day(0), {})
    assert look_for_late_nights(at(1, 4), alerting.settings) is None, "not due before 06:00"
    for hour in (7, 8, 9):
        assert look_for_late_nights(at(1, hour), alerting.settings) == day(1)
    assert late(alerting) == [(day(1), 0, "amber")]
    assert told(alerting) == ["[amber] kpi_daily is late: 2026-02-11 is not computed yet."]
    assert told(alerting) == []
    compute(alerting, day(1), {})
    assert look_for_late_nights(at(1, 10), alerting.settings) is None
    assert late(alerting) == [(day(1), 1, "amber")]
    assert [one.split("; over on ")[0] for one in told(alerting)] == [
        "[amber] kpi_daily is late: 2026-02-11 is not computed yet"
    ]


def test_a_night_that_stays_away_turns_red_and_is_the_same_alert(alerting: Warehouse) -> None:
    compute(alerting, day(0), {})
    for number in (1, 2, 3):
        look_for_late_nights(at(number, 7), alerting.settings)
    assert late(alerting) == [(day(1), 0, "red")]


def test_a_new_database_is_not_late(alerting: Warehouse) -> None:
    assert look_for_late_nights(at(1, 12), alerting.settings) is None
    assert late(alerting) == []


# -- failed nights


def test_a_good_night_ends_the_failures_of_its_day_and_of_earlier_ones(alerting: Warehouse) -> None:
    """The figures of a later day say nothing of a day to come, nor of another DAG's runs."""
    failed = [("kpi_daily", 0), ("kpi_daily", 2), ("kpi_daily", 3), ("kpi_rollup", 0)]
    for code, number in failed:
        alerting.execute(
            "INSERT INTO kpi_alert (kind, code, since_on, level, opened_at)"
            " VALUES ('FAILED', %s, %s, 'red', UTC_TIMESTAMP(6))",
            (code, day(number)),
        )
    with session(ETL) as etl, etl.transaction():
        values = {"kind": "FAILED", "code": "kpi_daily", "last": day(2), "until_on": day(3)}
        assert etl.run(alerting.render("alerts/night_over.sql"), values) == 2
    lasting = "SELECT code, since_on FROM kpi_alert WHERE until_on IS NULL ORDER BY id"
    assert alerting.rows(lasting) == [("kpi_daily", day(3)), ("kpi_rollup", day(0))]
