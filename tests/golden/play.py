"""Plays a golden case on a warehouse: loads its rows, runs the real scripts, reads what came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from kpi.core import ledger
from kpi.core.steps import Step, steps
from kpi.figures import slices
from kpi.history import capture

from tests.golden.case import (
    FOREVER,
    LONG_AGO,
    Case,
    Night,
    Row,
    Rows,
    Thing,
    When,
    spread,
    state_columns,
)
from tests.warehouse import Warehouse, of_hints

# Names in a case's rows, and the columns they stand for, where they differ.
VERSION = {"from": "valid_from", "to": "valid_to", "learner": "learner_id"}
REALISATION_FIELDS = (
    *("progress_pct", "score", "score_max", "started_at", "finished_at"),
    *("last_activity_at", "created_at"),
)
KEYS = {
    "realisation": ("learner", "target", "from"),
    "membership": ("learner", "scope", "from"),
    "plan": ("scope", "ua", "from"),
    "feedback": ("submission", "target"),
}
FACT_COLUMNS = {
    "kpi_value": (
        *("value_num", "numerator", "denominator", "sample_size", "reconstructed"),
        *("as_of", "days", "complete"),
    ),
    "kpi_state_count": ("domain", "state", "ordre", "count"),
    "kpi_percentiles": ("p50", "p75", "p90", "sample_size"),
    "kpi_plan_gap": ("expected_count", "done_count", "gap", "coverage_pct"),
}
SELECT = {
    "kpi_value": "value_num, numerator, denominator, sample_size, "
    + ", ".join(
        f"extra_json ->> '$.{name}'" for name in ("reconstructed", "as_of", "days", "complete")
    ),
    "kpi_state_count": "domain, state_code, state_ordre, count",
    "kpi_percentiles": "p50, p75, p90, sample_size",
    "kpi_plan_gap": "expected_count, done_count, gap, coverage_pct",
}
OF_CODE = {
    "kpi_value": "metric_id = (SELECT id FROM kpi_metric WHERE code = %s)",
    "kpi_state_count": "%s = 'ETATS'",
    "kpi_percentiles": "measure_code = %s",
    "kpi_plan_gap": "%s = 'ECART_PLAN'",
}


class Play:
    """A warehouse with the scripts rendered once."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.contract = warehouse.settings
        self.hinting = of_hints(warehouse.settings)
        self._rendered = lru_cache(lambda path, _adapter: steps(warehouse.render(path)))

    def script(self, path: str) -> list[Step]:
        return self._rendered(path, self.warehouse.settings.source_adapter)

    def load(self, case: Case) -> None:
        """Bring the warehouse to the case's rows: history rows, or nights captured one by one."""
        self.warehouse.settings = self.hinting if case.hints else self.contract
        for night in case.nights:
            self._capture(case, night)
        if not case.nights:
            self._insert_history(case)
        self.warehouse.dimensions()

    def compute(self, table: str, day: date) -> ledger.Written:
        script = self.script(f"facts/{table}/day.sql")
        part = slices.Slice.daily(table, day)
        return slices.write_slice(part, script, self.warehouse.settings, ledger.Author())

    def roll_up(self, case: Case) -> None:
        """Compute the days that the case says are done, then roll up what its rows out are of."""
        periods = [when for when in case.rows_out if when.period != "D"]
        assert case.done or not periods, f"{case.path}: say which days are done."
        for day in case.done:
            self.warehouse.facts(day)
        latest = {case.latest_done(when) for when in periods}
        for day in sorted(day for day in latest if day is not None):
            self.warehouse.rollup(day)

    # -- rows in

    def _capture(self, case: Case, night: Night) -> None:
        self.warehouse.load_source(contract_rows(case, night.rows))
        if night.alone is not None:
            self.warehouse.capture_learners(night.alone, night.captured_at)
            return
        script = self.script("capture/capture.sql")
        found = capture.capture(
            night.day, night.captured_at, script, self.warehouse.settings, ledger.Author()
        )
        assert found is not None, f"{case.path}: the night of {night.day} was not captured"

    def _insert_history(self, case: Case) -> None:
        history = {relation: spread(rows) for relation, rows in case.history.items()}
        rows: dict[str, list[Row]] = {
            "kpi_src_target": [
                {
                    "target_type": target.kind,
                    "ref_id": target.key,
                    "label": name,
                    "parent_type": parent.kind if parent else None,
                    "parent_ref_id": parent.key if parent else None,
                }
                for name, target, parent in _tree(case)
            ],
            "kpi_src_scope": [
                {"scope_type": scope.kind, "ref_id": scope.key, "label": name}
                for name, scope in _scopes(history)
            ],
        }
        for relation, write in HISTORY_ROW.items():
            rows[f"kpi_src_{relation}"] = [write(row) for row in history.get(relation, ())]
        for table, there in rows.items():
            for row in there:
                marks = ", ".join(["%s"] * len(row))
                self.warehouse.execute(
                    f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
                )

    # -- rows out

    def facts(self, case: Case, when: When) -> list[Row]:
        """The figure's rows of a day or period, as a case writes them, in their order."""
        rows = self.warehouse.rows(
            "SELECT CONCAT_WS(' ', scope_type, kpi_scope.ref_id), "
            f"CONCAT_WS(' ', target_type, kpi_target.ref_id), {SELECT[case.table]} "
            f"FROM {case.table} "
            "INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
            "INNER JOIN kpi_target ON kpi_target.id = target_id "
            f"WHERE date_id = %s AND period = %s AND {OF_CODE[case.table]}",
            (when.date_id, when.period, case.code + when.window),
        )
        names = ("scope", "target", *FACT_COLUMNS[case.table])
        return shown(case, (dict(zip(names, row, strict=True)) for row in rows))

    def history(self, relation: str, columns: Iterable[str]) -> list[Row]:
        """Some columns of a history table's rows, as a case writes them, in the order of KEYS."""
        things = {
            "scope": "CONCAT_WS(' ', scope_type, NULLIF(scope_ref_id, 0))",
            "ua": "CONCAT('UA ', ua_ref_id)",
            "target": "CONCAT_WS(' ', domain, ref_id)"
            if relation == "realisation"
            else "CONCAT_WS(' ', target_type, NULLIF(target_ref_id, 0))",
            "submission": "submission_id",
            "state": "state_code",
            **VERSION,
        }
        names = list(dict.fromkeys([*KEYS[relation], *columns]))
        select = ", ".join(things.get(name, name) for name in names)
        rows = self.warehouse.rows(f"SELECT {select} FROM kpi_src_{relation}")
        return ordered((_plain(dict(zip(names, row, strict=True))) for row in rows), KEYS[relation])

    def rejects(self) -> list[Row]:
        names = ("relation", "key", "field", "reason")
        rows = self.warehouse.rows("SELECT relation, source_key, field, reason FROM kpi_reject")
        return ordered(dict(zip(names, row, strict=True)) for row in rows)


def shown(case: Case, rows: Iterable[Row]) -> list[Row]:
    """Write rows as the case does, only those that it is about."""
    found = [_plain(row) for row in rows]
    return ordered(
        row for row in found if all(row[name] == value for name, value in case.only.items())
    )


def expected_facts(case: Case, when: When) -> list[Row]:
    """What a case says of a day or period, with all columns, in the order of `Play.facts`."""
    names = ("scope", "target", *FACT_COLUMNS[case.table])
    rows = []
    for row in case.rows_out[when]:
        unknown = set(row) - set(names) - set(case.only)
        assert not unknown, f"{case.path}: no column {sorted(unknown)}, there are {names}"
        rows.append(_plain(dict.fromkeys(names) | case.only | dict(row)))
    return ordered(rows)


def expected_history(relation: str, rows: Rows) -> tuple[list[str], list[Row]]:
    """The columns that a case compares, and its rows with all of them."""
    spreaded = spread(rows)
    defaults = {"from": LONG_AGO, "to": FOREVER} if relation != "feedback" else {}
    names = list(dict.fromkeys([*KEYS[relation], *defaults, *(k for row in spreaded for k in row)]))
    whole = [_plain(dict.fromkeys(names) | defaults | row) for row in spreaded]
    return names, ordered(whole, KEYS[relation])


def ordered(rows: Iterable[Row], keys: Iterable[str] = ()) -> list[Row]:
    """Sort rows by their keys, then all their values."""
    first = tuple(keys)
    return sorted(
        rows, key=lambda row: ([str(row[key]) for key in first], [str(row[k]) for k in sorted(row)])
    )


def as_yaml(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as a case would write them, one a line."""
    return "\n".join(
        "- {" + ", ".join(f"{name}: {value}" for name, value in row.items()) + "}" for row in rows
    )


def _plain(row: Row) -> Row:
    return {name: number(value) for name, value in row.items()}


def number(value: Any) -> Any:
    """Write a number by its value, whatever type MySQL or YAML gave it; leave the rest.

    Dates and truths are written as in MySQL's JSON.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if type(value) is date:
        return str(value)
    if isinstance(value, int | Decimal) or (isinstance(value, str) and value.isdigit()):
        return f"{Decimal(value).normalize():f}"
    return value


# -- a case's rows as the contract's, and as the history's


def contract_rows(case: Case, rows: Mapping[str, Rows]) -> dict[str, list[Row]]:
    """A night's rows with the columns of the source contract."""
    night = {relation: spread(there) for relation, there in rows.items()}
    learners = case.learners or sorted(
        {row["learner"] for there in night.values() for row in there if "learner" in row}
    )
    scopes = [("GLOBAL", Thing("GLOBAL", None)), *_scopes(night)]
    scopes += [(f"APPRENANT {one}", Thing("APPRENANT", one)) for one in learners]
    return {
        "scope": [
            {"scope_type": scope.kind, "ref_id": scope.ref, "label": name}
            for name, scope in dict(scopes).items()
        ],
        "target": [
            {
                "target_type": target.kind,
                "ref_id": target.ref,
                "label": name,
                "parent_type": parent.kind if parent else None,
                "parent_ref_id": parent.ref if parent else None,
            }
            for name, target, parent in _tree(case)
        ],
        **{
            relation: [write(row) for row in night.get(relation, ())]
            for relation, write in CONTRACT_ROW.items()
        },
    }


def _tree(case: Case) -> Iterable[tuple[str, Thing, Thing | None]]:
    yield "GLOBAL", Thing("GLOBAL", None), None
    for name, parent in case.targets.items():
        yield name, Thing.read(name), Thing.read(parent) if parent else None


def _scopes(rows: Mapping[str, Rows]) -> list[tuple[str, Thing]]:
    named = [
        row["scope"]
        for there in rows.values()
        for row in there
        if row.get("known", True) and "scope" in row
    ]
    return [(name, Thing.read(name)) for name in dict.fromkeys(named)]


def _realisation(row: Row) -> Row:
    target = Thing.read(row["target"])
    return {
        "domain": target.kind,
        "ref_id": target.ref,
        "learner_id": row["learner"],
        **state_columns(row),
        **{name: row.get(name) for name in REALISATION_FIELDS},
    }


def _membership(row: Row) -> Row:
    scope = Thing.read(row["scope"])
    return {
        "scope_type": scope.kind,
        "scope_ref_id": scope.ref,
        "learner_id": row["learner"],
        "active_from": row.get("active_from"),
        "active_to": row.get("active_to"),
    }


def _plan(row: Row) -> Row:
    scope, ua = Thing.read(row["scope"]), Thing.read(row["ua"])
    return {
        "scope_type": scope.kind,
        "scope_ref_id": scope.ref,
        "ua_ref_id": ua.ref,
        "due_on": row["due_on"],
        "created_at": row.get("created_at"),
    }


def _feedback(row: Row) -> Row:
    target = Thing.read(row["target"])
    return {
        "kind": row.get("kind", "TACHE"),
        "submission_id": row["submission"],
        "learner_id": row["learner"],
        "target_type": target.kind,
        "target_ref_id": target.ref,
        "submitted_at": row.get("submitted_at"),
        "feedback_at": row.get("feedback_at"),
        "trainer_id": row.get("trainer"),
    }


def _version(row: Row) -> Row:
    return {
        "valid_from": row.get("from", LONG_AGO),
        "valid_to": row.get("to", FOREVER),
        "origin": row.get("origin", "CAPTURED"),
    }


def _zero(row: Row, column: str) -> Row:
    return row | {column: row[column] or 0}


CONTRACT_ROW = {
    "realisation": lambda row: _realisation(row) | {"changed_at": row.get("changed_at")},
    "membership": _membership,
    "plan": _plan,
    "feedback": _feedback,
}
HISTORY_ROW = {
    "realisation": lambda row: _realisation(row) | _version(row),
    "membership": lambda row: _zero(_membership(row), "scope_ref_id") | _version(row),
    "plan": lambda row: _plan(row) | _version(row),
    "feedback": lambda row: (
        _zero(_feedback(row), "target_ref_id") | {"captured_at": row.get("captured_at", LONG_AGO)}
    ),
}
