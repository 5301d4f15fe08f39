"""Undoing: what retention removed comes back exactly, for as long as its undo table is there."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import timedelta

import mysql.connector

from kpi.core.errors import InputError
from kpi.core.statements import script
from kpi.core.tables import Column, Rows, columns, count, there
from kpi.upkeep.partitions.maintenance import no_room
from kpi.upkeep.partitions.table_locks import patiently
from kpi.upkeep.retention import undo as undos
from kpi.upkeep.retention.removal import Work, month_locked
from kpi.upkeep.retention.undo import RetentionError, Undo, require_undo_name

log = logging.getLogger(__name__)

_MONTH = re.compile(r"\d{4}-\d{2}")


def chosen(kept: Sequence[Undo], asked: str) -> list[Undo]:
    """Return the undo tables that a month (YYYY-MM) or a name asks for, the latest removal first; pure.

    Raises InputError naming those there are when none fits.
    """
    if _MONTH.fullmatch(asked):
        asked_for = [undo for undo in kept if f"{undo.month:%Y-%m}" == asked]
    else:
        asked_for = [undo for undo in kept if undo.undo_table == asked]
    if not asked_for:
        there = ", ".join(undo.undo_table for undo in kept) or "none"
        raise InputError(
            f"There is nothing to restore for '{asked}'; give a month as YYYY-MM or one of the undo tables: {there}."
        )
    return sorted(asked_for, key=lambda undo: undo.id, reverse=True)


def restore(work: Work, undo: Undo, *, over: bool) -> None:
    """Bring the rows of an undo table back, and keep retention off them for KPI_RETENTION_UNDO_DAYS.

    Raises RetentionError when rows of the same periods were computed meanwhile, unless they are to be replaced
    (`over`); when the undo table was changed; or when what comes back is not what went. Nothing is changed then.
    """
    parts = columns(work.admin, undo.table)
    with month_locked(work, undo.table, undo.month):
        _require_untouched(work, undo, parts)
        try:
            with work.admin.transaction():
                _bring_back(work, undo, parts, over)
                undos.mark_there(work.admin, undo)
                undos.set_state(work.admin, undo, undos.RESTORED)
                _hold(work, undo)
        except mysql.connector.Error as error:
            raise no_room(undo.table, error) or error from error
    _drop(work, undo)
    log.info("%s: %s rows of %s are back", undo.table, undo.rows_removed, f"{undo.month:%Y-%m}")


def purge(work: Work, kept: Sequence[Undo]) -> list[Undo]:
    """Drop the undo tables whose time is over, or whose rows are back; return them."""
    gone = due(kept, work)
    for undo in gone:
        _drop(work, undo)
        if undo.state == undos.KEPT:
            with work.admin.transaction():
                undos.set_state(work.admin, undo, undos.PURGED)
    return gone


def due(kept: Sequence[Undo], work: Work) -> list[Undo]:
    """Return the undo tables to drop."""
    return [
        undo
        for undo in kept
        if (undo.state == undos.KEPT and undo.keep_until <= work.now)
        or (undo.state == undos.RESTORED and there(work.admin, undo.undo_table))
    ]


def _drop(work: Work, undo: Undo) -> None:
    patiently(
        work.admin,
        [undo.undo_table],
        work.patience,
        lambda: undos.drop_undo_table(work.admin, undo),
    )


def _kept(undo: Undo) -> Rows:
    return Rows(require_undo_name(undo.undo_table), periods=undo.periods)


def _require_untouched(work: Work, undo: Undo, parts: Sequence[Column]) -> None:
    if not there(work.admin, undo.undo_table):
        raise RetentionError(
            f"The undo table {undo.undo_table} is gone, so {undo.month:%Y-%m} cannot be restored; compute it again "
            "with kpi_backfill and into_dropped."
        )
    if _expected(undo) != undos.digests(work.admin, _kept(undo), parts):
        raise RetentionError(
            f"The rows of {undo.undo_table} are not those that were removed, or {undo.table} has other columns since; "
            "nothing was restored. Compute the month again with kpi_backfill and into_dropped."
        )


def _expected(undo: Undo) -> dict[str, object]:
    return {period: undo.digests[period] for period in undo.periods}


def _bring_back(work: Work, undo: Undo, parts: Sequence[Column], over: bool) -> None:
    admin, place = work.admin, undo.place
    statements = script("retention/restoring.sql", place=place, kept=_kept(undo), columns=parts)
    since = count(admin, place)
    if since and not over:
        raise RetentionError(
            f"{undo.table} has {since} rows of {undo.month:%Y-%m} that were computed since they were removed; nothing "
            "was restored. Trigger with restore_over to put the removed ones in their place."
        )
    if since:
        admin.run(statements["delete what was computed since"], place.values)
    admin.run(statements["bring back"])
    if undos.digests(admin, place, parts) != _expected(undo):
        raise RetentionError(
            f"What came back into {undo.table} is not what was removed, so it was rolled back; look at CHECK TABLE "
            f"{undo.table}, {undo.undo_table}."
        )


def _hold(work: Work, undo: Undo) -> None:
    """Without a hold the next night would remove again what was restored."""
    work.admin.run(
        script("retention/holds.sql")["hold what was restored"],
        undo.values | {"until": work.now + timedelta(days=work.settings.retention_undo_days)},
    )
