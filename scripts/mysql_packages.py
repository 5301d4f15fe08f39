"""Find a MySQL server binary, or unpack Debian's packages of one into the project.

Nothing is installed into the system: the packages are downloaded through an apt state of their own
and unpacked under `.local/mysql/debian`, then run through the dynamic loader that came with them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MYSQL_HOME = ROOT / ".local" / "mysql"
UNPACKED = MYSQL_HOME / "debian"

MINIMUM_VERSION = (8, 0, 19)  # first version with row aliases in INSERT … ON DUPLICATE KEY UPDATE
TESTED_SERIES = ("8.4.", "9.7.")
SUITE = "sid"  # Debian's stable suites have MariaDB only
PACKAGES = ("mysql-server-core", "mysql-client-core")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

WAY_OUT = (
    "Give a server with KPI_MYSQL_ROOT=mysql://root:password@host:port/, put a MySQL >= 8.0.19 "
    "`mysqld` on the PATH, or run it all in containers with `docker compose up` (docs/setup.md)."
)


class MySQLNotFoundError(RuntimeError):
    """No usable MySQL server binary here; the message says what was tried and the ways out."""


@dataclass(frozen=True)
class Mysqld:
    """A MySQL server binary and how to run it."""

    command: tuple[str, ...]  # what comes before the server's own options
    version: str
    options: tuple[str, ...]  # where its messages, character sets and plugins lie
    client: tuple[str, ...] | None  # command of the `mysql` client beside it, when there is one


def find_mysqld() -> Mysqld:
    """Return the server to run: `mysqld` on the PATH if it is MySQL >= 8.0.19, else Debian's.

    Unpacks the packages on the first call (about 55 MB to download). Raises MySQLNotFoundError.
    """
    found = _mysqld_on_path()
    if isinstance(found, Mysqld):
        return found
    with locked(MYSQL_HOME / "unpack.lock"):
        if not UNPACKED.exists():
            _unpack_debian_packages(reason_before=found)
    return _unpacked_mysqld()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, so that two commands at once do not do the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def parse_version(output: str) -> str | None:
    """Return the version in `mysqld --version`'s output, None for MariaDB or anything unknown.

    >>> parse_version("mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)")
    '9.7.4'
    """
    match = re.search(r"Ver (\d+\.\d+\.\d+)", output)
    return None if match is None or "mariadb" in output.lower() else match.group(1)


def _mysqld_on_path() -> Mysqld | str:
    """Return the server on the PATH, or the reason why there is none to use."""
    path = shutil.which("mysqld")
    if path is None:
        return "no `mysqld` on the PATH"
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = parse_version(output)
    if version is None:
        return f"{path} is not MySQL ({output.strip() or 'it prints no version'})"
    if tuple(map(int, version.split("."))) < MINIMUM_VERSION:
        return f"{path} is MySQL {version}, older than 8.0.19"
    if _confined_by_apparmor(path):
        return f"{path} is confined by AppArmor to the system's own database"
    client = shutil.which("mysql")
    return Mysqld((path,), version, (), (client, "--no-defaults") if client else None)


def _confined_by_apparmor(path: str) -> bool:
    """Say whether the system's profile would keep this server from a data directory of ours."""
    enabled = Path("/sys/module/apparmor/parameters/enabled")
    profile = Path("/etc/apparmor.d/usr.sbin.mysqld")
    return (
        os.path.realpath(path) == "/usr/sbin/mysqld"
        and profile.exists()
        and enabled.exists()
        and enabled.read_text().strip() == "Y"
    )


def _unpacked_mysqld() -> Mysqld:
    usr = UNPACKED / "usr"
    loaders = sorted(usr.glob("lib/*/ld-linux*.so.*"))
    if not loaders:
        raise MySQLNotFoundError(
            f"{UNPACKED} has no dynamic loader; remove it with `make clean`, then try again."
        )
    libraries = f"{loaders[0].parent}:{usr / 'lib'}"
    loader = (str(loaders[0]), "--library-path", libraries)
    server = (*loader, str(usr / "sbin" / "mysqld"))
    output = subprocess.run(
        [*server, "--no-defaults", "--version"], capture_output=True, text=True, check=False
    )
    version = parse_version(output.stdout)
    if version is None:
        raise MySQLNotFoundError(
            f"The unpacked mysqld does not run ({output.stderr.strip()}). {WAY_OUT}"
        )
    share = usr / "share" / "mysql"
    options = (
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        f"--plugin-dir={usr / 'lib' / 'mysql' / 'plugin'}",
    )
    client = (
        *loader,
        str(usr / "bin" / "mysql"),
        "--no-defaults",
        f"--character-sets-dir={share / 'charsets'}",
    )
    return Mysqld(server, version, options, client)


def _unpack_debian_packages(reason_before: str) -> None:
    """Download the server, the client and what they need, and unpack them into UNPACKED."""
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise MySQLNotFoundError(
            f"No MySQL server: {reason_before}; this machine has no {missing[0]}. {WAY_OUT}"
        )
    mirror = debian_mirror(_apt_source_files())
    if mirror is None:
        raise MySQLNotFoundError(
            f"No MySQL server: {reason_before}; /etc/apt names no Debian mirror. {WAY_OUT}"
        )
    print(
        f"Fetching MySQL from Debian {SUITE} into {UNPACKED.relative_to(ROOT)} (55 MB) …",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=MYSQL_HOME) as scratch:
        tree = Path(scratch) / "tree"
        for package in _download(Path(scratch), mirror, reason_before):
            _run(["dpkg-deb", "-x", str(package), str(tree)], reason_before)
        # Moved in one step, so that an interrupted set-up leaves no half tree behind.
        tree.rename(UNPACKED)
    version = _unpacked_mysqld().version
    if not version.startswith(TESTED_SERIES):
        print(
            f"Note: Debian now ships MySQL {version}; this project is tested with 8.4 and 9.7.",
            flush=True,
        )


def _download(scratch: Path, mirror: str, reason_before: str) -> list[Path]:
    """Download the packages and their dependencies (perl is for helper scripts only: left out)."""
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (scratch / folder).mkdir(parents=True)
    (
        scratch / "status"
    ).touch()  # as if nothing were installed: every library comes along, libc too
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (scratch / "sources.list").write_text(f"deb {signed}{mirror} {SUITE} main\n")
    apt = [
        *("-q", "-q"),
        *("-o", f"Dir::State::lists={scratch}/lists", "-o", f"Dir::State::status={scratch}/status"),
        *(
            "-o",
            f"Dir::Cache={scratch}/cache",
            "-o",
            f"Dir::Etc::sourcelist={scratch}/sources.list",
        ),
        *("-o", "Dir::Etc::sourceparts=-", "-o", "Dir::Etc::preferencesparts=-"),
        *(
            "-o",
            "APT::Install-Recommends=false",
            "-o",
            "Acquire::Languages=none",
            "-o",
            "Acquire::Retries=3",
        ),
        # Without this apt warns that its own user cannot write into the project.
        *("-o", "APT::Sandbox::User=root"),
    ]
    _run(["apt-get", *apt, "update"], reason_before)
    plan = _run(["apt-get", *apt, "--simulate", "install", *PACKAGES], reason_before)
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    wanted = [name for name in names if not re.match(r"(lib)?perl", name)]
    _run(["apt-get", *apt, "download", *wanted], reason_before, cwd=scratch / "packages")
    return sorted((scratch / "packages").glob("*.deb"))


def _run(command: list[str], reason_before: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    if done.returncode != 0:
        step = f"{command[0]} {command[-1]}"
        detail = (done.stderr.strip() or done.stdout.strip()).replace("\n", " ")
        raise MySQLNotFoundError(
            f"No MySQL server: {reason_before}; Debian's failed at `{step}`: {detail} {WAY_OUT}"
        )
    return done.stdout


def _apt_source_files() -> Iterator[Path]:
    etc = Path("/etc/apt")
    yield from (path for path in [etc / "sources.list"] if path.exists())
    yield from sorted([*etc.glob("sources.list.d/*.list"), *etc.glob("sources.list.d/*.sources")])


def debian_mirror(sources: Iterator[Path]) -> str | None:
    """Return the address of the first Debian archive among apt's sources, None without one.

    Reads both formats: one line an entry (`deb [options] URI suite …`) and deb822 (`URIs: …`).
    """
    for path in sources:
        for line in path.read_text().splitlines():
            one_line = re.match(r"\s*deb\s+(?:\[[^]]*]\s+)?(\S+)\s", line)
            deb822 = re.match(r"\s*URIs:\s*(\S+)", line, re.IGNORECASE)
            match = one_line or deb822
            if match and re.search(r"/debian/?$", match.group(1)):
                return match.group(1)
    return None
