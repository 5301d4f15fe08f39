"""The settings of the Airflow that runs the package: what is wrong is told in one sentence, what is fatal stops."""

import logging
import re
from pathlib import Path

import pytest
from environment import ROOT
from kpi import __version__
from kpi.core import airflow_settings
from kpi.core.errors import KpiError
from kpi.status import judgement

FIT = {
    "AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH": "500000",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True",
}


@pytest.fixture(autouse=True)
def fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FIT.items():
        monkeypatch.setenv(name, value)


def copied(plugins: Path) -> Path:
    """Return the package's folder in a plugins folder of one's own, as somebody copied it."""
    package = plugins / "kpi"
    package.mkdir()
    return package


def test_settings_that_fit_are_green_with_the_versions(caplog: pytest.LogCaptureFixture) -> None:
    assert airflow_settings.findings("3.3.2") == []
    item = judgement.package(airflow_settings.running_on(), [])
    assert (item.level, item.hint_en) == ("green", "")
    assert item.value.startswith(f"{__version__}, Airflow 3.")
    with caplog.at_level(logging.INFO):
        airflow_settings.require_fit()
    assert caplog.messages == [f"KPI package {airflow_settings.running_on()}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH", "4096"),
        ("AIRFLOW__CORE__PARALLELISM", "2"),
        ("AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE", "False"),
    ],
)
def test_a_setting_that_does_not_fit_is_named_with_its_value_and_a_better_one(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(name, value)
    (finding,) = airflow_settings.findings("3.3.2")
    for text in (finding.fr, finding.en):
        assert text.startswith(f"{name}={value}")
        assert text.endswith(".")
    assert judgement.package("", [finding]).level == "amber"
    airflow_settings.require_fit()
    assert finding.en in caplog.messages


def test_another_airflow_is_amber() -> None:
    (finding,) = airflow_settings.findings("3.4.0")
    assert "Airflow 3.4.0 is not the one" in finding.en


def test_a_package_copied_without_its_airflowignore_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(tmp_path))
    package = copied(tmp_path)
    (finding,) = airflow_settings.findings("3.3.2", package)
    assert finding.en.startswith(f"{package}/.airflowignore is missing")
    assert judgement.package("", [finding]).level == "red"
    with pytest.raises(KpiError, match="copy that file along"):
        airflow_settings.require_fit(package)
    (package / ".airflowignore").write_text("**\n")
    airflow_settings.require_fit(package)


def test_a_package_outside_the_plugins_folder_needs_no_airflowignore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(tmp_path / "plugins"))
    assert airflow_settings.findings("3.3.2", copied(tmp_path)) == []


def test_the_changelog_begins_with_the_package_s_version() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_each_setting_that_is_checked_is_explained() -> None:
    text = (ROOT / "docs" / "own_airflow.md").read_text()
    for name in [*FIT, "PYTHONTZPATH", "plugins/kpi/.airflowignore"]:
        assert name in text
