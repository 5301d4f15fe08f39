"""Telling what is new about alerts: each beginning and each end once, by the notifier of the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from kpi.alerts.notifier import NotifierError, notify
from kpi.alerts.reading import Alert, untold
from kpi.core.connections import ETL, session
from kpi.core.locks import lock, lock_name
from kpi.core.settings import Settings
from kpi.core.templates import renderer

log = logging.getLogger(__name__)


def tell(context: Mapping[str, Any], settings: Settings) -> Sequence[Alert]:
    """Give the notifier what it has not taken yet; return what it took.

    When it does not take them, the log says so and they stay to be told: alerts stop nothing. An alert is marked as
    told after the notifier took it, so that one killed in between is told again rather than never.
    """
    with (
        session(ETL) as etl,
        lock(etl, lock_name(etl.schema, "tell alerts"), settings.lock_wait_seconds),
    ):
        new = untold(etl, settings)
        etl.commit()
        if not new:
            return []
        try:
            notify(new, context, settings)
        except NotifierError as error:
            log.error("%s", error)
            return []
        mark = renderer(settings)("alerts/told.sql")
        with etl.transaction():
            for alert in new:
                etl.run(mark, {"id": alert.id, "ended": alert.until_on is not None})
        return new
