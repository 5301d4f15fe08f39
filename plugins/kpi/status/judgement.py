"""The judgement: what was read goes in, items with a level, a detail and a hint come out; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from kpi.core.airflow_settings import Finding
from kpi.core.periods import month_of
from kpi.core.settings import Settings
from kpi.status.reading import State
from kpi.upkeep.partitions.monthly import next_month
from kpi.vocabulary import DAY

Level = Literal["green", "amber", "red"]
GREEN: Level = "green"
AMBER: Level = "amber"
RED: Level = "red"
_WORSE: tuple[Level, ...] = (GREEN, AMBER, RED)

# occurred_at is in the time zone of who noted the change, so that an hour more or less says nothing.
_SLOW, _STUCK = timedelta(hours=2), timedelta(hours=26)
# A month goes in the night after it has expired, several at a time; a week later something keeps it.
_RETENTION_PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Item:
    """One thing that was judged, in French and English; the hint says what to do and is empty when green."""

    key: str
    title_fr: str
    title_en: str
    level: Level
    value: str
    detail_fr: str = ""
    detail_en: str = ""
    hint_fr: str = ""
    hint_en: str = ""


def worst(items: Sequence[Item]) -> Level:
    """Return the worst level of some items, green without any."""
    return max((item.level for item in items), key=_WORSE.index, default=GREEN)


def judged(state: State, settings: Settings) -> list[Item]:
    """Judge what an up-to-date schema can tell, the most urgent things first."""
    return [
        last_night(state),
        gaps(state),
        failures(state),
        backlog(state),
        partitions(state, settings.partition_months_ahead),
        retention(state, settings),
    ]


def last_night(state: State) -> Item:
    """Judge whether the latest complete day is the one that is to be there by now: a day late amber, two red."""
    title = ("last_night", "Dernière nuit", "Last good night")
    last = state.last_good
    if last is None:
        return Item(
            *title,
            AMBER,
            "–",
            "Aucun jour complet n'a été calculé.",
            "No complete day was computed.",
            "Activer kpi_daily, ou calculer des jours avec kpi_backfill.",
            "Unpause kpi_daily, or compute days with kpi_backfill.",
        )
    age = (state.today - last).days
    there = (
        f"Les faits vont jusqu'au {last}, il y a {age} jour(s)",
        f"The facts go up to {last}, {age} day(s) ago",
    )
    late = (state.due - last).days
    if late <= 0:
        return Item(
            *title,
            GREEN,
            str(last),
            f"{there[0]} : le jour attendu est complet.",
            f"{there[1]}: the day that is due is complete.",
        )
    return Item(
        *title,
        AMBER if late == 1 else RED,
        str(last),
        f"{there[0]} ; le {state.due} est attendu : {late} jour(s) de retard.",
        f"{there[1]}; {state.due} is due: {late} day(s) late.",
        *_after_a_late_night(state),
    )


def _after_a_late_night(state: State) -> tuple[str, str]:
    """Say what to do, in French and English; where no day of late was complete, no run of late can tell."""
    if any(not day.missing for day in state.days):
        return (
            "Ouvrir le dernier run de kpi_daily : la dernière ligne du journal de la tâche rouge dit quoi faire.",
            "Open the last run of kpi_daily: the last log line of its red task says what to do.",
        )
    return (
        "Activer kpi_daily : il calcule les nuits à venir ; kpi_backfill calcule les jours passés.",
        "Unpause kpi_daily: it computes the nights to come; kpi_backfill computes days past.",
    )


def gaps(state: State) -> Item:
    """Judge the days before the latest complete one that lack facts; those that retention removed are no gap."""
    title = ("gaps", "Jours manquants", "Gaps in days")
    complete = [day.day for day in state.days if not day.missing]
    lacking = [
        day
        for day in state.days
        if complete and complete[0] < day.day < complete[-1] and day.missing and not day.dropped
    ]
    if not lacking:
        return Item(*title, GREEN, "0", "Aucun jour ne manque.", "No day is missing.")
    shown = ", ".join(f"{day.day} ({', '.join(day.missing)})" for day in lacking[:5])
    more = f", … {len(lacking) - 5}" if len(lacking) > 5 else ""
    span = f'{{"date_from": "{lacking[0].day}", "date_to": "{lacking[-1].day}"}}'
    return Item(
        *title,
        AMBER,
        str(len(lacking)),
        f"Il manque des faits : {shown}{more}.",
        f"Facts are missing: {shown}{more}.",
        f"Lancer kpi_backfill avec {span}.",
        f"Trigger kpi_backfill with {span}.",
    )


def failures(state: State) -> Item:
    """Judge the runs that failed and were not mended since: any is red."""
    title = ("failures", "Runs en échec", "Failed runs")
    if not state.failures:
        return Item(*title, GREEN, "0", "Aucun échec en cours.", "No failure is open.")
    shown = ", ".join(f"{dag} {day}" for dag, day in state.failures[:5])
    return Item(
        *title,
        RED,
        str(len(state.failures)),
        f"En échec : {shown}.",
        f"Failed: {shown}.",
        "Corriger ce que dit le journal de la tâche, puis relancer (clear) le run.",
        "Mend what the task's log says, then clear the run.",
    )


def backlog(state: State) -> Item:
    """Judge the changes of the source that wait: two hours amber, more than a day red."""
    title = ("backlog", "Changements en attente", "Changes waiting")
    if not state.waiting or state.oldest_change is None:
        return Item(*title, GREEN, "0", "Aucun changement n'attend.", "No change waits.")
    age = state.instant - state.oldest_change
    since = f"{state.oldest_change:%Y-%m-%d %H:%M}"
    level = GREEN if age < _SLOW else AMBER if age < _STUCK else RED
    detail = (f"Le plus ancien date du {since}.", f"The oldest was noted at {since}.")
    if level == GREEN:
        return Item(*title, level, str(state.waiting), *detail)
    return Item(
        *title,
        level,
        str(state.waiting),
        *detail,
        "Vérifier que kpi_incremental est actif et que ses tâches réussissent.",
        "See that kpi_incremental is not paused and that its tasks succeed.",
    )


def partitions(state: State, months_ahead: int) -> Item:
    """Judge the months that have partitions before they begin, and rows in the catch-all."""
    title = ("partitions", "Partitions", "Partitions")
    if not state.layouts:
        return Item(
            *title, GREEN, "–", "Mode foreign_keys : aucune.", "Storage mode foreign_keys: none."
        )
    ahead = min(
        _months_ahead(state.today, layout.catch_all_from) for layout in state.layouts.values()
    )
    rows = {
        table: layout.catch_all_rows
        for table, layout in state.layouts.items()
        if layout.catch_all_rows
    }
    level = RED if ahead < 1 else AMBER if ahead < months_ahead or rows else GREEN
    in_catch_all = ", ".join(f"{table} {count}" for table, count in rows.items()) or "0"
    value = f"+{ahead}" if ahead >= 0 else str(ahead)
    detail = (
        f"Mois d'avance : {ahead} (attendu {months_ahead}) ; lignes hors partition : {in_catch_all}.",
        f"Months ahead: {ahead} (wanted {months_ahead}); rows in the catch-all: {in_catch_all}.",
    )
    if level == GREEN:
        return Item(*title, level, value, *detail)
    return Item(
        *title,
        level,
        value,
        *detail,
        "Lancer kpi_partition_maintenance et vérifier qu'il est actif.",
        "Trigger kpi_partition_maintenance and see that it is not paused.",
    )


def retention(state: State, settings: Settings) -> Item:
    """Judge what is due to go next: amber when it should have gone a week ago and retention is in use."""
    title = ("retention", "Prochaine purge", "Next retention")
    due = sorted(
        (goes_on(oldest, period, settings), period, f"{oldest:%Y-%m}", table)
        for (table, period), oldest in state.oldest.items()
    )
    if not due:
        return Item(*title, GREEN, "–", "Rien à purger.", "Nothing is there to go.")
    on, period, month, table = due[0]
    value = f"{on}: {period} {month}"
    if not state.retention and on <= state.today:
        return Item(
            *title,
            GREEN,
            value,
            "kpi_retention n'a encore rien supprimé : il n'est pas en service.",
            "kpi_retention has removed nothing yet: it is not in use.",
        )
    detail = (
        f"{table} {period} {month} est à supprimer le {on}.",
        f"{table} {period} {month} is due to go on {on}.",
    )
    if on >= state.today - _RETENTION_PATIENCE:
        return Item(*title, GREEN, value, *detail)
    return Item(
        *title,
        AMBER,
        value,
        *detail,
        "Le journal de kpi_retention dit, colonne why not, ce qui retient ce mois.",
        "The log of kpi_retention says in its column why not what keeps that month.",
    )


def goes_on(oldest: date, period: str, settings: Settings) -> date:
    """Return the first local day on which retention removes the rows of a period in the month of a date."""
    month = month_of(oldest)
    if period == DAY:
        return month.last + timedelta(days=settings.retention_days_d + 1)
    day = next_month(month.first)
    for _ in range(settings.months_kept[period]):
        day = next_month(day)
    return day


def schema(last: str, problem: str) -> Item:
    """Judge the schema against the package: whatever is wrong with it is red."""
    return Item(
        "schema",
        "Version du schéma",
        "Schema version",
        RED if problem else GREEN,
        last.removesuffix(".sql") or "–",
        problem or "À jour.",
        problem or "Up to date.",
        "Lancer kpi_bootstrap." if problem else "",
        "Trigger kpi_bootstrap." if problem else "",
    )


def zone_data(version: str, problem: str) -> Item:
    """Judge the time zone data: older than the rules in force is red."""
    return Item(
        "zone_data",
        "Fuseaux horaires",
        "Zone data",
        RED if problem else GREEN,
        version,
        problem or "Les règles en vigueur sont connues.",
        problem or "The rules in force are known.",
        'Installer tzdata>=2026.3 et mettre PYTHONTZPATH="".' if problem else "",
        'Install tzdata>=2026.3 and set PYTHONTZPATH="".' if problem else "",
    )


def package(versions: str, findings: Sequence[Finding]) -> Item:
    """Judge the Airflow that runs the package: what stops it red, any other setting amber."""
    level = RED if any(finding.stops for finding in findings) else AMBER if findings else GREEN
    return Item(
        "package",
        "Paquet KPI",
        "KPI package",
        level,
        versions,
        " ".join(finding.fr for finding in findings) or "Les réglages d'Airflow conviennent.",
        " ".join(finding.en for finding in findings) or "The settings of Airflow fit.",
        "docs/own_airflow.md dit pourquoi." if findings else "",
        "docs/own_airflow.md says why." if findings else "",
    )


def unreachable() -> Item:
    """Return the item that stands for all others when the tables cannot be read; the log says why."""
    return Item(
        "database",
        "Base KPI",
        "KPI database",
        RED,
        "–",
        "Les tables n'ont pas pu être lues ; la cause est dans le journal.",
        "The tables could not be read; the cause is in the log.",
        "Vérifier la connexion kpi_read et le serveur MySQL.",
        "See to the connection kpi_read and the MySQL server.",
    )


def _months_ahead(today: date, catch_all_from: date) -> int:
    """Return how many whole months after today's have partitions."""
    first = next_month(today)
    return (catch_all_from.year - first.year) * 12 + catch_all_from.month - first.month
