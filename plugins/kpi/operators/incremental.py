"""Operators of kpi_incremental: refresh today's figures for what changed, and open the day when none is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from airflow.sdk import BaseBranchOperator

from kpi.core import catalog, local_days
from kpi.core.connections import ETL, session
from kpi.core.errors import KpiError
from kpi.core.ledger import Author
from kpi.core.local_days import parse_day
from kpi.core.settings import Settings, settings
from kpi.core.steps import steps
from kpi.core.templates import renderer
from kpi.figures.run_dates import captured_at, now
from kpi.history.capture import last_capture
from kpi.incremental import changes, opening, refresh
from kpi.operators.reports import Report, reported
from kpi.operators.script import ScriptOperator
from kpi.upkeep import preflight

LEARNER_IDS = "learner_ids"


class RefreshOperator(BaseBranchOperator):
    """Refresh today's figures until no change is pending; leads to `open_with` when today is not open yet.

    Learners named by the run's events or its param `learner_ids` are put on the list first. The three scripts are
    what runs for each batch of changes.
    """

    template_fields = ("contributions", "capture", "cells")
    template_ext = (".sql",)
    template_fields_renderers = dict.fromkeys(template_fields, "mysql")

    def __init__(
        self,
        *,
        contributions: str,
        capture: str,
        cells: str,
        open_with: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.contributions = contributions
        self.capture = capture
        self.cells = cells
        self.open_with = list(open_with)

    def choose_branch(self, context: Any) -> list[str]:
        with reported(self, "Changes in today's figures") as report:
            return self._choose(context, report)

    def _choose(self, context: Any, report: Report) -> list[str]:
        kpi_settings = settings()
        day = _today(context)
        with session(ETL) as etl:
            preflight.before_refresh(etl, kpi_settings)
            self._note(etl, context)
            if last_capture(etl) is None:
                self.log.info("Nothing was captured yet: the changes wait for the first kpi_daily.")
                return []
            if not opening.is_open(etl, day):
                return self._unopened(context, day)
        warn_of_unfollowed(kpi_settings, self.log.warning)
        try:
            done = self._refresh(context, day)
        except refresh.NotOpen:
            # A capture of all learners, or midnight, came between two changes.
            return self._unopened(context, _today(context))
        for number, result in enumerate(done, start=1):
            report.add(*_lines(number, result))
        return []

    def _note(self, etl: Any, context: Mapping[str, Any]) -> None:
        named = set((context.get("params") or {}).get(LEARNER_IDS) or ())
        for events in (context.get("triggering_asset_events") or {}).values():
            for event in events:
                named |= _learners(event.extra, self.log.warning)
        if named:
            self.log.info("Noted %s learners that the run was told of.", changes.note(etl, named))

    def _unopened(self, context: Any, day: Any) -> list[str]:
        if not self.open_with:
            raise KpiError(
                f"A capture of all learners came while {day} was opened; the next run opens it again."
            )
        self.log.info("%s is not open yet: its figures are computed whole first.", day)
        context["ti"].xcom_push(key="day", value=str(day))
        return self.open_with

    def _refresh(self, context: Any, day: Any) -> list[refresh.Refreshed]:
        kpi_settings, by = settings(), Author.of(context)
        scripts = refresh.Scripts(*map(steps, (self.contributions, self.capture, self.cells)))
        whole = renderer(kpi_settings)
        refreshed: list[refresh.Refreshed] = []
        while done := refresh.refresh_next(
            by.run_id or "", _clock(context), scripts, kpi_settings, by
        ):
            refreshed.append(done)
            self.log.info(
                "%s changes are in the figures.", sum(len(result.batch.ids) for result in refreshed)
            )
            if done.unfinished:
                scripts_of = {path: steps(whole(path)) for path in refresh.WHOLE}
                refresh.complete(done, day, scripts_of, kpi_settings, by)
        return refreshed


class OpenDayOperator(ScriptOperator):
    """Keep the exact sums behind a day's rows, which were just computed, so that changes can be added to them."""

    template_fields = ("sql", "day")

    def __init__(self, *, day: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day = day

    def execute(self, context: Any) -> None:
        with reported(self, self.day) as report:
            opened = opening.open_day(parse_day(self.day), steps(self.sql), settings())
            if opened:
                self.log.info("%s is open: changes are added to its figures.", self.day)
            else:
                self.log.warning(
                    "A capture of all learners came meanwhile; %s stays closed.", self.day
                )
            report.add({"day": self.day, "open": "yes" if opened else "no"})


def warn_of_unfollowed(settings: Settings, warn: Callable[..., None]) -> None:
    """Name the figures that the run's changes do not reach."""
    if left := catalog.not_followed(settings.sql_dir):
        warn(
            "Changes of today are not added to %s: such a file reads no set and gives its figures by itself, so they "
            "are those of the last time that the day was computed.",
            ", ".join(left),
        )


def _clock(context: Any) -> Callable[[], datetime]:
    """Return the run's clock: the present, or the param `captured_at`."""
    given = captured_at(context)
    return now if given is None else lambda: given


def _today(context: Any) -> date:
    return local_days.local_date(_clock(context)(), settings().timezone)


def _learners(extra: Any, warn: Any) -> set[int]:
    """Return the learners that an event names, none of an event that says nothing of them."""
    named = (extra or {}).get(LEARNER_IDS, [])
    try:
        if isinstance(named, str):
            raise ValueError
        return {int(learner_id) for learner_id in named}
    except (TypeError, ValueError):
        warn(
            "An event's extra has %s = %r, which is no list of ids: it is left aside.",
            LEARNER_IDS,
            named,
        )
        return set()


def _lines(number: int, done: refresh.Refreshed) -> list[dict[str, Any]]:
    return [
        {
            "batch": number,
            "changes": len(done.batch.ids),
            "learners": len(done.batch.learners),
            "table": table,
            "inserted": written.inserted,
            "changed": written.updated,
            "deleted": written.deleted,
            "unchanged": written.unchanged,
        }
        for table, written in done.written.items()
    ]
