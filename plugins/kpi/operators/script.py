"""What runs a script of include/sql: an operator whose `sql` the UI shows as rendered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator


class ScriptOperator(BaseOperator):
    """An operator with a script, `sql`: a path below include/sql, rendered before it is executed."""

    template_fields: Sequence[str] = ("sql",)
    template_ext = (".sql",)
    template_fields_renderers = {"sql": "mysql"}

    def __init__(self, *, sql: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
