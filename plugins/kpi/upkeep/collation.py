"""One character set and collation for all tables of the package, whatever the database's own are.

Else a comparison of two of them, or of one with a text of the session, ends with MySQL's error 1267.
"""

from __future__ import annotations

import logging

from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.servers import CHARSET, COLLATION
from kpi.core.statements import statement

log = logging.getLogger(__name__)


def others(opened: Session) -> list[str]:
    """Return the kpi_* tables that are, or have a text, in another collation."""
    tables = opened.rows(
        statement("tables/other_collations.sql"),
        {"schema_name": opened.schema, "collation": COLLATION},
    )
    return [str(table) for (table,) in tables]


def unifying(opened: Session) -> list[str]:
    """Return the statements that bring all tables into the package's collation; MySQL rebuilds each."""
    return [
        statement("tables/unify_collation.sql", table=table, charset=CHARSET, collation=COLLATION)
        for table in others(opened)
    ]


def unify(admin: Session) -> list[str]:
    """Bring all tables into the package's collation; return the statements run, none as a rule."""
    statements = unifying(admin)
    for sql in statements:
        log.info("Running:\n%s", sql)
        admin.run(sql)
    return statements


def require_one(etl: Session) -> None:
    """Refuse tables of another collation; raises KpiError."""
    tables = others(etl)
    if tables:
        raise KpiError(
            f"The table {etl.schema}.{tables[0]} is not in {COLLATION} (as {len(tables)} tables of this database); "
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
