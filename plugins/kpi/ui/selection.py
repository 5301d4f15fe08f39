"""What a request asks for: whose figures, on what, for which period and dates; with the bounds of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Path, Query

from kpi.core import local_days
from kpi.core.periods import PERIOD_OF
from kpi.core.settings import settings
from kpi.figures.run_dates import now
from kpi.ui import dimensions
from kpi.ui.answers import Refused
from kpi.ui.parameters import parameters_of
from kpi.vocabulary import CALENDAR_PERIODS, DAY, PERIOD_WORDS, PERIODS, ROLLING, Period

MOST_POINTS = 400
_LARGEST = 2**63 - 1  # a BIGINT
Id = Annotated[int, Query(ge=1, le=_LARGEST)]
IdInPath = Annotated[int, Path(ge=1, le=_LARGEST)]
Day = Annotated[date, Query(ge=date(2000, 1, 1), le=date(2100, 12, 31))]


def _listed(word: str, of_plan: str) -> str:
    """Return the periods there are, and those of the plan, in words."""
    of_all, closing = (
        f" {word} ".join(filter(None, (", ".join(some[:-1]), some[-1])))
        for some in (PERIODS, CALENDAR_PERIODS)
    )
    return f"{of_all} ({closing} {of_plan})"


# What is allowed, for the sentence that says so.
ALLOWED = {
    "scope": ("l'id d'une ligne de kpi_scope", "the id of a row of kpi_scope"),
    "target": ("l'id d'une ligne de kpi_target", "the id of a row of kpi_target"),
    "id": ("un id, nombre entier positif", "an id, a positive whole number"),
    "metric": ("le code d'un indicateur de api/options", "the code of a metric of api/options"),
    "period": (_listed("ou", "pour le plan"), _listed("or", "for the plan")),
    "date": ("un jour de 2000 à 2100, AAAA-MM-JJ", "a day from 2000 to 2100, YYYY-MM-DD"),
    "type": ("un type de api/options", "a type of api/options"),
    "q": ("100 caractères au plus", "at most 100 characters"),
    "limit": ("un nombre dans les bornes de la route", "a number within the route's bounds"),
    "offset": ("un nombre de 0 à 1 000 000", "a number from 0 to 1,000,000"),
    "format": ("json ou csv", "json or csv"),
    "lang": ("fr ou en", "fr or en"),
}
ALLOWED |= {"from": ALLOWED["date"], "to": ALLOWED["date"]}


def today() -> date:
    """Return the local day that it is now."""
    return local_days.local_date(now(), settings().timezone)


def period_end(period: Period, day: date) -> date:
    """Return the date_id of the period that holds a day."""
    return PERIOD_OF[period](day).last if period in PERIOD_OF else day


@dataclass(frozen=True)
class Figures:
    """A scope's figures on a target for one period; without `date` the latest that there are."""

    scope: Id
    target: Id
    period: Period = DAY
    date: Day | None = None

    def parameters(self, instead_of_windows: Period = ROLLING) -> dict[str, Any]:
        """Return the values that queries bind; `date` is None where the period has no figures at all.

        Tables without windows answer for a window's last day: `instead_of_windows` is then D.
        """
        period = instead_of_windows if self.period == ROLLING else self.period
        day = self.date or dimensions.dates()[period][1]
        return {
            "scope": self.scope,
            "target": self.target,
            "period": period,
            "date": period_end(period, day) if day else None,
            "today": today(),
        }


@dataclass(frozen=True)
class Range:
    """Dates from `first` to `last`; without them the usual number of periods, as far as there are figures."""

    first: Annotated[Day | None, Query(alias="from")] = None
    last: Annotated[Day | None, Query(alias="to")] = None

    def parameters(self, period: Period) -> dict[str, date]:
        """Return the values that queries bind; raises Refused (422) on a range that is empty or too long."""
        earliest, latest = dimensions.dates()[period]
        last = self.last or latest or today()
        days = PERIOD_WORDS[period].days
        usual = last - timedelta(days=PERIOD_WORDS[period].usual_points * days - 1)
        first = self.first or min(last, max(usual, earliest or usual))
        if first > last:
            raise Refused(
                422,
                "input",
                f"La plage commence le {first}, après sa fin, le {last} ; inversez from et to.",
                f"The range begins on {first}, after its end, {last}; swap from and to.",
            )
        if (last - first).days >= MOST_POINTS * days:
            raise Refused(
                422,
                "input",
                f"La plage du {first} au {last} dépasse {MOST_POINTS} points ; raccourcissez-la "
                "ou prenez une période plus longue.",
                f"The range from {first} to {last} has more than {MOST_POINTS} points; shorten it "
                "or take a longer period.",
            )
        return {"first": first, "last": period_end(period, last)}


AskedFigures = Annotated[Figures, parameters_of(Figures)]
AskedRange = Annotated[Range, parameters_of(Range)]


def metric_of(code: str, period: Period) -> dimensions.Metric:
    """Return a metric; raises Refused when there is none (404) or it has no rows of that period (422)."""
    metric = dimensions.metric(code)
    if (period == ROLLING) != (metric.window is not None):
        raise Refused(
            422,
            "input",
            f"L'indicateur {code} n'a pas de période {period} ; les fenêtres glissantes (R) ont des "
            "indicateurs à part, ceux dont rolling n'est pas nul dans api/options.",
            f"The metric {code} has no period {period}; rolling windows (R) are metrics of their own, "
            "those whose rolling is not null in api/options.",
        )
    return metric
