"""Answers as JSON or CSV, and refusals in words of both languages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from fastapi.responses import JSONResponse

from kpi.ui import labels

Language = Literal["fr", "en"]
# What a spreadsheet takes for the beginning of a formula, or skips before one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_BOM = "\ufeff"


class Refused(Exception):
    """A request that cannot be answered: an HTTP status, a code for programs, a sentence in each language."""

    def __init__(self, status: int, code: str, french: str, english: str) -> None:
        super().__init__(english)
        self.status = status
        self.content = {"code": code, "message_fr": french, "message_en": english}

    @classmethod
    def not_found(cls, french: str, english: str, value: object, where: str) -> Refused:
        """Say that there is no such thing, and which route lists those that there are."""
        return cls(
            404,
            "not_found",
            f"{french} {value} introuvable ; {where} donne la liste.",
            f"{english} {value} does not exist; {where} lists those that do.",
        )


class DataResponse(JSONResponse):
    """JSON of rows as MySQL gives them: decimals as numbers, dates and instants (UTC) in ISO form."""

    def render(self, content: Any) -> bytes:
        return json.dumps(
            content, default=_plain, ensure_ascii=False, separators=(",", ":")
        ).encode()


@dataclass(frozen=True)
class Output:
    """In which form an answer is wanted."""

    format: Annotated[Literal["json", "csv"], Query()] = "json"
    lang: Annotated[Language, Query()] = "fr"

    def reply(self, content: object, name: str, rows: Iterable[Mapping[str, Any]]) -> Response:
        """Return the content as JSON, or its rows as a CSV file of that name."""
        if self.format == "json":
            return DataResponse(content)
        return Response(
            comma_separated(list(rows), self.lang),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="kpi_{name}.csv"'},
        )


def comma_separated(rows: Sequence[Mapping[str, Any]], language: Language) -> bytes:
    """Return rows as CSV that a spreadsheet of that language opens as it is, UTF-8 with a byte order mark.

    The first row's keys are the columns; they are headed by their names in the language.
    """
    text = io.StringIO(newline="")
    text.write(_BOM)
    writer = csv.writer(text, delimiter=";" if language == "fr" else ",")
    columns = list(rows[0]) if rows else []
    writer.writerow([labels.column(column, language) for column in columns])
    writer.writerows([_cell(row[column], language) for column in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: object, language: Language) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return labels.YES_NO[value][language]
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, Decimal):
        number = f"{_plain(value)}"
        return number.replace(".", ",") if language == "fr" else number
    return str(_plain(value)) if isinstance(value, date) else str(value)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        number = float(value)
        return int(number) if number.is_integer() else number
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
