"""The trigger that notices changes: an event for each burst of rows in kpi_change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mysql.connector
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from kpi.core.connections import READ, Session
from kpi.core.errors import KpiError
from kpi.core.statements import statement

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0  # seconds between attempts to connect


class ChangeTrigger(BaseEventTrigger):
    """Looks at kpi_change every `poll_seconds`, one index look-up, and sends an event when changes came.

    While changes that an event told of are pending it sends no other, since the run that works on them takes up what
    comes meanwhile; every `sweep_seconds` it sends one all the same, so that no event of another sender stays stranded.
    """

    def __init__(
        self, conn_id: str = READ, poll_seconds: float = 0.5, sweep_seconds: float = 300.0
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.poll_seconds = poll_seconds
        self.sweep_seconds = sweep_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "kpi.incremental.watcher.ChangeTrigger",
            {
                "conn_id": self.conn_id,
                "poll_seconds": self.poll_seconds,
                "sweep_seconds": self.sweep_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        pending, newest = statement("changes/pending.sql"), statement("changes/newest.sql")
        newest_told, told_at = 0, time.monotonic()
        pause = self.poll_seconds
        while True:
            try:
                async with _opened(self.conn_id) as session:
                    pause = self.poll_seconds
                    while True:
                        oldest = await _value(session, pending, {"most": 1})
                        sweep = time.monotonic() - told_at >= self.sweep_seconds
                        if sweep or (oldest is not None and oldest > newest_told):
                            newest_told = max(newest_told, await _value(session, newest) or 0)
                            told_at = time.monotonic()
                            yield TriggerEvent({"sweep": sweep})  # type: ignore[no-untyped-call]
                        await asyncio.sleep(self.poll_seconds)
            except (KpiError, mysql.connector.Error, OSError) as error:
                # The list is durable: what comes meanwhile is told of when the server answers again.
                log.warning("kpi_change cannot be read, trying again in %.0f s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)


@asynccontextmanager
async def _opened(conn_id: str) -> AsyncIterator[Session]:
    """Open a session like those of tasks: the driver's own asynchronous one takes other extras."""
    settings = await BaseHook.aget_connection(conn_id)
    session = await asyncio.to_thread(Session, conn_id, settings)
    try:
        session.connection.autocommit = True
        yield session
    finally:
        session.close()


async def _value(session: Session, sql: str, values: dict[str, int] | None = None) -> int | None:
    number = await asyncio.to_thread(session.value, sql, values)
    return None if number is None else int(number)
