"""The notifier that alerts are given to: KPI_ALERT_NOTIFIER, any BaseNotifier of Airflow or of a provider."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseNotifier

from kpi.alerts.reading import Alert
from kpi.core.errors import KpiError
from kpi.core.settings import Settings

log = logging.getLogger(__name__)


class NotifierError(KpiError):
    """The notifier of the settings cannot be made, or did not take the alerts; they stay to be told."""


class LogNotifier(BaseNotifier):
    """Writes the alerts into the log of the task that tells them."""

    def notify(self, context: Any) -> None:
        log.warning("%s\n%s", context["kpi_subject_en"], context["kpi_text_en"])


def notify(alerts: Sequence[Alert], context: Mapping[str, Any], settings: Settings) -> None:
    """Give alerts to the notifier, all in one message; raises NotifierError when it does not take them.

    Its templates see the task's context and `kpi_alerts` (the list), `kpi_subject_fr`, `kpi_subject_en` (one line),
    `kpi_text_fr`, `kpi_text_en` (a line for each alert).
    """
    notifier = _made(settings)
    values = {
        "kpi_alerts": list(alerts),
        "kpi_subject_fr": f"KPI : {len(alerts)} alerte{'s' if len(alerts) > 1 else ''}",
        "kpi_subject_en": f"KPI: {len(alerts)} alert{'s' if len(alerts) > 1 else ''}",
        "kpi_text_fr": "\n".join(f"[{alert.level}] {alert.message_fr}" for alert in alerts),
        "kpi_text_en": "\n".join(f"[{alert.level}] {alert.message_en}" for alert in alerts),
    }
    try:
        notifier(dict(context) | values)
    except Exception as error:
        raise NotifierError(
            f"The notifier {settings.alert_notifier} did not take {len(alerts)} alerts ({error}); mend it or its "
            "arguments (KPI_ALERT_NOTIFIER_ARGS): they are tried again within the hour."
        ) from error


def _made(settings: Settings) -> BaseNotifier:
    path = settings.alert_notifier
    try:
        notifier = pkgutil.resolve_name(path)
        if not (isinstance(notifier, type) and issubclass(notifier, BaseNotifier)):
            raise TypeError("it is no BaseNotifier")
        return notifier(**settings.alert_notifier_args)
    except Exception as error:
        raise NotifierError(
            f"The notifier {path} cannot be made ({error}); set KPI_ALERT_NOTIFIER to the dotted path of a "
            "BaseNotifier class and KPI_ALERT_NOTIFIER_ARGS to its arguments as JSON."
        ) from error
