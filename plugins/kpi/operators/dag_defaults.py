"""What the package's DAG files share: assets, default arguments, templates. Importing it opens no connection."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import jinja2
import pendulum
from airflow.sdk import Asset, AssetWatcher, ExceptionRetryPolicy, RetryAction, RetryRule
from mysql.connector.errors import DataError, IntegrityError, ProgrammingError

from kpi.alerts.nights import night_failed
from kpi.core.errors import KpiError, NoConnectionFree
from kpi.core.settings import settings
from kpi.core.templates import template_context
from kpi.figures.run_dates import business_date
from kpi.incremental.watcher import ChangeTrigger

# One event for each local day whose facts are complete and checked; the event's partition key is the day.
DAILY_FACTS = Asset(name="kpi_daily_facts", uri="kpi://daily_facts")
# The same for a day whose weeks, months and windows are rolled up.
ROLLED_UP_FACTS = Asset(name="kpi_rolled_up_facts", uri="kpi://rolled_up_facts")
# Something of a learner changed in the source: a wake-up only, kpi_change is the list. Without a partition key.
CHANGES = Asset(
    name="kpi_changes",
    uri="kpi://changes",
    watchers=[AssetWatcher(name="kpi_change", trigger=ChangeTrigger())],
)
# What a DAG is tagged with beside `kpi`: when it runs, or that it looks after the tables.
Tag = Literal["nightly", "during the day", "by hand", "upkeep"]
TO_MEND: list[str | type[BaseException]] = [
    KpiError,
    ProgrammingError,  # wrong SQL, a table or column that is not there
    IntegrityError,  # one key twice
    DataError,  # a value that its column does not hold
]


def dag_defaults(*tags: Tag, alerts: bool = False) -> dict[str, Any]:
    """Return the arguments that every DAG of the package is made with; with `alerts`, a failed run raises one."""
    kpi_settings = settings()
    return {
        "start_date": pendulum.datetime(2025, 9, 1, tz=kpi_settings.timezone),
        "catchup": False,
        "tags": ["kpi", *tags],
        "template_searchpath": [str(kpi_settings.sql_dir)],
        "template_undefined": jinja2.StrictUndefined,
        "user_defined_macros": template_context(kpi_settings) | {"business_date": business_date},
        "default_args": {
            "owner": "kpi",
            "on_failure_callback": night_failed if alerts else None,
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
            # What a person has to mend is not mended by trying again.
            "retry_policy": ExceptionRetryPolicy(
                rules=[
                    RetryRule(exception=NoConnectionFree, action=RetryAction.RETRY),
                    RetryRule(exception=TO_MEND, action=RetryAction.FAIL),
                ]
            ),
        },
    }
