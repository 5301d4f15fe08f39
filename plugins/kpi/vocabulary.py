"""The words of the star schema, each declared once: fact tables, periods, scopes, targets, domains, units.

Source: the seed, sections 1 to 3. Python and the SQL templates read them here; a test holds the schema's ENUMs and SETs
to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Period = Literal["D", "W", "M", "R"]
# The periods of the calendar, which close; a day and the end of a window are any day.
ClosingPeriod = Literal["W", "M"]
ScopeType = Literal["GLOBAL", "SESSION", "GROUPE", "SOUS_GROUPE", "FORMATEUR", "APPRENANT"]
TargetType = Literal["GLOBAL", "MODULE", "UA", "COMPETENCE", "MICRO_COMPETENCE", "REFERENTIEL"]
# What a metric may be shown on (kpi_metric.target_levels).
TargetLevel = Literal["GLOBAL", "MODULE", "UA", "COMPETENCE", "MICRO_COMPETENCE"]
Domain = Literal["MODULE", "UA", "COMPETENCE", "MICRO_COMPETENCE"]
Unit = Literal["%", "points", "nb", "jours", "heures", "ratio", "score"]
Agg = Literal["AVG", "SUM", "COUNT", "MEDIAN", "PERCENTILE", "PCT"]
Category = Literal[
    "PROGRESSION", "MAITRISE", "RYTHME", "ACTIVITE", "COUVERTURE", "ETAT", "FEEDBACK", "QUALITE"
]
Rollup = Literal["LAST", "SUM", "RATIO_OF_SUMS", "WEIGHTED_MEAN", "RECOMPUTE"]

# How measures are summed and shown: those of kpi_state_count, kpi_percentiles, kpi_plan_gap.
MeasureAgg = Literal["STATES", "PERCENTILE", "PLAN"]
# The sets that a figure may read (include/sql/sets).
SetName = Literal["realisation", "plan", "feedback"]

PERIODS: tuple[Period, ...] = get_args(Period)
SCOPE_TYPES: tuple[ScopeType, ...] = get_args(ScopeType)
TARGET_TYPES: tuple[TargetType, ...] = get_args(TargetType)
TARGET_LEVELS: tuple[TargetLevel, ...] = get_args(TargetLevel)
DOMAINS: tuple[Domain, ...] = get_args(Domain)

DAY, WEEK, MONTH, ROLLING = PERIODS
CALENDAR_PERIODS: tuple[ClosingPeriod, ...] = get_args(ClosingPeriod)
# By which road a table's rows of a period are computed: facts/<table>/<road>.sql.
ROAD_OF: dict[Period, str] = {
    DAY: "day",
    **dict.fromkeys(CALENDAR_PERIODS, "closing"),
    ROLLING: "windows",
}


class PeriodWords(NamedTuple):
    """What a period is called, in names, and in French and English; its most days; the usual points of its curve."""

    name: str
    label: tuple[str, str]
    days: int
    usual_points: int


PERIOD_WORDS: dict[Period, PeriodWords] = {
    DAY: PeriodWords("day", ("Jour", "Day"), 1, 90),
    WEEK: PeriodWords("week", ("Semaine", "Week"), 7, 26),
    MONTH: PeriodWords("month", ("Mois", "Month"), 31, 13),
    ROLLING: PeriodWords("rolling", ("Jours glissants", "Rolling days"), 1, 90),
}
# Finest first: what lies above a target is of a type that comes later.
FINEST_FIRST: tuple[TargetType, ...] = (
    *("UA", "MICRO_COMPETENCE", "COMPETENCE", "MODULE", "REFERENTIEL", "GLOBAL"),
)
# Levels with much below them: what counts there is read whole, not target by target.
WIDE_LEVELS: tuple[TargetType, ...] = ("MODULE", "REFERENTIEL", "GLOBAL")

MICROSECONDS: dict[Unit, int] = {"jours": 86_400_000_000, "heures": 3_600_000_000}


class Shape(NamedTuple):
    """How a figure is made of what its file observes: by which sums (include/sql/sums), of what, and shown how."""

    kind: Literal["additive", "delays", "states"]
    shown: str
    sums: tuple[str, ...] = ()


# By a header's `agg`.
SHAPES: dict[str, Shape] = {
    "PCT": Shape("additive", "share", ("part", "whole", "reconstructed")),
    "AVG": Shape("additive", "mean", ("part", "whole", "reconstructed")),
    "SUM": Shape("additive", "total", ("part", "whole", "reconstructed")),
    "COUNT": Shape("additive", "total", ("part", "whole", "reconstructed")),
    "MEDIAN": Shape("delays", "median"),
    "PERCENTILE": Shape("delays", "percentiles"),
    "STATES": Shape("states", "states"),
    "PLAN": Shape("additive", "plan", ("part", "done", "whole")),
}
# All that is summed of an observation; the columns of kpi_day_sum.
DAY_SUMS = ("part", "done", "whole", "reconstructed")


# The table of a measure, by its `agg`.
MEASURED_BY: dict[MeasureAgg, str] = {
    "STATES": "kpi_state_count",
    "PERCENTILE": "kpi_percentiles",
    "PLAN": "kpi_plan_gap",
}


def enum(words: Iterable[str]) -> str:
    """Return the SQL type of a column that holds one of some words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"ENUM({listed})"


@dataclass(frozen=True)
class Table:
    """A table that slices are written to: a cell is its key (with date_id and period where it has some) and its values.

    `key` and `values` are {column: SQL type}; `stamp` is the column that says when a row last changed, `measured` the
    value that tells how large a change is, `named` what a dry run's example says of a cell besides scope and target,
    `label` what people call it, in French and English.
    """

    name: str
    label: tuple[str, str]
    key: Mapping[str, str]
    values: Mapping[str, str]
    periods: tuple[Period, ...] = ()
    measured: str = ""
    named: tuple[str, ...] = ()
    stamp: str | None = None


_CELL = {"scope_id": "BIGINT", "target_id": "BIGINT"}
_NUMBER = "DECIMAL(12, 4)"

FACT_TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "kpi_value",
            ("Indicateurs", "Metrics"),
            _CELL | {"metric_id": "BIGINT"},
            {
                "value_num": _NUMBER,
                "numerator": "BIGINT",
                "denominator": "BIGINT",
                "sample_size": "INT",
                "extra_json": "JSON",
            },
            PERIODS,
            "value_num",
            ("metric",),
            "computed_at",
        ),
        Table(
            "kpi_state_count",
            ("Répartition par état", "States"),
            _CELL | {"domain": enum(DOMAINS), "state_code": "VARCHAR(32)"},
            {"state_ordre": "INT", "count": "INT"},
            (DAY, WEEK, MONTH),
            "count",
            ("domain", "state"),
        ),
        Table(
            "kpi_percentiles",
            ("Délais", "Delays"),
            _CELL | {"measure_code": "VARCHAR(64)"},
            {"p50": _NUMBER, "p75": _NUMBER, "p90": _NUMBER, "sample_size": "INT"},
            (DAY, WEEK, MONTH),
            "p50",
            ("measure",),
        ),
        Table(
            "kpi_plan_gap",
            ("Écart au plan", "Plan gap"),
            _CELL,
            {"expected_count": "INT", "done_count": "INT"},
            (WEEK, MONTH),
            "done_count",
        ),
    )
}
DAILY_TABLES = tuple(name for name, table in FACT_TABLES.items() if DAY in table.periods)

# The latest figures of a scope on a target, in one row; as {column: period}.
TILE_PERIODS: dict[str, Period] = {words.name: period for period, words in PERIOD_WORDS.items()}
TILE_CACHE = Table(
    "kpi_tile_cache",
    ("Tuiles", "Tiles"),
    _CELL,
    {
        f"{name}_{what}": kind
        for name in TILE_PERIODS
        for what, kind in (("on", "DATE"), ("figures", "JSON"))
    },
    stamp="computed_at",
)
WRITTEN_TABLES: dict[str, Table] = FACT_TABLES | {TILE_CACHE.name: TILE_CACHE}
