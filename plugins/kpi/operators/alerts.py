"""Operators of alerts: thresholds after a night, and the telling of what is new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kpi.alerts.telling import tell
from kpi.alerts.thresholds import look
from kpi.core import local_days
from kpi.core.settings import settings
from kpi.core.steps import steps
from kpi.figures.run_dates import now
from kpi.operators.reports import reported
from kpi.operators.script import ScriptOperator


class AlertsOperator(ScriptOperator):
    """Look at the thresholds of the metrics' headers as of the latest complete day, and tell what is new.

    A notifier that fails stops nothing: the log says so, and what is new is told the next time.
    """

    def execute(self, context: Any) -> None:
        kpi_settings = settings()
        yesterday = local_days.local_date(now(), kpi_settings.timezone) - timedelta(days=1)
        with reported(self, "Alerts") as report:
            outcome = look(steps(self.sql), yesterday, kpi_settings)
            alerts_told = tell(context, kpi_settings)
            if outcome is None:
                self.log.info("No day is complete yet, so there is nothing to look at.")
                return
            report.add(
                {
                    "as of": outcome.day,
                    "figures beyond": outcome.beyond,
                    "raised": outcome.raised,
                    "ended": outcome.ended,
                    "told": len(alerts_told),
                }
            )
