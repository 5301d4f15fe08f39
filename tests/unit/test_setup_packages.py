"""What is installed, and which MySQL server is found."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import browser_packages
import debian_packages
import mysql_packages
import pytest
from debian_packages import debian_mirror
from environment import ROOT, environment
from mysql_packages import parse_version


def pins(name: str = "requirements.txt") -> dict[str, str]:
    """Return version by package of a pin list; lines for other systems or Pythons count as well."""
    lines = (ROOT / name).read_text().splitlines()
    return dict(
        re.split(r"[ ;]", line)[0].split("==") for line in lines if line and line[0] not in "# "
    )


@pytest.mark.parametrize(
    ("direct", "pinned"),
    [
        ("requirements.in", "requirements.txt"),
        ("tests/requirements.in", "requirements.txt"),
        ("requirements.in", "docker/requirements.txt"),
        ("docker/requirements.in", "docker/requirements.txt"),
    ],
)
def test_every_direct_dependency_is_pinned(direct: str, pinned: str) -> None:
    for line in (ROOT / direct).read_text().splitlines():
        if line and not line.startswith("#"):
            name = re.split(r"[=<>\s]", line)[0]
            assert name in pins(pinned), f"{name} of {direct} is not in {pinned}: make pins"
            assert "# " in line, f"{name} has no reason beside it"


def test_the_image_has_the_same_versions_and_no_tools_of_developers() -> None:
    image, everything = pins("docker/requirements.txt"), pins()
    assert {name for name in image if image[name] != everything.get(name)} == {
        "asyncpg",
        "psycopg2-binary",
    }
    assert not {"pytest", "playwright", "mypy", "ruff", "sqlfluff", "hypothesis"} & set(image)


def test_pin_lists_name_no_index_and_no_folder() -> None:
    for name in ("requirements.txt", "docker/requirements.txt"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|file:|--(extra-)?index|--find-links|@ ", text)


def test_zone_data_know_the_rules_from_september_2026_on() -> None:
    assert tuple(map(int, pins()["tzdata"].split("."))) >= (2026, 3)
    assert environment()["PYTHONTZPATH"] == ""


def test_mysqlclient_is_never_installed() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("mysqlclient==")]
    assert line.endswith("; sys_platform == 'never'")


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)", "9.7.4"),
        ("/usr/sbin/mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))", "8.0.36"),
        ("mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64", None),
        ("", None),
    ],
)
def test_version_of_a_server_on_the_path(output: str, version: str | None) -> None:
    assert parse_version(output) == version


@pytest.mark.parametrize(
    ("sources", "mirror"),
    [
        ("deb http://mirror.example/debian trixie main", "http://mirror.example/debian"),
        (
            "# old\ndeb-src http://src.example/debian trixie main\n"
            "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian/ trixie main contrib",
            "https://mirror.example/debian/",
        ),
        (
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main",
            "http://mirror.example/debian",
        ),
        ("deb http://security.example/debian-security trixie-security main", None),
        ("deb http://archive.example/ubuntu noble main", None),
    ],
)
def test_mirror_is_taken_from_apt_sources(tmp_path: Path, sources: str, mirror: str | None) -> None:
    path = tmp_path / "debian.sources"
    path.write_text(sources)
    assert debian_mirror(iter([path])) == mirror


def test_without_any_server_the_error_names_what_was_tried_and_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # neither mysqld nor apt-get
    monkeypatch.setattr(mysql_packages, "MYSQL_HOME", tmp_path / "mysql")
    monkeypatch.setattr(mysql_packages, "UNPACKED", tmp_path / "mysql" / "debian")
    with pytest.raises(mysql_packages.MySQLNotFoundError, match="docker compose up") as caught:
        mysql_packages.find_mysqld()
    assert "no `mysqld` on the PATH" in str(caught.value)


def test_mariadb_on_the_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "mysqld"
    fake.write_text("#!/bin/sh\necho 'mysqld  Ver 10.11.6-MariaDB for debian-linux-gnu'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(mysql_packages, "MYSQL_HOME", tmp_path / "mysql")
    monkeypatch.setattr(mysql_packages, "UNPACKED", tmp_path / "mysql" / "debian")
    with pytest.raises(mysql_packages.MySQLNotFoundError, match="is not MySQL"):
        mysql_packages.find_mysqld()


def test_without_any_browser_the_error_names_what_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # neither chromium nor apt-get
    monkeypatch.setattr(browser_packages, "BROWSER_HOME", tmp_path / "chromium")
    with pytest.raises(browser_packages.BrowserNotFoundError, match="no apt-get") as caught:
        browser_packages.find_browser()
    assert "no `chromium` on the PATH" in str(caught.value)


def test_a_browser_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser_packages.find_browser() == program


def test_without_pip_and_without_apt_the_error_names_the_package(tmp_path: Path) -> None:
    scripts = shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    done = subprocess.run(
        [sys.executable, scripts / "pip_packages.py"],
        env={"PATH": str(tmp_path)},  # no apt-get
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.endswith(
        "this machine has no apt-get. Install it (Debian, Ubuntu: apt-get install python3-venv), then try again.\n"
    )


def test_a_python_without_venv_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """`KPI_PYTHON` names a Python whose modules venv and ensurepip are not there."""
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    done = subprocess.run(
        [tmp_path / "scripts" / "setup.sh"],
        env={"PATH": os.environ["PATH"], "KPI_PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"{python} has no module venv: install it (Debian: apt-get install python3-venv) "
        "or name another Python in KPI_PYTHON.\n"
    )


def test_debian_is_reached_from_a_machine_that_names_another_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = tmp_path / "debian-archive-keyring.gpg"
    keyring.touch()
    monkeypatch.setattr(debian_packages, "KEYRING", keyring)
    monkeypatch.setattr(debian_packages, "apt_source_files", lambda: iter([]))
    archive = debian_packages.debian_archive(tmp_path)
    assert archive == f"[signed-by={keyring}] http://deb.debian.org/debian"


def test_without_debian_s_keyring_the_error_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian_packages, "KEYRING", tmp_path / "none.gpg")
    monkeypatch.setattr(debian_packages, "apt_source_files", lambda: iter([]))
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: no network' >&2\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(debian_packages.DebianError, match=r"no network\); install none\."):
        debian_packages.debian_archive(tmp_path)
