"""Operators of kpi_status: the operators' view as a table, and the alert of a late night."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk import BaseOperator

from kpi.alerts.nights import look_for_late_nights
from kpi.alerts.telling import tell
from kpi.core import local_days
from kpi.core.settings import settings
from kpi.figures.run_dates import now
from kpi.operators.reports import reported
from kpi.status.judgement import worst
from kpi.status.report import status


class StatusOperator(BaseOperator):
    """Print how tables and nights are doing; returns the level. Whatever it finds, it does not fail."""

    def execute(self, context: Any) -> str:
        with reported(self, "Status") as report:
            items = status(instant_of(context), settings())
            for item in items:
                if item.hint_en:
                    self.log.warning("%s: %s %s", item.title_en, item.detail_en, item.hint_en)
            report.add(
                *(
                    {"what": item.title_en, "level": item.level, "value": item.value}
                    for item in items
                ),
                {"what": "all", "level": worst(items)},
            )
        return worst(items)


class LateNightsOperator(BaseOperator):
    """Keep an alert as long as the last good night is older than it should be, and tell what is new of all alerts."""

    def execute(self, context: Any) -> None:
        kpi_settings = settings()
        with reported(self, "Late nights") as report:
            since = look_for_late_nights(instant_of(context), kpi_settings)
            alerts_told = tell(context, kpi_settings)
            report.add({"late since": since or "–", "alerts told": len(alerts_told)})


def instant_of(context: Mapping[str, Any]) -> datetime:
    """Return the run's clock, its param `at`, as naive UTC; the present instant when none was given."""
    text = (context.get("params") or {}).get("at")
    return local_days.parse_instant(str(text)) if text else now()
