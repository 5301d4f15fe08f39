"""Alerts as they are read from kpi_alert, and what they say in French and English."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from kpi.core import catalog
from kpi.core.connections import Row, Session
from kpi.core.settings import Settings
from kpi.core.templates import renderer

THRESHOLD, FAILED, LATE = "THRESHOLD", "FAILED", "LATE"
AMBER, RED = "amber", "red"
_EVERYBODY, _EVERYTHING = ("tout le monde", "everybody"), ("tout", "everything")


@dataclass(frozen=True)
class Alert:
    """An alert with the names of what it is about; `id` is 0 when it could not be kept.

    The fields are the columns of alerts/alerts.sql, in their order, then the metric's English label. `until_on` is None
    while it lasts; `threshold` and `value_num` are in `unit`; what it is not about is None.
    """

    kind: str
    code: str
    level: str
    since_on: date
    id: int = 0
    rule: str = ""
    until_on: date | None = None
    threshold: Decimal | None = None
    value_num: Decimal | None = None
    message: str | None = None
    told: int = 0
    metric_label: str | None = None
    unit: str | None = None
    scope_id: int | None = None
    scope_type: str | None = None
    scope_ref_id: int | None = None
    scope_label: str | None = None
    target_id: int | None = None
    target_type: str | None = None
    target_ref_id: int | None = None
    target_label: str | None = None
    metric_label_en: str | None = None

    @property
    def message_fr(self) -> str:
        """One sentence in French."""
        return f"{self._what_fr()}{f' ; terminé le {self.until_on:%d/%m/%Y}' if self.until_on else ''}."

    @property
    def message_en(self) -> str:
        """One sentence in English."""
        return f"{self._what_en()}{f'; over on {self.until_on}' if self.until_on else ''}."

    def _what_fr(self) -> str:
        if self.kind == THRESHOLD:
            side = "au-dessus" if self.rule.startswith("above") else "au-dessous"
            scope, target = self._named(0)
            return (
                f"{self.metric_label or self.code}, {scope}, {target} : {self._amount(self.value_num, ',')}, "
                f"{side} de {self._amount(self.threshold, ',')} depuis le {self.since_on:%d/%m/%Y}"
            )
        if self.kind == LATE:
            return (
                f"{self.code} est en retard : le {self.since_on:%d/%m/%Y} n'est pas encore calculé"
            )
        return f"{self.code} a échoué pour le {self.since_on:%d/%m/%Y} : {self._cause()}"

    def _what_en(self) -> str:
        if self.kind == THRESHOLD:
            scope, target = self._named(1)
            metric = self.metric_label_en or self.metric_label or self.code
            return (
                f"{metric}, {scope}, {target}: {self._amount(self.value_num)}, "
                f"{self.rule.partition(' ')[0]} {self._amount(self.threshold)} since {self.since_on}"
            )
        if self.kind == LATE:
            return f"{self.code} is late: {self.since_on} is not computed yet"
        return f"{self.code} failed for {self.since_on}: {self._cause()}"

    def _named(self, language: int) -> tuple[str, str]:
        scope = self.scope_label or (
            _EVERYBODY[language]
            if self.scope_ref_id is None
            else f"{self.scope_type} {self.scope_ref_id}"
        )
        target = self.target_label or (
            _EVERYTHING[language]
            if self.target_ref_id is None
            else f"{self.target_type} {self.target_ref_id}"
        )
        return scope, target

    def _cause(self) -> str:
        return (self.message or "").rstrip(". ") or "–"

    def _amount(self, value: Decimal | None, point: str = ".") -> str:
        if value is None:
            return "–"
        return f"{value.normalize():f} {self.unit or ''}".rstrip().replace(".", point)


def untold(etl: Session, settings: Settings) -> list[Alert]:
    """Return the alerts of which the beginning or the end has not been told, oldest first."""
    return _in_both_languages(etl.rows(renderer(settings)("alerts/untold.sql")), settings)


def lasting(read: Session, settings: Settings, most: int) -> list[Alert]:
    """Return the alerts that last, newest first, at most `most`."""
    rows = read.rows(renderer(settings)("alerts/lasting.sql"), {"most": most})
    return _in_both_languages(rows, settings)


def _in_both_languages(rows: Iterable[Row], settings: Settings) -> list[Alert]:
    english = catalog.english_labels(settings.sql_dir)
    alerts = [Alert(*row) for row in rows]
    return [replace(alert, metric_label_en=english.get(alert.code)) for alert in alerts]
