"""What can be read off docker-compose.yaml; scripts/compose_trial.py runs it where an engine is."""

import importlib.util
import re
import shutil
import stat
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import compose_packages
import pytest
import yaml
from environment import ROOT

TEXT = (ROOT / "docker-compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
AIRFLOW = [name for name in SERVICES if name.startswith("airflow-")] + ["demo"]
LASTING = [name for name in SERVICES if name not in ("setup-check", "airflow-init", "demo")]
# The recipe of .env.example, as one would paste it.
RECIPE = "\n".join(
    line.removeprefix("#   ")
    for line in (ROOT / ".env.example").read_text().splitlines()
    if line.startswith("#   ")
)


def load_script(name: str) -> ModuleType:
    """Return a script of docker/ as a module; as in the containers, it is no part of a package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docker" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_setup = load_script("check_setup")


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


@pytest.mark.parametrize("name", LASTING)
def test_what_keeps_running_has_a_health_check_and_time_to_stop(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["stop_grace_period"]


@pytest.mark.parametrize("name", [name for name in LASTING if name in AIRFLOW])
def test_a_health_check_asks_the_health_page_and_loads_no_airflow(name: str) -> None:
    command = SERVICES[name]["healthcheck"]["test"]
    assert "docker/health.py" in command
    assert not any("airflow" in word for word in command)


@pytest.mark.parametrize("name", SERVICES)
def test_no_log_grows_for_ever(name: str) -> None:
    assert {"max-size", "max-file"} <= set(SERVICES[name]["logging"]["options"])


def test_one_image_is_built_once() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["setup-check"]
    images = {service["image"] for service in SERVICES.values()}
    assert images == {"kpi-airflow", "mysql:9.7", "postgres:17"}


def test_nothing_is_stored_before_the_set_up_was_checked() -> None:
    for name in ("mysql", "postgres"):
        needed = SERVICES[name]["depends_on"]["setup-check"]["condition"]
        assert needed == "service_completed_successfully"


def test_the_demo_has_the_passwords_and_a_metadata_database_of_its_own() -> None:
    demo, scheduler = (SERVICES[name]["environment"] for name in ("demo", "airflow-scheduler"))
    accounts = {f"KPI_{name}_PASSWORD" for name in ("SOURCE", "ETL", "ADMIN", "READ")}
    assert accounts <= set(demo)
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW_HOME"):
        assert demo[name] != scheduler.get(name)
    assert "demo-files:/opt/airflow/.local" in SERVICES["demo"]["volumes"]


@pytest.fixture(scope="module")
def compose() -> list[str]:
    try:
        return compose_packages.find_compose()
    except compose_packages.ComposeNotFoundError as error:
        pytest.skip(str(error))


def test_compose_itself_takes_the_file(compose: list[str]) -> None:
    assert compose_packages.complaint(compose, compose_packages.passwords()) is None


def test_compose_names_a_password_that_is_missing(compose: list[str]) -> None:
    values = compose_packages.passwords() | {"KPI_ETL_PASSWORD": ""}
    assert "set KPI_ETL_PASSWORD in .env" in str(compose_packages.complaint(compose, values))


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "mksh", "zsh"])
def test_the_recipe_makes_the_same_env_file_in_each_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    shutil.copy(ROOT / ".env.example", tmp_path)
    subprocess.run([shell, "-c", RECIPE], cwd=tmp_path, check=True)
    made = tmp_path / ".env"
    filled = re.sub(r"(?<=_PASSWORD=)[0-9a-f]{36}$", "", made.read_text(), flags=re.MULTILINE)
    assert filled == (ROOT / ".env.example").read_text()
    assert len(set(re.findall(r"=([0-9a-f]{36})$", made.read_text(), re.MULTILINE))) == 7
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_all_passwords_with_signs_are_named_at_once() -> None:
    given = {"A_PASSWORD": "plain1", "B_PASSWORD": 'a"b', "C_PASSWORD": "a@b", "OTHER": "a@b"}
    assert check_setup.passwords_with_signs(given, "") == ["B_PASSWORD", "C_PASSWORD"]


def test_a_sign_that_compose_takes_out_of_a_password_is_seen_in_the_env_file() -> None:
    given = {"A_PASSWORD": "abc", "B_PASSWORD": "abc", "C_PASSWORD": "abc"}
    dotenv = "A_PASSWORD=abc$def\r\nB_PASSWORD='abc'\r\n# C_PASSWORD=$\nexport C_PASSWORD=abc\n"
    assert check_setup.passwords_with_signs(given, dotenv) == ["A_PASSWORD"]


def test_a_clone_that_the_containers_cannot_read_is_named_with_the_way_out(tmp_path: Path) -> None:
    for name in check_setup.MOUNTED:
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    for name, mode in (("closed.py", 0o600), ("open.py", 0o644)):
        (tmp_path / "dags" / name).touch()
        (tmp_path / "dags" / name).chmod(mode)
    assert check_setup.complaints(tmp_path, {}) == [
        "The containers' user can't read dags/closed.py (and 0 more): run "
        "`chmod -R go+rX dags docker docs include plugins scripts` in the project."
    ]
    subprocess.run(["chmod", "-R", "go+rX", *check_setup.MOUNTED], cwd=tmp_path, check=True)
    assert check_setup.complaints(tmp_path, {"A_PASSWORD": "plain"}) == []


def test_a_clone_made_for_windows_has_the_same_line_ends(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no Git checkout")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    (tmp_path / "init.sh").write_bytes(b"#!/bin/sh\necho\n")
    git = ["git", "-C", str(tmp_path), "-c", "core.autocrlf=true"]
    subprocess.run([*git, "add", "."], check=True)
    (tmp_path / "init.sh").unlink()
    subprocess.run([*git, "checkout", "--quiet", "."], check=True)
    assert b"\r" not in (tmp_path / "init.sh").read_bytes()
