"""The database may be in another collation than MySQL's usual one: figures and changes come all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta

import pytest
from kpi.core.connections import ADMIN, ETL, session
from kpi.core.errors import KpiError
from kpi.core.servers import COLLATION
from kpi.core.settings import Settings
from kpi.upkeep import collation, preflight
from kpi.upkeep.storage.conversion import convert
from mysql_server import PrivateServer

from tests.conftest import FIRST_DAY, LAST_DAY
from tests.golden import school
from tests.golden.reading import contents, figures, history
from tests.sql.schemas import bare_databases, migrate
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

DAY = school.day_of(0)
WRITTEN = ("kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_plan_gap")
TEXTS = (
    "SELECT DISTINCT collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
)


@pytest.fixture(scope="module")
def bare(server: PrivateServer, contract_settings: Settings) -> Iterator[Callable[..., Warehouse]]:
    with bare_databases(server.root_uri, contract_settings) as make:
        yield make


def in_collation(make: Callable[..., Warehouse], own: str) -> Warehouse:
    """A bootstrapped warehouse whose database is in a collation."""
    made = make(own.removeprefix("utf8mb4_"))
    made.execute(f"ALTER DATABASE `{made.name}` CHARACTER SET utf8mb4 COLLATE {own}")
    made.create_contract_source()
    return made.bootstrap(FIRST_DAY, LAST_DAY)


@pytest.fixture(scope="module")
def of_laravel(bare: Callable[..., Warehouse]) -> Warehouse:
    made = in_collation(bare, "utf8mb4_unicode_ci")
    made.load_source(school.source(0))
    made.night(DAY)
    return made


def test_tables_are_in_one_collation_whatever_the_databases(of_laravel: Warehouse) -> None:
    assert of_laravel.rows("SELECT @@collation_database") == [("utf8mb4_unicode_ci",)]
    assert of_laravel.rows(TEXTS) == [(COLLATION,)]


@pytest.mark.parametrize("own", ["utf8mb4_0900_ai_ci", "utf8mb4_bin"])
def test_figures_are_those_of_any_other_collation(
    bare: Callable[..., Warehouse], of_laravel: Warehouse, own: str
) -> None:
    other = in_collation(bare, own)
    other.load_source(school.source(0))
    other.night(DAY)
    assert all(figures(other, DAY).values())
    assert figures(other, DAY) == figures(of_laravel, DAY)


def test_a_change_during_the_day(of_laravel: Warehouse) -> None:
    of_laravel.use()
    today = DAY + timedelta(days=1)
    noon = datetime.combine(today, time(12))
    assert of_laravel.open_day(today)
    of_laravel.source(
        "UPDATE realisation SET progress_pct = 12.5, changed_at = %s "
        "WHERE domain = 'MICRO_COMPETENCE' AND ref_id = 1 AND learner_id = 4",
        [noon],
    )
    of_laravel.changed(4)
    (done,) = of_laravel.refresh(noon + timedelta(seconds=3))
    assert done.written["kpi_value"].updated
    found = figures(of_laravel, today)
    of_laravel.facts(today)
    assert figures(of_laravel, today) == found


def test_tables_of_an_earlier_version_are_converted(of_laravel: Warehouse) -> None:
    """They were in the database's collation: preflight says so, the bootstrap mends it and keeps all rows."""
    of_laravel.use()
    before = contents(of_laravel, WRITTEN) | history(of_laravel)
    earlier = ("kpi_scope", "kpi_state_count", "kpi_src_realisation", "kpi_migration")
    for table in earlier:
        of_laravel.execute(
            f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
        )
    with session(ETL) as etl, pytest.raises(KpiError) as refused:
        collation.require_one(etl)
    assert str(refused.value) == (
        f"The table {of_laravel.name}.kpi_migration is not in {COLLATION} (as 4 tables of this database); "
        "trigger kpi_bootstrap, which converts them, then this DAG again."
    )
    with session(ADMIN) as admin:
        assert len(collation.unifying(admin)) == len(earlier)
    migrate(of_laravel)
    with session(ADMIN) as admin:
        assert collation.unifying(admin) == []
    assert contents(of_laravel, WRITTEN) | history(of_laravel) == before


@pytest.mark.parametrize("charset", ["latin1", "utf8mb3"])
def test_a_database_that_does_not_hold_every_text_is_refused(
    bare: Callable[..., Warehouse], charset: str
) -> None:
    made = bare(f"in_{charset}")
    made.execute(f"ALTER DATABASE `{made.name}` CHARACTER SET {charset}")
    with pytest.raises(KpiError) as refused:
        preflight.before_bootstrap(made.settings)
    assert str(refused.value) == (
        f"The database '{made.name}' of kpi_admin is in {charset}, which does not hold every name; run "
        f"ALTER DATABASE `{made.name}` CHARACTER SET utf8mb4, then trigger kpi_bootstrap."
    )
    with pytest.raises(KpiError, match=f"of kpi_etl is in {charset}"):
        preflight.before_daily(DAY, made.settings)


def test_a_server_that_logs_statements_is_refused(of_laravel: Warehouse) -> None:
    of_laravel.use()
    of_laravel.execute("SET GLOBAL binlog_format = 'STATEMENT'")
    try:
        with pytest.raises(KpiError) as refused:
            preflight.before_bootstrap(of_laravel.settings)
        with pytest.raises(KpiError, match="of connection kpi_etl logs statements"):
            preflight.before_rollup(DAY, DAY, of_laravel.settings)
    finally:
        of_laravel.execute("SET GLOBAL binlog_format = DEFAULT")
    assert str(refused.value) == (
        "The server of connection kpi_admin logs statements (binlog_format = STATEMENT), which MySQL refuses at "
        "READ COMMITTED; run SET PERSIST binlog_format = 'ROW' on it."
    )


def test_a_conversion_between_storage_modes_makes_tables_in_it_too(
    bare: Callable[..., Warehouse],
) -> None:
    made = in_collation(bare, "utf8mb4_general_ci")
    assert convert("foreign_keys", DAY, made.settings, dry_run=False)
    assert made.rows(TEXTS) == [(COLLATION,)]
