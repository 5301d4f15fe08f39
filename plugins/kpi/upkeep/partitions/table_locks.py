"""Locks on whole tables: short waits, tried again after growing pauses, and who is in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import mysql.connector
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity import wait_random_exponential as growing_pauses

from kpi.core.connections import LOCK_WAIT, Session
from kpi.core.errors import ConnectionProblem, KpiError
from kpi.core.statements import statement

log = logging.getLogger(__name__)
T = TypeVar("T")


class TableBusy(KpiError):
    """Another session has a table in use and does not let go of it."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a table.

    A statement that waits for a table makes every later reader wait behind it, so each wait is short.
    """

    wait_seconds: int = 5
    attempts: int = 8
    longest_pause_seconds: int = 30


@contextmanager
def locked_tables(admin: Session, tables: Sequence[str], patience: Patience) -> Iterator[None]:
    """Keep readers and writers off the tables as long as the context lasts.

    Raises TableBusy when another session does not let go of them.
    """
    lock = statement("partitions/lock_tables.sql", tables=tables)
    patiently(admin, tables, patience, lambda: admin.run(lock))
    try:
        yield
    finally:
        # A lost connection has released its locks by itself.
        if admin.connection.is_connected():
            admin.run("UNLOCK TABLES")


def patiently(
    admin: Session, tables: Sequence[str], patience: Patience, work: Callable[[], T]
) -> T:
    """Run a statement that needs the tables for itself; raises TableBusy naming who has them."""
    admin.run(f"SET SESSION lock_wait_timeout = {patience.wait_seconds:d}")

    def say(state: RetryCallState) -> None:
        log.warning(
            "%s in use by another session: attempt %s of %s failed after %s s, trying again in %.0f s.",
            " or ".join(tables),
            state.attempt_number,
            patience.attempts,
            patience.wait_seconds,
            state.upcoming_sleep,
        )

    retrying = Retrying(
        retry=retry_if_exception(_waited_in_vain),
        stop=stop_after_attempt(patience.attempts),
        wait=growing_pauses(multiplier=1, max=patience.longest_pause_seconds),
        before_sleep=say,
        reraise=True,
    )
    try:
        return retrying(work)
    except mysql.connector.Error as error:
        if not _waited_in_vain(error):
            raise
        raise TableBusy(_who_is_in_the_way(admin, tables, patience)) from error


def _waited_in_vain(error: BaseException) -> bool:
    return isinstance(error, mysql.connector.Error) and error.errno == LOCK_WAIT


def _who_is_in_the_way(admin: Session, tables: Sequence[str], patience: Patience) -> str:
    waited = f"in {patience.attempts} attempts of {patience.wait_seconds} s"
    # Seen by an account that may read performance_schema; docs/accounts.sql does not ask for it.
    holders = " ".join(statement("partitions/holders.sql", tables=tables).split())
    try:
        sessions = admin.rows(holders)
    except ConnectionProblem:
        sessions = []
    if not sessions:
        return (
            f"{' or '.join(tables)} did not become free {waited}, nothing was changed in this step; "
            f"find the session that holds it as an administrator, in this database ({holders}), let it end or KILL it, "
            "then trigger again."
        )
    table, connection, account, seconds = sessions[0]
    return (
        f"{table} did not become free {waited}, nothing was changed in this step: MySQL connection {connection} of "
        f"account '{account}' holds it, in its present state for {seconds} s; let it end or KILL {connection}, "
        "then trigger again."
    )
