"""The operators' view on the dashboard: how nights and tables are doing, and the alerts that last."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import mysql.connector
from cachetools.func import ttl_cache
from fastapi import APIRouter, Response

from kpi.alerts.reading import Alert, lasting
from kpi.core.connections import READ, session
from kpi.core.errors import KpiError
from kpi.core.settings import settings
from kpi.figures.run_dates import now
from kpi.status.judgement import Item, worst
from kpi.status.report import status as status_at
from kpi.ui.answers import DataResponse
from kpi.ui.reading import DatabaseAway

MOST_ALERTS = 200
# However many look at the page, the tables are asked a few times a minute.
SECONDS_KEPT = 15

router = APIRouter(default_response_class=DataResponse)


@router.get("/status")
def status() -> Response:
    """The level of all, and each item with what it says and what to do; red when the tables cannot be read."""
    items = _items()
    return DataResponse({"level": worst(items), "items": [asdict(item) for item in items]})


@router.get("/alerts")
def alerts() -> Response:
    """The alerts that last, the newest first; `more` says that there are others."""
    lasting_alerts = _alerts()
    return DataResponse(
        {
            "alerts": [_said(alert) for alert in lasting_alerts[:MOST_ALERTS]],
            "more": len(lasting_alerts) > MOST_ALERTS,
        }
    )


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT)
def _items() -> list[Item]:
    return status_at(now(), settings())


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT)
def _alerts() -> list[Alert]:
    try:
        with session(READ) as read:
            return lasting(read, settings(), MOST_ALERTS + 1)
    except (KpiError, mysql.connector.Error) as error:
        raise DatabaseAway(str(error)) from error


def _said(alert: Alert) -> dict[str, Any]:
    """Return what the answer says of an alert; what it is not about is null."""
    scope = target = None
    if alert.scope_id is not None:
        scope = {
            "id": alert.scope_id,
            "type": alert.scope_type,
            "ref_id": alert.scope_ref_id,
            "label": alert.scope_label,
        }
    if alert.target_id is not None:
        target = {
            "id": alert.target_id,
            "type": alert.target_type,
            "ref_id": alert.target_ref_id,
            "label": alert.target_label,
        }
    return {
        "code": alert.code,
        "kind": alert.kind,
        "rule": alert.rule or None,
        "scope": scope,
        "target": target,
        "metric": alert.metric_label,
        "metric_en": alert.metric_label_en,
        "unit": alert.unit,
        "value": alert.value_num,
        "threshold": alert.threshold,
        "since": alert.since_on,
        "level": alert.level,
        "message_fr": alert.message_fr,
        "message_en": alert.message_en,
    }
