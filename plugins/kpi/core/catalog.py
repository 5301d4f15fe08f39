"""The catalogue of figures and of the source's relations, read from the headers of their .sql files.

A header is the block comment a file begins with; its text is YAML. Adding a metric is adding one file to
include/sql/facts/kpi_value (design, promise 10).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kpi.core.alert_rules import AlertRule, require_sound
from kpi.core.errors import KpiError
from kpi.vocabulary import (
    DOMAINS,
    FACT_TABLES,
    MEASURED_BY,
    MICROSECONDS,
    SCOPE_TYPES,
    SHAPES,
    TARGET_TYPES,
    WIDE_LEVELS,
    Agg,
    Category,
    Domain,
    MeasureAgg,
    Rollup,
    SetName,
    TargetLevel,
    TargetType,
    Unit,
)

# Rollup rules that give a right figure for each kind of aggregate (design, promise 6).
SOUND_ROLLUPS: dict[str, tuple[str, ...]] = {
    "AVG": ("LAST", "WEIGHTED_MEAN", "RECOMPUTE"),
    "PCT": ("LAST", "RATIO_OF_SUMS", "RECOMPUTE"),
    "SUM": ("LAST", "SUM", "RECOMPUTE"),
    "COUNT": ("LAST", "SUM", "RECOMPUTE"),
    "MEDIAN": ("RECOMPUTE",),
    "PERCENTILE": ("RECOMPUTE",),
    "STATES": ("LAST", "RECOMPUTE"),
    # Its table has no days, of which a week could take the last.
    "PLAN": ("RECOMPUTE",),
}

# Why days of what is not a flow do not add up (a metric's `counts`).
NOT_ADDED = {
    "stock": "what is there on two days would be added twice",
    "distinct": "who is counted on two days would be added twice",
}

# What the columns code and label of kpi_metric hold.
CODE_LENGTH, LABEL_LENGTH = 64, 191

# Columns and order of each relation of the source contract (design, "Source contract").
CONTRACT: dict[str, tuple[str, ...]] = {
    "scope": ("scope_type", "ref_id", "label"),
    "target": ("target_type", "ref_id", "label", "parent_type", "parent_ref_id"),
    "realisation": (
        "domain",
        "ref_id",
        "learner_id",
        "state_code",
        "state_order",
        "is_final",
        "progress_pct",
        "score",
        "score_max",
        "started_at",
        "finished_at",
        "last_activity_at",
        "created_at",
        "changed_at",
    ),
    "membership": ("scope_type", "scope_ref_id", "learner_id", "active_from", "active_to"),
    "plan": ("scope_type", "scope_ref_id", "ua_ref_id", "due_on", "created_at"),
    "feedback": (
        "kind",
        "submission_id",
        "learner_id",
        "target_type",
        "target_ref_id",
        "submitted_at",
        "feedback_at",
        "trainer_id",
    ),
    "reject": ("relation", "source_key", "field", "reason", "detail"),
}

# What identifies a row of each relation, and the words that its columns of words may hold.
KEYS: dict[str, tuple[str, ...]] = {
    "scope": ("scope_type", "ref_id"),
    "target": ("target_type", "ref_id"),
    "realisation": ("domain", "ref_id", "learner_id"),
    "membership": ("scope_type", "scope_ref_id", "learner_id"),
    "plan": ("scope_type", "scope_ref_id", "ua_ref_id"),
    "feedback": ("kind", "submission_id", "learner_id", "target_type", "target_ref_id"),
}
WORDS: dict[str, dict[str, tuple[str | None, ...]]] = {
    "scope": {"scope_type": SCOPE_TYPES},
    "target": {"target_type": TARGET_TYPES, "parent_type": (*TARGET_TYPES, None)},
    "realisation": {"domain": DOMAINS},
    "membership": {"scope_type": SCOPE_TYPES},
    "plan": {"scope_type": ("GROUPE",)},
    "feedback": {"target_type": TARGET_TYPES},
}


# Instants that are facts in one source and hints in another, where they move without anything having happened.
HINTS: dict[str, tuple[str, ...]] = {"realisation": ("last_activity_at",)}


class HeaderError(KpiError):
    """A .sql file's header is missing, unreadable or wrong."""


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rolling(_Header):
    """How a metric's windows are made: from the D rows of the last `days` local days, or from the history."""

    rule: Rollup
    days: tuple[Annotated[int, Field(ge=2, le=31)], ...] = Field(min_length=1)

    @field_validator("days")
    @classmethod
    def _each_window_once(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(days)) != len(days):
            raise ValueError("a window is named twice")
        return days


class Figure(_Header):
    """What a figure's file observes, and how that is summed and shown.

    `label_en` is what pages in English call it, its label where the header gives none.
    `reads` names the sets that its SELECT reads (include/sql/sets), with the domains of each; the SELECT gives
    observations, or events for delays. A file that reads no set gives the figure's rows as of a day by itself. One that
    names its day by `%(as_of)s` says `day_by_day`: a range is then computed so.
    """

    code: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=CODE_LENGTH)
    label: str = Field(min_length=1, max_length=LABEL_LENGTH)
    unit: Unit
    label_en: str = Field(default="", max_length=LABEL_LENGTH)
    agg: str
    reads: dict[SetName, tuple[Domain, ...]] = {}
    own_level: bool = False
    day_by_day: bool = False
    rollup: Rollup
    description: str = Field(min_length=1)
    example: str = Field(min_length=1)

    @model_validator(mode="after")
    def _own_level_is_of_sums(self) -> Self:
        if self.own_level and self.kind != "additive":
            raise ValueError(
                f"own_level says nothing of a figure with agg {self.agg}, whose events or rows count at all its "
                "target_levels; take the key away"
            )
        return self

    @model_validator(mode="after")
    def _rollup_is_sound(self) -> Self:
        sound = SOUND_ROLLUPS.get(self.agg, ())
        if self.rollup not in sound:
            raise ValueError(
                f"a figure with agg {self.agg} cannot roll up by {self.rollup}: "
                f"the figure would be wrong; choose {' or '.join(sound)}"
            )
        return self

    @model_validator(mode="after")
    def _delays_have_a_unit(self) -> Self:
        if self.kind == "delays" and self.unit not in MICROSECONDS:
            raise ValueError(
                f"the unit of delays cannot be {self.unit}; choose {' or '.join(MICROSECONDS)}"
            )
        return self

    @property
    def english(self) -> str:
        """Its label in English, or the one that it has."""
        return self.label_en or self.label

    @property
    def kind(self) -> Literal["additive", "delays", "states", "own"]:
        """Which sums it is made by."""
        return SHAPES[self.agg].kind if self.reads else "own"

    @property
    def one_day_at_a_time(self) -> bool:
        """Tell whether a range of days is computed day by day."""
        return self.day_by_day or not self.reads

    @property
    def shown(self) -> str:
        """The file of include/sql/shown that makes the figure of its sums."""
        return SHAPES[self.agg].shown

    @property
    def sums(self) -> tuple[str, ...]:
        """What is summed of its observations."""
        return SHAPES[self.agg].sums

    @property
    def made_once(self) -> bool:
        """Tell whether an event lies on one target; answers to a submission lie on all that its task hangs on."""
        return "feedback" not in self.reads

    @property
    def unit_microseconds(self) -> int:
        """How many microseconds the unit of delays lasts."""
        return MICROSECONDS[self.unit]


class Metric(Figure):
    """A metric: a row of kpi_metric, how it rolls up, and the file that computes it.

    `counts` says what its sample is: what is there at the end of the day (stock), what happened on it (flow), or
    how many different ones (distinct).

    Each of its rolling windows is a row of kpi_metric of its own, <CODE>_R7 for 7 days.
    """

    agg: Agg
    counts: Literal["stock", "flow", "distinct"]
    higher_is_better: bool
    category: Category
    target_levels: tuple[TargetLevel, ...] = Field(min_length=1)
    rolling: Rolling | None = None
    alerts: tuple[AlertRule, ...] = ()

    @field_validator("target_levels")
    @classmethod
    def _each_level_once(cls, levels: tuple[TargetLevel, ...]) -> tuple[TargetLevel, ...]:
        if len(set(levels)) != len(levels):
            raise ValueError("a level is named twice")
        return levels

    @field_validator("agg")
    @classmethod
    def _one_value(cls, agg: Agg) -> Agg:
        if agg == "PERCENTILE":
            raise ValueError("percentiles are no metric; put the file into facts/kpi_percentiles")
        return agg

    @model_validator(mode="after")
    def _windows_are_sound(self) -> Metric:
        # A window that tells its last day only is the D row over again.
        sound = tuple(rule for rule in SOUND_ROLLUPS[self.agg] if rule != "LAST")
        if self.rolling and self.rolling.rule not in sound:
            raise ValueError(
                f"the windows of a metric with agg {self.agg} cannot be made by {self.rolling.rule}: "
                f"the figure would be wrong; choose {' or '.join(sound)}"
            )
        return self

    @model_validator(mode="after")
    def _only_a_flow_adds_up(self) -> Metric:
        if self.counts in NOT_ADDED and "SUM" in (self.rollup, self.rolling and self.rolling.rule):
            raise ValueError(
                f"a metric that counts a {self.counts} cannot be summed over a period: {NOT_ADDED[self.counts]}; "
                "choose RECOMPUTE, or LAST for weeks and months, or say counts: flow if each day counts anew"
            )
        return self

    @model_validator(mode="after")
    def _windows_fit_the_dictionary(self) -> Metric:
        for days in self.windows:
            if len(self.rolling_code(days)) > CODE_LENGTH:
                raise ValueError(
                    f"the code {self.rolling_code(days)} of a window is longer than {CODE_LENGTH} characters; "
                    "shorten the metric's code"
                )
            if len(self.rolling_label(days)) > LABEL_LENGTH:
                raise ValueError(
                    f"the label '{self.rolling_label(days)}' of a window is longer than {LABEL_LENGTH} characters; "
                    "shorten the metric's label"
                )
        return self

    @model_validator(mode="after")
    def _alerts_are_sound(self) -> Metric:
        require_sound(self.alerts, self.target_levels)
        return self

    @property
    def windows(self) -> tuple[int, ...]:
        """The days of its rolling windows."""
        return self.rolling.days if self.rolling else ()

    def rolling_code(self, days: int) -> str:
        """The metric code of the window of `days` local days."""
        return f"{self.code}_R{days}"

    def rolling_label(self, days: int) -> str:
        """The label of the window of `days` local days."""
        return f"{self.label}, {days} jours glissants"

    def rolling_english(self, days: int) -> str:
        """The same in English."""
        return f"{self.english}, rolling {days} days"

    @property
    def factor(self) -> int:
        """What a ratio is multiplied by to be shown in the unit."""
        return 100 if self.unit == "%" else 1

    @property
    def is_wide(self) -> bool:
        """Tell whether much lies below some of its targets."""
        return any(level in WIDE_LEVELS for level in self.target_levels)

    @property
    def template(self) -> str:
        """The file's path below include/sql."""
        return f"facts/kpi_value/{self.code}.sql"


class Measure(Figure):
    """A figure of kpi_state_count, kpi_percentiles or kpi_plan_gap: what its file counts."""

    agg: MeasureAgg
    unit: Literal["nb", "jours", "heures"]
    target_levels: tuple[TargetType, ...] = Field(min_length=1)
    rollup: Literal["LAST", "RECOMPUTE"]
    rolling: None = None

    factor: ClassVar[int] = 1
    is_wide: ClassVar[bool] = True

    @property
    def template(self) -> str:
        """The file's path below include/sql."""
        return f"facts/{MEASURED_BY[self.agg]}/{self.code}.sql"


class Relation(_Header):
    """A relation of the source contract as one adapter reads it."""

    relation: Literal["scope", "target", "realisation", "membership", "plan", "feedback", "reject"]
    counts: str = Field(min_length=1)
    reads: dict[str, tuple[str, ...]]  # nothing where the LMS has nothing for the relation
    types: dict[str, Literal["date", "datetime", "timestamp"]] = {}
    hints: tuple[str, ...] = ()
    notes: str | None = None
    example: str | None = None

    @model_validator(mode="after")
    def _types_are_of_what_is_read(self) -> Relation:
        read = {column for columns in self.reads.values() for column in columns}
        for column in self.types:
            if column not in read:
                raise ValueError(
                    f"types names '{column}', which no table of reads has; add it there"
                )
        return self

    @model_validator(mode="after")
    def _only_what_may_be_a_hint(self) -> Relation:
        allowed = HINTS.get(self.relation, ())
        for column in self.hints:
            if column not in allowed:
                raise ValueError(
                    f"'{column}' cannot be a hint: {' or '.join(allowed) or 'nothing'} of {self.relation} can; "
                    "take it out of hints"
                )
        return self


# The keys of which the values have keys of their own.
_INNER: dict[str, type[BaseModel]] = {"rolling": Rolling, "alerts": AlertRule}

H = TypeVar("H", bound=_Header)
_COMMENT = re.compile(r"\A\s*/\*(.*?)\*/", re.DOTALL)


def read_header(path: Path, model: type[H], name_key: str = "code") -> H:
    """Read a .sql file's header; raises HeaderError naming the file, the key and the way out.

    The header's `name_key` must equal the file's name.
    """
    comment = _COMMENT.match(path.read_text("utf-8"))
    if comment is None:
        raise HeaderError(f"{path} does not begin with a /* … */ header; add one in YAML.")
    try:
        values: Any = _read_yaml(comment.group(1))
    except yaml.YAMLError as error:
        raise HeaderError(
            f"The header of {path} is not YAML ({_where(error)}); "
            "text with a colon goes in quotes, or in a block below 'key: >'."
        ) from None
    if not isinstance(values, dict):
        raise HeaderError(f"The header of {path} holds no keys; it needs {_keys(model)}.")
    try:
        header = model.model_validate(values)
    except ValidationError as error:
        raise HeaderError(f"The header of {path} is wrong: {_wrong(error, model)}.") from None
    name = getattr(header, name_key)
    if name != path.stem:
        raise HeaderError(
            f"The header of {path} says {name_key}: {name}, but the file is named "
            f"{path.name}; make them equal."
        )
    return header


@lru_cache(maxsize=512)
def _read_yaml(text: str) -> Any:
    # Each script that is rendered asks for the headers of all figures: to parse them takes 0.1 s.
    return yaml.safe_load(text)


def metrics(sql_dir: Path) -> list[Metric]:
    """Return the metrics, one per file of facts/kpi_value, sorted by code.

    Raises HeaderError also when a window of one has the code of another.
    """
    read = [read_header(path, Metric) for path in _figures(sql_dir, "kpi_value")]
    codes = {metric.code for metric in read}
    for metric in read:
        for days in metric.windows:
            if metric.rolling_code(days) in codes:
                raise HeaderError(
                    f"The metric {metric.rolling_code(days)} has the code of a window of {metric.code}; "
                    "give its file and header another code."
                )
    return read


def measures(sql_dir: Path, table: str) -> list[Measure]:
    """Return the figures of kpi_state_count, kpi_percentiles or kpi_plan_gap, sorted by code.

    Raises HeaderError also when a file lies in another table's folder.
    """
    by_path = {path: read_header(path, Measure) for path in _figures(sql_dir, table)}
    for path, measure in by_path.items():
        if MEASURED_BY[measure.agg] != table:
            raise HeaderError(
                f"The header of {path} says agg: {measure.agg}, which makes rows of {MEASURED_BY[measure.agg]}; "
                f"move the file to facts/{MEASURED_BY[measure.agg]}, or give it another agg."
            )
    return list(by_path.values())


def relations(sql_dir: Path, adapter: str) -> dict[str, tuple[Relation, Path]]:
    """Return an adapter's relations in the order in which they are captured.

    Raises HeaderError when the adapter's folder or one of its files is missing.
    """
    folder = sql_dir / "source" / adapter
    if not folder.is_dir():
        known = sorted(path.name for path in (sql_dir / "source").iterdir() if path.is_dir())
        raise HeaderError(
            f"There is no source adapter '{adapter}' in {folder.parent}; "
            f"set KPI_SOURCE_ADAPTER to one of: {', '.join(known)}."
        )
    captured = {}
    for relation in CONTRACT:
        path = folder / f"{relation}.sql"
        if path.is_file():
            captured[relation] = (read_header(path, Relation, "relation"), path)
        elif relation != "reject":
            raise HeaderError(
                f"The source adapter '{adapter}' lacks {path.name} in {folder}; "
                f"write a SELECT of {', '.join(CONTRACT[relation])}."
            )
    return captured


def hints(sql_dir: Path, adapter: str, relation: str) -> tuple[str, ...]:
    """Return the columns of a relation that are hints; raises HeaderError as `relations` does."""
    return relations(sql_dir, adapter)[relation][0].hints


def figures(sql_dir: Path, table: str) -> Sequence[Metric | Measure]:
    """Return the figures of a fact table, sorted by code."""
    return metrics(sql_dir) if table == "kpi_value" else measures(sql_dir, table)


def require_readable(sql_dir: Path) -> None:
    """Refuse a figure of any table whose header is wrong; raises HeaderError."""
    for table in FACT_TABLES:
        figures(sql_dir, table)


def not_followed(sql_dir: Path) -> list[str]:
    """Return the figures that changes of the open day are not added to, each with its table."""
    return [
        f"{figure.code} of {table}"
        for table in FACT_TABLES
        for figure in figures(sql_dir, table)
        if figure.kind == "own"
    ]


def english_labels(sql_dir: Path) -> dict[str, str]:
    """Return what metrics and their windows are called in English, by their codes in kpi_metric."""
    labels = {}
    for metric in metrics(sql_dir):
        labels[metric.code] = metric.english
        labels |= {
            metric.rolling_code(days): metric.rolling_english(days) for days in metric.windows
        }
    return labels


def _figures(sql_dir: Path, table: str) -> list[Path]:
    # The table's roads are in lower case.
    return sorted(sql_dir.glob(f"facts/{table}/[A-Z]*.sql"))


def _where(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"{error.problem}, line {mark.line + 1}, column {mark.column + 1}"


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(field.alias or name for name, field in model.model_fields.items())


def _wrong(error: ValidationError, model: type[BaseModel]) -> str:
    parts = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            keys = _keys(_INNER[str(item["loc"][0])] if len(item["loc"]) > 1 else model)
            parts.append(f"unknown key '{key}' (the keys are {keys})")
        elif item["type"] == "missing":
            parts.append(f"key '{key}' is missing")
        else:
            parts.append(
                f"{key or 'header'}: {item['input']!r}: {item['msg']}" if key else item["msg"]
            )
    return "; ".join(parts)


def longest_window(metrics: Sequence[Metric]) -> int:
    """Return the days of the longest rolling window that a header declares, 1 when none does."""
    return max((days for metric in metrics for days in metric.windows), default=1)
