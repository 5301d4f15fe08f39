"""Tasks and watcher connect in one way, with encryption too; what goes wrong is said in one sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from kpi.core.connecting import EXTRAS
from kpi.core.connections import READ, session
from kpi.core.errors import ConnectionProblem, NoConnectionFree
from kpi.incremental.watcher import ChangeTrigger, _opened
from mysql_server import PrivateServer

from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

ACCOUNT = "t_connecting"
ASKED = "SELECT CURRENT_USER()"


@pytest.fixture(scope="module")
def own_files(server: PrivateServer) -> dict[str, str]:
    """The authority that the server made for itself, and a certificate of it for clients."""
    names = {"ssl_ca": "ca.pem", "ssl_cert": "client-cert.pem", "ssl_key": "client-key.pem"}
    return {extra: str(server.data / name) for extra, name in names.items()}


@pytest.fixture
def account(module_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """An account for kpi_read that each test may spoil."""
    module_warehouse.use()
    module_warehouse.execute(f"CREATE USER '{ACCOUNT}'@'%' IDENTIFIED BY 'Test-account-1'")
    module_warehouse.execute(f"GRANT SELECT ON `{module_warehouse.name}`.* TO '{ACCOUNT}'@'%'")
    module_warehouse.execute("DELETE FROM kpi_change")
    connect_with(module_warehouse, monkeypatch)
    yield module_warehouse
    module_warehouse.execute(f"DROP USER '{ACCOUNT}'@'%'")


def connect_with(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    values = warehouse.connections[READ] | {"login": ACCOUNT}
    values["extra"] = {"client": "mysql-connector-python", **extra}
    monkeypatch.setenv("AIRFLOW_CONN_KPI_READ", json.dumps(values))


def as_a_task() -> str:
    with session(READ) as opened:
        return str(opened.value(ASKED))


def as_the_watcher() -> str:
    async def asked() -> str:
        async with _opened(READ) as opened:
            return str(opened.value(ASKED))

    return asyncio.run(asked())


ROADS = pytest.mark.parametrize("road", [as_a_task, as_the_watcher])


@ROADS
def test_an_account_that_needs_a_certificate(
    account: Warehouse,
    own_files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    road: Callable[[], str],
) -> None:
    account.execute(f"ALTER USER '{ACCOUNT}'@'%' REQUIRE X509")
    with pytest.raises(ConnectionProblem, match=f"'{ACCOUNT}' of connection kpi_read"):
        road()
    connect_with(account, monkeypatch, **own_files, ssl_verify_cert="true")
    assert road() == f"{ACCOUNT}@%"


def test_the_watcher_fires_with_a_certificate(
    account: Warehouse, own_files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.execute(f"ALTER USER '{ACCOUNT}'@'%' REQUIRE X509")
    connect_with(account, monkeypatch, **own_files)
    account.changed(4)

    async def first() -> Any:
        return (await asyncio.wait_for(anext(ChangeTrigger(poll_seconds=0.05).run()), 20)).payload

    assert asyncio.run(first()) == {"sweep": False}


@ROADS
def test_a_server_of_a_foreign_authority_is_refused(
    account: Warehouse, monkeypatch: pytest.MonkeyPatch, road: Callable[[], str]
) -> None:
    connect_with(account, monkeypatch, ssl_ca=certifi.where(), ssl_verify_cert=True)
    with pytest.raises(ConnectionProblem) as refused:
        road()
    assert str(refused.value).startswith(
        f"The account '{ACCOUNT}' of connection kpi_read on 127.0.0.1:"
    )
    assert "cannot be logged in with this encryption" in str(refused.value)


@ROADS
@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ("ACCOUNT LOCK", "is locked; unlock it with ALTER USER"),
        ("PASSWORD EXPIRE", "has a password that expired; renew it with ALTER USER"),
        ("WITH MAX_CONNECTIONS_PER_HOUR 1", "try again later, or raise its max_connections"),
    ],
)
def test_an_account_that_may_not_log_in_now(
    account: Warehouse, road: Callable[[], str], spoilt: str, said: str
) -> None:
    account.execute(f"ALTER USER '{ACCOUNT}'@'%' {spoilt}")
    with pytest.raises(ConnectionProblem) as refused:
        several_times(road)
    sentence = str(refused.value)
    assert said in sentence
    assert f"'{ACCOUNT}'" in sentence
    assert "connection kpi_read" in sentence
    assert sentence.endswith(".")
    assert isinstance(refused.value, NoConnectionFree) == ("HOUR" in spoilt)


def several_times(road: Callable[[], str]) -> None:
    for _ in range(3):
        road()


def not_a_certificate(folder: Path) -> str:
    path = folder / "ca.pem"
    path.write_text("no certificate\n")
    return str(path)


@ROADS
@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (
            {"ssl_mode": "REQUIRED"},
            "is wrong (there is no 'ssl_mode'); besides client it may have ",
        ),
        ({"ssl": {"ca": "/ca.pem"}}, "is wrong (there is no 'ssl'); "),
        ({"tls_version": "TLSv1.3"}, "is wrong (there is no 'tls_version'); "),
        ({"tls_versions": ["SSLv2"]}, "is wrong ("),
        ({"connection_timeout": "soon"}, "is wrong ("),
        ({"ssl_cert": "{own}"}, "is wrong ("),  # without its key
        ({"ssl_ca": "{own}", "ssl_verify_cert": True}, "kpi_read"),
        (
            {"ssl_ca": "/nowhere/ca.pem"},
            "The file '/nowhere/ca.pem', ssl_ca of the Airflow connection",
        ),
    ],
)
def test_a_wrong_extra(
    account: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    road: Callable[[], str],
    extra: dict[str, Any],
    said: str,
) -> None:
    own = not_a_certificate(tmp_path)
    filled = {name: own if value == "{own}" else value for name, value in extra.items()}
    connect_with(account, monkeypatch, **filled)
    with pytest.raises(ConnectionProblem) as refused:
        road()
    assert said in str(refused.value)
    assert "kpi_read" in str(refused.value)
    assert str(refused.value).endswith(".")


def test_extras_that_have_nothing_to_do_with_encryption_are_left_alone(
    account: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "charset" not in EXTRAS
    connect_with(account, monkeypatch, charset="utf8")
    assert as_a_task() == f"{ACCOUNT}@%"
