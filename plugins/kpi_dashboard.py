"""The plugin that puts the dashboard into Airflow's UI: an entry of the navigation, and a tab on each DAG."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin


@cache
def _dashboard() -> Any:
    from kpi.ui.app import create_app

    return create_app()


async def dashboard(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request. The application is made at the first: tasks and the scheduler load plugins too."""
    await _dashboard()(scope, receive, send)


def _address() -> str:
    """Return the page's path, below that of Airflow where it has one."""
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/") + "/kpi/"


_ICON = _address() + "static/icon.svg"


class KpiDashboardPlugin(AirflowPlugin):
    """The dashboard; Airflow shows the tab on the DAGs of other packages as well."""

    name = "kpi_dashboard"
    fastapi_apps = [{"app": dashboard, "url_prefix": "/kpi", "name": "KPI"}]
    external_views = [
        {
            "name": "KPI",
            "href": _address(),
            "destination": "nav",
            "icon": _ICON,
            "url_route": "kpi",
        },
        {
            "name": "KPI",
            "href": _address(),
            "destination": "dag",
            "icon": _ICON,
            "url_route": "kpi_dag",
        },
    ]
