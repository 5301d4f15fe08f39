"""One character set and collation for all tables of the package, whatever the database's own are.

Else a comparison of two of them, or of one with a text of the session, ends with MySQL's error 1267.
"""

from __future__ import annotations

import logging

from kpi.connections import Session
from kpi.errors import KpiError
from kpi.servers import CHARSET, COLLATION

log = logging.getLogger(__name__)


def others(opened: Session) -> list[str]:
    """Return the kpi_* tables that are, or have a text, in another collation."""
    found = opened.rows(
        "SELECT tables.TABLE_NAME FROM information_schema.TABLES AS tables "
        "INNER JOIN information_schema.COLUMNS AS columns "
        "ON columns.TABLE_SCHEMA = tables.TABLE_SCHEMA AND columns.TABLE_NAME = tables.TABLE_NAME "
        "WHERE tables.TABLE_SCHEMA = %(schema)s AND tables.TABLE_TYPE = 'BASE TABLE' "
        "AND LEFT(tables.TABLE_NAME, 4) = 'kpi_' "
        "GROUP BY tables.TABLE_NAME, tables.TABLE_COLLATION HAVING tables.TABLE_COLLATION <> %(collation)s "
        "OR SUM(columns.COLLATION_NAME <> %(collation)s) > 0 ORDER BY tables.TABLE_NAME",
        {"schema": opened.schema, "collation": COLLATION},
    )
    return [str(table) for (table,) in found]


def unifying(opened: Session) -> list[str]:
    """Return the statements that bring all tables into the package's collation; MySQL rebuilds each."""
    return [
        f"ALTER TABLE `{table}` CONVERT TO CHARACTER SET {CHARSET} COLLATE {COLLATION}"
        for table in others(opened)
    ]


def unify(admin: Session) -> list[str]:
    """Bring all tables into the package's collation; return the statements run, none as a rule."""
    statements = unifying(admin)
    for statement in statements:
        log.info("Running:\n%s", statement)
        admin.run(statement)
    return statements


def require_one(etl: Session) -> None:
    """Refuse tables of another collation; raises KpiError."""
    found = others(etl)
    if found:
        raise KpiError(
            f"The table {etl.schema}.{found[0]} is not in {COLLATION} (as {len(found)} tables of this database); "
            "trigger kpi_bootstrap, which converts them, then this DAG again."
        )


def require_database(opened: Session) -> None:
    """Refuse a database whose own character set does not hold every text; raises KpiError."""
    charset = opened.value("SELECT @@character_set_database")
    if charset != CHARSET:
        raise KpiError(
            f"The database '{opened.schema}' of {opened.conn_id} is in {charset}, which does not hold every name; run "
            f"ALTER DATABASE `{opened.schema}` CHARACTER SET {CHARSET}, then trigger kpi_bootstrap."
        )
