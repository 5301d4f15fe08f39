"""Who may see the dashboard, and the headers that it is sent with."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Logged in to Airflow (else 401), with the right to read the DAG that computes what is shown (else 403).
MAY_READ = Depends(requires_access_dag("GET", param_dag_id="kpi_daily"))

_HEADERS = {
    # Airflow shows the page in an iframe of its own origin; nothing is fetched from elsewhere.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_AS_SENT = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


class SafeHeaders:
    """Add the headers to every answer, errors too; one that an answer has of its own stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                names = {name.lower() for name, _ in own}
                message["headers"] = own + [header for header in _AS_SENT if header[0] not in names]
            await send(message)

        await self.app(scope, receive, with_headers)
