"""How long what is kept, as dates; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from kpi.core.periods import month_of
from kpi.core.settings import Settings
from kpi.upkeep.partitions.monthly import months_around
from kpi.vocabulary import DAY


@dataclass(frozen=True)
class Limits:
    """What is before these local days has expired.

    `days` and the months of `months` (W, M, R) are about facts, `history` about closed versions, `ledger`,
    `rejects` and `changes` about kpi_run, kpi_reject and kpi_change. Partitions before `partitions` are not
    wanted empty.
    """

    days: date
    months: Mapping[str, date]
    history: date
    ledger: date
    rejects: date
    changes: date
    partitions: date

    def expired(self, month: date) -> tuple[str, ...]:
        """Return the periods, in order D, W, M, R, whose rows of a month have expired; `month` is its first day.

        A month's D rows expire together, with the last of them: so they are kept longer, never shorter.
        """
        last = month_of(month).last
        daily = [DAY] if last < self.days else []
        return (*daily, *(period for period, kept in self.months.items() if last < kept))


def limits(today: date, settings: Settings) -> Limits:
    """Return what has expired on a local day."""
    return Limits(
        days=today - timedelta(days=settings.retention_days_d),
        months={
            period: _months_before(today, kept) for period, kept in settings.months_kept.items()
        },
        history=_months_before(today, settings.retention_months_history),
        ledger=_months_before(today, settings.retention_months_ledger),
        rejects=_months_before(today, settings.retention_months_rejects),
        changes=today - timedelta(days=settings.retention_days_changes),
        partitions=_months_before(today, settings.partition_months_back),
    )


def _months_before(today: date, months: int) -> date:
    return months_around(today, months, 0)[0]
