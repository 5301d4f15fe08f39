"""What must hold before a run writes anything: each check raises one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from kpi.core import airflow_settings, catalog, ledger, local_days
from kpi.core.connections import ADMIN, ETL, SOURCE, Session, same_server, session
from kpi.core.errors import ConnectionProblem, KpiError
from kpi.core.settings import Settings
from kpi.core.statements import script, statement
from kpi.core.templates import renderer, with_deleted_rows
from kpi.figures.dropped_days import require_history
from kpi.figures.run_dates import now
from kpi.history import adapter
from kpi.upkeep import collation, migrations
from kpi.vocabulary import WRITTEN_TABLES

_CLOCKS_APART = timedelta(minutes=5)

# A column of each kind of table that the batch writes, to ask for the right to insert.
_WRITTEN = {
    **dict.fromkeys(WRITTEN_TABLES, "scope_id"),
    "kpi_scope": "label",
    "kpi_target": "label",
    "kpi_metric": "label",
    "kpi_src_realisation": "valid_to",
    "kpi_src_membership": "valid_to",
    "kpi_run": "table_name",
    "kpi_reject": "relation",
}


def before_daily(day: date, settings: Settings) -> None:
    """Check all that kpi_daily needs for a local day.

    Raises ZoneDataError, ConnectionProblem, HeaderError, MigrationError or KpiError.
    """
    airflow_settings.require_fit()
    local_days.require_current_zone_data()
    catalog.require_readable(settings.sql_dir)
    relations = catalog.relations(settings.sql_dir, settings.source_adapter)
    with session(SOURCE) as source, session(ETL) as etl:
        require_server(etl)
        require_schema(etl, settings)
        collation.require_one(etl)
        require_rights(etl)
        require_clock(etl)
        require_days(etl, day, settings.timezone)
        require_history(etl, day)
        require_source(source, relations, settings.source_parameters)
        require_deleted_rows_left_out(source, relations, settings)
        adapter.require_sound(source, settings, captured_before=ledger.watermark(etl) is not None)
        if same_server(source, etl):
            _require_source_readable(etl, source.schema)


def before_rollup(first: date, last: date, settings: Settings) -> None:
    """Check what rolling up needs for a range of local days: zone data, headers, schema, rights, the calendar.

    Raises ZoneDataError, ConnectionProblem, HeaderError, MigrationError or KpiError.
    """
    local_days.require_current_zone_data()
    catalog.require_readable(settings.sql_dir)
    with session(ETL) as etl:
        require_server(etl)
        require_schema(etl, settings)
        collation.require_one(etl)
        require_rights(etl)
        require_days(etl, first, settings.timezone)
        require_days(etl, last, settings.timezone)


def before_refresh(etl: Session, settings: Settings) -> None:
    """Check what a refresh during the day needs beyond what it asks for itself: zone data and schema.

    Raises ZoneDataError, MigrationError or KpiError.
    """
    local_days.require_current_zone_data()
    require_schema(etl, settings)


def before_bootstrap(settings: Settings) -> None:
    """Check what kpi_bootstrap needs: zone data, readable headers, the admin connection."""
    airflow_settings.require_fit()
    local_days.require_current_zone_data()
    catalog.require_readable(settings.sql_dir)
    catalog.relations(settings.sql_dir, settings.source_adapter)
    with session(ADMIN) as admin:
        require_server(admin)


def require_schema(etl: Session, settings: Settings) -> None:
    """Refuse a database whose schema is missing or older than the package."""
    todo = migrations.pending(
        migrations.available(settings.sql_dir, settings.storage), migrations.applied(etl)
    )
    if todo:
        raise KpiError(
            f"The schema of '{etl.schema}' lacks {todo[0].name}; trigger kpi_bootstrap, then this DAG again."
        )


def require_server(opened: Session) -> None:
    """Refuse a server or a database on which the KPI tables cannot be right; raises KpiError or ConnectionProblem.

    Maker and version are asked for whenever a session opens.
    """
    collation.require_database(opened)
    binlog: dict[str, str] = dict(
        opened.rows("SHOW SESSION VARIABLES WHERE Variable_name IN ('binlog_format', 'log_bin')")
    )
    if binlog.get("log_bin") == "ON" and binlog.get("binlog_format") == "STATEMENT":
        raise ConnectionProblem(
            f"The server of connection {opened.conn_id} logs statements (binlog_format = STATEMENT), which MySQL "
            "refuses at READ COMMITTED; run SET PERSIST binlog_format = 'ROW' on it."
        )


def require_writable(opened: Session) -> None:
    """Refuse a server that is read-only; raises ConnectionProblem."""
    if opened.value("SELECT @@global.read_only"):
        raise ConnectionProblem(
            f"The server of connection {opened.conn_id} is read-only; "
            "point the connection at the primary server, or end its read-only mode."
        )


def require_rights(etl: Session) -> None:
    """Refuse an account or a server that cannot write; nothing is written to find out."""
    require_writable(etl)
    for sql in script("preflight/rights.sql", written=_WRITTEN).values():
        etl.rows(sql)


def require_clock(etl: Session) -> None:
    """Refuse a clock that MySQL's contradicts, and a history from the future: a capture would be dated wrongly."""
    here, there = now(), etl.value("SELECT UTC_TIMESTAMP(6)")
    if abs(here - there) > _CLOCKS_APART:
        raise KpiError(
            f"The clock of this machine says {here:%Y-%m-%d %H:%M:%S} UTC, that of the server of {etl.conn_id} "
            f"{there:%Y-%m-%d %H:%M:%S}; set the wrong one right, or a capture would be dated by it."
        )
    captured = ledger.watermark(etl)
    if captured is not None and captured > here:
        raise KpiError(
            f"The last capture is dated {captured} UTC, in the future, so nothing would be captured until then; set "
            "the clock if it is wrong, else restore the kpi_src_* tables and kpi_run from before that capture."
        )


def require_days(etl: Session, day: date, zone: str) -> None:
    """Refuse a kpi_time that lacks the day or the week before it, or disagrees with the zone data."""
    first = day - timedelta(days=6)
    stored = {
        row[0]: row[1:]
        for row in etl.rows(statement("preflight/days.sql"), {"first": first, "last": day})
    }
    for local in local_days.local_days(first, day, zone):
        stored_day = stored.get(local.date_id)
        if stored_day is None:
            raise KpiError(
                f"kpi_time has no row for {local.date_id}; trigger kpi_time_dimension "
                "(and set KPI_CALENDAR_START when the day lies before the first source data)."
            )
        if stored_day != (local.utc_start, local.utc_end):
            raise KpiError(
                f"kpi_time says that {local.date_id} begins at {stored_day[0]} UTC, the zone data say "
                f"{local.utc_start}; trigger kpi_time_dimension and read its log."
            )


def require_source(
    source: Session,
    relations: Mapping[str, tuple[catalog.Relation, Path]],
    parameters: Mapping[str, str],
) -> None:
    """Compare what the adapter's files say they read with the source's tables, columns and types.

    A table's name may use the adapter's parameters, as in its SELECT.
    """
    there: dict[str, dict[str, str]] = {}
    for table, column, kind in source.rows(
        script("preflight/source.sql")["columns"], {"schema_name": source.schema}
    ):
        there.setdefault(table, {})[column.lower()] = str(kind)
    for relation, path in relations.values():
        for name, columns in relation.reads.items():
            table = adapter.named(name, parameters)
            if table not in there:
                raise KpiError(
                    f"The source schema '{source.schema}' has no table '{table}', which {path.name} of adapter "
                    f"'{path.parent.name}' reads; point {source.conn_id} at the right schema, or adapt {path}."
                )
            for column in columns:
                if column.lower() not in there[table]:
                    raise KpiError(
                        f"The source table '{source.schema}.{table}' has no column '{column}', which {path.name} "
                        f"of adapter '{path.parent.name}' reads; adapt {path} to this version of the source."
                    )
                _require_type(relation, path, f"{source.schema}.{table}", column, there[table])


def _require_type(
    relation: catalog.Relation, path: Path, table: str, column: str, kinds: Mapping[str, str]
) -> None:
    # A datetime is in the application's zone, a timestamp is an instant: read as the other, all would be hours off.
    kind, expected = kinds[column.lower()], relation.types.get(column)
    if expected not in (None, kind):
        raise KpiError(
            f"The source column '{table}.{column}' is a {kind}, and {path.name} of adapter "
            f"'{path.parent.name}' was written for a {expected}; adapt {path} to this version of the source."
        )


def require_deleted_rows_left_out(
    source: Session, relations: Mapping[str, tuple[catalog.Relation, Path]], settings: Settings
) -> None:
    """Refuse a table whose deleted rows, marked in `deleted_at`, a file of the adapter would count."""
    marked = with_deleted_rows(source)
    heeded: set[str] = set()

    def live(table: str, _alias: str = "") -> str:
        heeded.add(table)
        return table

    render = renderer(settings, source="source", live=live)
    for name, (relation, path) in relations.items():
        heeded.clear()
        render(f"source/{path.parent.name}/{name}.sql")
        for read, columns in relation.reads.items():
            table = adapter.named(read, settings.source_parameters)
            if table in marked - heeded and "deleted_at" not in columns:
                raise KpiError(
                    f"The source table '{source.schema}.{table}' marks deleted rows in its column deleted_at, and "
                    f"{path} counts them; read it there as {{{{ live('{table}') }}}}, or, if they do count, name "
                    "deleted_at in its header."
                )


def _require_source_readable(etl: Session, schema: str) -> None:
    if not etl.value(script("preflight/source.sql")["tables"], {"schema_name": schema}):
        raise ConnectionProblem(
            f"Source and KPI database are on one server, and the account '{etl.account}' of {etl.conn_id} cannot "
            f"read the source schema '{schema}'; grant it SELECT there, as docs/accounts.sql says."
        )
