"""The settings: read from the environment, wrong ones named with the key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from kpi.core.settings import PROJECT, Settings, SettingsError, settings


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"KPI_{name.upper()}", raising=False)
    chosen = Settings(_env_file=None)
    assert chosen.timezone == "Africa/Casablanca"
    assert chosen.source_adapter == "soli_lms"
    assert chosen.source_timezone == "UTC"
    assert chosen.storage == "partitioned"
    assert chosen.sql_dir == PROJECT / "include" / "sql"
    assert chosen.calendar_start is None
    assert chosen.calendar_days_ahead == 400


def test_the_environment_goes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "kpi.env"
    file.write_text("KPI_CALENDAR_START=2025-09-01\nKPI_PARTITION_MONTHS_AHEAD=5\n")
    monkeypatch.setenv("KPI_PARTITION_MONTHS_AHEAD", "7")
    chosen = Settings(_env_file=file)
    assert chosen.calendar_start == date(2025, 9, 1)
    assert chosen.partition_months_ahead == 7


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings()
    monkeypatch.setenv("KPI_STORAGE", "foreign_keys")
    assert settings() is before


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("TIMEZONE", "Mars/Base", "'Mars/Base' is not a time zone of the tz database"),
        ("TIMEZONE", "../etc/passwd", "is not a time zone of the tz database"),
        ("SOURCE_TIMEZONE", "", "'' is not a time zone of the tz database"),
        ("STORAGE", "files", "Input should be 'partitioned' or 'foreign_keys'"),
        ("SQL_DIR", "/nowhere", "'/nowhere' holds no schema/ folder of SQL files"),
        ("SOURCE_ADAPTER", "../x", "String should match pattern"),
        ("CALENDAR_START", "soon", "Input should be a valid date"),
        ("CALENDAR_DAYS_AHEAD", "1", "greater than or equal to 7"),
        ("LOCK_WAIT_SECONDS", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"KPI_{key}", value)
    with pytest.raises(SettingsError) as error:
        settings()
    message = str(error.value)
    assert message.startswith("Settings are wrong, correct them and start again: ")
    assert f"KPI_{key}={value!r}: " in message
    assert reason in message
    assert "\n" not in message


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_STORAGE", "files")
    monkeypatch.setenv("KPI_WRITE_ATTEMPTS", "many")
    with pytest.raises(SettingsError, match=r"KPI_STORAGE='files'.*; KPI_WRITE_ATTEMPTS='many'"):
        settings()


def test_an_adapters_parameters_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_SOURCE_PARAMETERS", '{"prefix": "mdl_", "suffix": ""}')
    assert settings().source_parameters == {"prefix": "mdl_", "suffix": ""}
    settings.cache_clear()
    monkeypatch.setenv("KPI_SOURCE_PARAMETERS", "")
    assert settings().source_parameters == {}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("mdl_", "'mdl_': Value error, it is not JSON"),
        ("[1]", r"\[1\]: Input should be a valid dictionary"),
        ('{"prefix": "a`b"}', "'a`b': String should match pattern"),
        ('{"prefix": "a.b"}', "'a.b': String should match pattern"),
        ('{"prefix": 7}', "7: Input should be a valid string"),
    ],
)
def test_an_adapters_parameter_is_a_part_of_a_name(
    monkeypatch: pytest.MonkeyPatch, value: str, says: str
) -> None:
    monkeypatch.setenv("KPI_SOURCE_PARAMETERS", value)
    with pytest.raises(SettingsError, match=f"KPI_SOURCE_PARAMETERS={says}"):
        settings()


def test_the_notifiers_arguments_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_ALERT_NOTIFIER_ARGS", '{"to": "ops@example.org"}')
    assert settings().alert_notifier_args == {"to": "ops@example.org"}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "KPI_ALERT_NOTIFIER_ARGS",
            "to: me",
            "KPI_ALERT_NOTIFIER_ARGS='to: me': Value error, it is not JSON",
        ),
        ("KPI_ALERT_NOTIFIER", "mail", "KPI_ALERT_NOTIFIER='mail': String should match pattern"),
        ("KPI_NIGHT_DUE_AT", "dawn", "KPI_NIGHT_DUE_AT='dawn': Input should be in a valid time"),
    ],
)
def test_wrong_settings_of_alerts_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        settings()
    assert says in str(error.value)
