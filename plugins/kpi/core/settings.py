"""The package's settings: one typed object, read from the environment (prefix KPI_) over the file kpi.env."""

from __future__ import annotations

import json
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kpi.core.errors import KpiError
from kpi.vocabulary import MONTH, ROLLING, WEEK

PROJECT = Path(__file__).resolve().parents[3]
_SHORTEST_MONTH = 28  # days

# A piece of a name in SQL, the empty one too: nothing else gets into an adapter's text.
Identifier = Annotated[str, Field(pattern=r"^[0-9A-Za-z_$]{0,64}$")]


class SettingsError(KpiError):
    """A setting is missing or wrong."""


class Settings(BaseSettings):
    """What a deployment may choose; each field is the environment variable KPI_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix="KPI_", env_file=PROJECT / "kpi.env", extra="ignore", frozen=True
    )

    timezone: str = Field("Africa/Casablanca", description="the zone of all local days")
    sql_dir: Path = Field(PROJECT / "include" / "sql", description="the folder of SQL templates")
    source_adapter: str = Field(
        "soli_lms",
        pattern=r"^[a-z][a-z0-9_]*$",
        description="a folder of include/sql/source: how the source's tables are read",
    )
    source_timezone: str = Field(
        "UTC", description="the zone of the source's datetime columns (Laravel's APP_TIMEZONE)"
    )
    source_parameters: Annotated[dict[str, Identifier], NoDecode] = Field(
        {}, description="what the adapter asks for, as a JSON object: a prefix of table names, say"
    )
    storage: Literal["partitioned", "foreign_keys"] = Field(
        "partitioned", description="how the fact tables are stored; changed only after a conversion"
    )
    calendar_start: date | None = Field(
        None, description="first day of kpi_time; by default the first day with source data"
    )
    calendar_days_ahead: int = Field(400, ge=7, le=4000)
    partition_months_back: int = Field(
        12, ge=0, le=240, description="months before today's that have partitions, rows or not"
    )
    partition_months_ahead: int = Field(
        3, ge=1, le=36, description="months after today's that have partitions"
    )
    lock_wait_seconds: int = Field(
        600, ge=1, le=7200, description="how long a writer waits for another on the same slice"
    )
    write_attempts: int = Field(
        5, ge=1, le=20, description="transactions tried on deadlock, lock wait or lost connection"
    )
    backfill_chunk_days: int = Field(
        31, ge=1, le=31, description="days that kpi_backfill computes at once, within one month"
    )
    capture_max_vanished_percent: int = Field(
        50,
        ge=1,
        le=100,
        description="a capture stops when more of a part of the source vanished; 100: never",
    )
    capture_max_changed_percent: int = Field(
        90, ge=1, le=100, description="the same of rows that changed at once; 100: never"
    )
    capture_floor_rows: int = Field(
        20, ge=1, le=1_000_000, description="fewer rows than this may always vanish or change"
    )
    incremental_changes: int = Field(
        500, ge=1, le=10_000, description="changes that kpi_incremental takes up in one transaction"
    )
    stream_batch_rows: int = Field(
        5000, ge=1, le=100_000, description="rows held in memory when source and KPI servers differ"
    )
    retention_days_d: int = Field(
        90, ge=90, le=36_500, description="days that D rows are kept at least; whole months go"
    )
    retention_months_w: int = Field(
        36, ge=1, le=1200, description="months before today's that keep their weeks (W)"
    )
    retention_months_m: int = Field(
        120, ge=1, le=1200, description="months before today's that keep their month (M)"
    )
    retention_months_r: int = Field(
        13, ge=1, le=1200, description="months before today's that keep their windows (R)"
    )
    retention_months_history: int = Field(
        36, ge=4, le=1200, description="months before today's that can be computed from history"
    )
    retention_months_ledger: int = Field(
        24,
        ge=4,
        le=1200,
        description="months before today's that keep their rows of kpi_run, and the alerts that were over in them",
    )
    retention_months_rejects: int = Field(
        12, ge=1, le=1200, description="months that kpi_reject keeps what was not seen again"
    )
    retention_days_changes: int = Field(
        30, ge=1, le=36_500, description="days that kpi_change keeps what the figures hold"
    )
    retention_undo_days: int = Field(
        14, ge=1, le=365, description="days that removed facts can be restored"
    )
    retention_partitions_per_run: int = Field(
        12, ge=1, le=1000, description="months of one table that kpi_retention rewrites in a run"
    )
    retention_chunk_rows: int = Field(
        5000, ge=100, le=100_000, description="rows deleted in one transaction where rows are"
    )

    alert_notifier: str = Field(
        "kpi.alerts.notifier.LogNotifier",
        pattern=r"^\w+(\.\w+)+$",
        description="the class, a BaseNotifier of Airflow or of a provider, that alerts are given to",
    )
    alert_notifier_args: Annotated[dict[str, Any], NoDecode] = Field(
        {}, description="its arguments, as a JSON object; their text may be templates"
    )
    night_due_at: time = Field(
        time(6), description="the local time by which the last day's figures are to be there"
    )

    @field_validator("alert_notifier_args", "source_parameters", mode="before")
    @classmethod
    def _is_json(cls, value: Any) -> Any:
        try:
            return json.loads(value or "{}") if isinstance(value, str) else value
        except json.JSONDecodeError as error:
            raise ValueError(f"it is not JSON ({error})") from None

    @field_validator("timezone", "source_timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"'{name}' is not a time zone of the tz database") from None
        return name

    @property
    def months_kept(self) -> dict[str, int]:
        """How many months the rows of each period but D are kept."""
        return {
            WEEK: self.retention_months_w,
            MONTH: self.retention_months_m,
            ROLLING: self.retention_months_r,
        }

    @field_validator("retention_months_w", "retention_months_m", "retention_months_history")
    @classmethod
    def _outlives_days(cls, months: int, info: ValidationInfo) -> int:
        days = info.data.get("retention_days_d", 0)
        # A day's week may end in the month after it, and days go by whole months.
        least = days // _SHORTEST_MONTH + 2
        if months < least:
            raise ValueError(
                f"at least {least} months are needed beside KPI_RETENTION_DAYS_D={days}: "
                "days are removed before what they are rolled up into or computed from"
            )
        return months

    @field_validator("sql_dir")
    @classmethod
    def _sql_dir_exists(cls, path: Path) -> Path:
        if not (path / "schema").is_dir():
            raise ValueError(f"'{path}' holds no schema/ folder of SQL files")
        return path


@cache
def settings() -> Settings:
    """Return the validated settings, read once per process.

    Raises SettingsError naming each wrong environment variable, its value and what is wrong with it.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"KPI_{str(item['loc'][0]).upper()}={item['input']!r}: {item['msg']}"
            for item in error.errors()
        )
        raise SettingsError(f"Settings are wrong, correct them and start again: {wrong}.") from None
