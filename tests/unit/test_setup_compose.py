"""docker-compose.yaml can't be started in a test; what can be read off it is checked here."""

import re
from typing import Any

import pytest
import yaml
from environment import ROOT

TEXT = (ROOT / "docker-compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
AIRFLOW = [name for name in SERVICES if name.startswith("airflow-")] + ["demo"]


def test_every_secret_must_be_set_and_has_no_value_in_the_files() -> None:
    secrets = set(re.findall(r"\$\{(\w*PASSWORD\w*)", TEXT))
    assert secrets == set(re.findall(r"\$\{(\w*PASSWORD\w*):\?set \1 in \.env\}", TEXT))
    example = (ROOT / ".env.example").read_text().splitlines()
    assert {line for line in example if "PASSWORD" in line and line[0] != "#"} == {
        f"{name}=" for name in secrets
    }


def test_every_setting_is_listed_in_the_example() -> None:
    optional = re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT)
    example = (ROOT / ".env.example").read_text()
    for name, default in optional:
        assert re.search(rf"^# {name}={re.escape(default)}( |$)", example, re.MULTILINE), name


def test_ports_are_open_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_ignores_the_zone_data_of_the_image(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["PYTHONTZPATH"] == ""
    assert 'PYTHONTZPATH=""' in (ROOT / "docker" / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "name", [name for name in SERVICES if name not in ("airflow-init", "demo")]
)
def test_what_keeps_running_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
