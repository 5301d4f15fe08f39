"""What a source adapter must hold to (include/sql/source/README.md): columns, words, keys; a wrong one in a sentence.

The preflight looks at the columns of all relations and at the rows of the two small ones, scope and target. The rows
of the others are many: MySQL refuses wrong words and repeated keys of theirs when the capture stages them, and the
sentence is looked up then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jinja2
import mysql.connector
from mysql.connector.constants import FieldType

from kpi.core import catalog
from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.settings import Settings
from kpi.core.templates import renderer

NOT_NULL, REPEATED, UNKNOWN_WORD = 1048, 1062, 1265
# Out of range, no date, no number, too long, no function's argument, beyond the calendar, overflow.
_UNFIT = frozenset({NOT_NULL, REPEATED, UNKNOWN_WORD, 1264, 1292, 1366, 1406, 1411, 1441, 1690})
_DATES = frozenset({FieldType.DATE, FieldType.DATETIME, FieldType.TIMESTAMP, FieldType.NEWDATE})
_TEXTS = frozenset({FieldType.VAR_STRING, FieldType.STRING, FieldType.VARCHAR, FieldType.BLOB})
_BINARY = 63  # the charset of what is no text; a NULL without a type is a binary string


class AdapterError(KpiError):
    """A file of the source adapter gives what the contract does not have."""


def require_sound(source: Session, settings: Settings, captured_before: bool) -> None:
    """Run each relation of the adapter without its rows, then look at scope and target.

    Once the source was captured, one of the two without any row is no fault of the adapter: the capture judges it.
    Raises AdapterError, in one sentence with the file, what it gives and what it is to give.
    """
    adapter = catalog.relations(settings.sql_dir, settings.source_adapter)
    for relation in adapter:
        _require_columns(source, settings, relation)
    for relation in ("scope", "target"):
        _require_words(source, settings, relation)
        _require_keys(source, settings, relation)
        _require_one_global(source, settings, relation, captured_before)


def _require_names(names: Sequence[str], settings: Settings, relation: str) -> None:
    """Refuse columns of a relation that are not the contract's, in its order; raises AdapterError."""
    wanted = catalog.CONTRACT[relation]
    if tuple(names) != wanted:
        raise AdapterError(
            f"{_file(settings, relation)} gives the columns {', '.join(names)}; "
            f"give {', '.join(wanted)}, named so and in this order."
        )


def named(table: str, parameters: Mapping[str, str]) -> str:
    """Return a table's name in a header with the adapter's parameters put in; raises AdapterError without them."""
    try:
        template = jinja2.Template(table, undefined=jinja2.StrictUndefined)
        return str(template.render(parameters=parameters))
    except jinja2.TemplateError as error:
        raise AdapterError(
            f"The table name '{table}' in the adapter's headers cannot be rendered ({error}); correct it, or give "
            "the parameter that it asks for in KPI_SOURCE_PARAMETERS."
        ) from error


def explained(
    error: mysql.connector.Error, source: Session, settings: Settings, relation: str
) -> AdapterError | None:
    """Return what of a relation MySQL did not take, None for an error that is not about its values."""
    if error.errno not in _UNFIT:
        return None
    try:
        if error.errno == REPEATED:
            _require_keys(source, settings, relation)
        _require_words(source, settings, relation)
    except AdapterError as refusal:
        return refusal
    return AdapterError(
        f"{_file(settings, relation)} gives a value that the contract cannot hold ({error.msg}); "
        "correct it there, as include/sql/source/README.md says."
    )


def first_state_error(settings: Settings, domain: str, state: str, rows: int) -> AdapterError:
    """Return what is wrong with a domain without TODO, in whose lowest state are rows of which none has begun."""
    return AdapterError(
        f"{_file(settings, 'realisation')} gives '{state}' as the lowest state of {domain}, in {rows} rows without "
        "start, progress or mark, and never TODO; give TODO for the first state, whatever the LMS calls it."
    )


def _file(settings: Settings, relation: str) -> str:
    return f"{relation}.sql of adapter '{settings.source_adapter}'"


def _rendered(settings: Settings, name: str, relation: str, **values: object) -> str:
    try:
        return renderer(settings, relation=relation, **values)(f"adapter/{name}.sql")
    except jinja2.TemplateError as error:
        raise AdapterError(
            f"{_file(settings, relation)} cannot be rendered ({error}); correct it, or give the parameter that "
            "it asks for in KPI_SOURCE_PARAMETERS."
        ) from error


def _require_columns(source: Session, settings: Settings, relation: str) -> None:
    try:
        columns = source.columns(_rendered(settings, "columns", relation))
    except mysql.connector.Error as error:
        raise AdapterError(
            f"{_file(settings, relation)} cannot be run ({' '.join(str(error.msg).split())}); correct the file in "
            f"{settings.sql_dir / 'source' / settings.source_adapter}."
        ) from error
    _require_names([name for name, *_ in columns], settings, relation)
    for name, kind, charset in columns:
        wrong = _wrong_kind(name, kind, charset)
        if wrong:
            raise AdapterError(f"{_file(settings, relation)} gives {name} as {wrong}.")


def _wrong_kind(name: str, kind: int, charset: int) -> str | None:
    """Return what is wrong with a column's type and the way out, None when its values can be what it holds."""
    is_text = kind in _TEXTS and charset != _BINARY
    if name.endswith("_id") and (is_text or kind in _DATES):
        return "text or a date; an id is a whole number above 0, so CAST it, or number the rows"
    if name.endswith(("_at", "_from", "_to", "_on")) and kind not in _DATES | _TEXTS:
        return "a number; wrap seconds since 1970 in {{ unix('…') }}, or give a DATETIME"
    return None


def _require_words(source: Session, settings: Settings, relation: str) -> None:
    for column, allowed in catalog.WORDS.get(relation, {}).items():
        for (word,) in source.rows(_rendered(settings, "words", relation, column=column)):
            # MySQL's ENUM takes capitals and small letters for one another.
            if (word is None and None in allowed) or str(word).upper() in allowed:
                continue
            given = "NULL" if word is None else f"'{word}'"
            raise AdapterError(
                f"{_file(settings, relation)} gives {given} as {column}; "
                f"the words are {', '.join(choice or 'NULL' for choice in allowed)}."
            )


def _require_one_global(
    source: Session, settings: Settings, relation: str, may_be_empty: bool
) -> None:
    rows, with_id, all_rows = source.rows(_rendered(settings, "global_rows", relation))[0]
    if (rows, with_id) != (1, 0) and (all_rows or not may_be_empty):
        raise AdapterError(
            f"{_file(settings, relation)} gives {rows} GLOBAL rows, {with_id} of them with an id; "
            "give one, whose ref_id is NULL."
        )


def _require_keys(source: Session, settings: Settings, relation: str) -> None:
    key = catalog.KEYS[relation]
    for row_key, rows in source.rows(_rendered(settings, "repeated_keys", relation, key=key)):
        raise AdapterError(
            f"{_file(settings, relation)} gives {rows} rows for the key {row_key} ({', '.join(key)}); "
            "choose one of them there, and list the others in reject.sql."
        )
