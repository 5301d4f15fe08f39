"""Debian packages unpacked into the project, for programs that it brings itself.

Nothing is installed into the system: packages are downloaded through an apt state of their own, checked against
Debian's keyring, unpacked with `dpkg-deb -x`, and run through the dynamic loader that came with them, so that the age
of the system does not matter.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR = "http://deb.debian.org/debian"  # where apt's sources name none, as on Ubuntu


class DebianError(RuntimeError):
    """The packages cannot be had here; the message says which step failed and why."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, so that two commands at once do not do the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def unpack(packages: Sequence[str], suite: str, into: Path, leave_out: str = "$^") -> None:
    """Unpack packages of a suite, and all that they depend on, as the new folder `into`.

    `leave_out`: pattern of names of dependencies that are not needed to run the program. Raises DebianError.
    """
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise DebianError(f"this machine has no {missing[0]}.")
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=into.parent) as scratch:
        tree = Path(scratch) / "tree"
        source = f"deb {debian_archive(Path(scratch))} {suite} main\n"
        for package in _download(Path(scratch), source, packages, leave_out):
            _run(["dpkg-deb", "-x", str(package), str(tree)])
        # Moved in one step, so that an interrupted set-up leaves no half tree behind.
        tree.rename(into)


def loader(tree: Path) -> Path:
    """Return the dynamic loader of an unpacked tree; raises DebianError when it has none."""
    # Suites older than trixie have some libraries beside /usr.
    loaders = sorted([*tree.glob("usr/lib/*/ld-linux*.so.*"), *tree.glob("lib/*/ld-linux*.so.*")])
    if not loaders:
        raise DebianError(
            f"{tree} has no dynamic loader; remove it with `make clean`, then try again."
        )
    return loaders[0]


def libraries(tree: Path) -> str:
    """Return the folders that hold an unpacked tree's shared libraries, as the loader's `--library-path`."""
    beside = loader(tree).parent
    folders = (beside, tree / "usr" / "lib" / beside.name, tree / "usr" / "lib")
    return ":".join(dict.fromkeys(map(str, folders)))


def debian_archive(scratch: Path) -> str:
    """Return the options and the address of Debian's archive, as a line of apt's sources has them.

    A machine of another distribution gets Debian's keyring from its own archive, which its own keyring has signed.
    """
    mirror = debian_mirror(apt_source_files())
    if mirror is not None:
        return f"[signed-by={KEYRING}] {mirror}" if KEYRING.exists() else mirror
    keyring = KEYRING if KEYRING.exists() else _keyring_from_own_archive(scratch / "own")
    return f"[signed-by={keyring}] {MIRROR}"


def _keyring_from_own_archive(scratch: Path) -> Path:
    """Download and unpack Debian's keyring, by the sources and keys that the machine trusts; raises DebianError."""
    try:
        (package,) = _download(scratch, None, [KEYRING.stem], f"(?!{KEYRING.stem}$)")
    except DebianError as error:
        raise DebianError(
            f"/etc/apt names no Debian mirror, and {KEYRING.stem} cannot be had from its archives "
            f"({error}); install {KEYRING.stem}."
        ) from error
    _run(["dpkg-deb", "-x", str(package), str(scratch)])
    return scratch / KEYRING.relative_to("/")


def _download(
    scratch: Path, source: str | None, packages: Sequence[str], leave_out: str
) -> list[Path]:
    """Download packages and their dependencies, from one source or from the machine's; returns the files."""
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (scratch / folder).mkdir(parents=True)
    # As if nothing were installed: every library comes along, libc too.
    (scratch / "status").touch()
    options = {
        "Dir::State::lists": f"{scratch}/lists",
        "Dir::State::status": f"{scratch}/status",
        "Dir::Cache": f"{scratch}/cache",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        # Without this apt warns that its own user cannot write into the project.
        "APT::Sandbox::User": "root",
    }
    if source is not None:
        (scratch / "sources.list").write_text(source)
        options |= {
            "Dir::Etc::sourcelist": f"{scratch}/sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferencesparts": "-",
        }
    apt = ["apt-get", "-q", "-q", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"])
    plan = _run([*apt, "--simulate", "install", *packages])
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    wanted = [name for name in names if not re.match(leave_out, name)]
    _run([*apt, "download", *wanted], cwd=scratch / "packages")
    return sorted((scratch / "packages").glob("*.deb"))


def _run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    if done.returncode != 0:
        detail = (done.stderr.strip() or done.stdout.strip()).replace("\n", " ")
        raise DebianError(f"Debian's failed at `{command[0]} {command[-1]}`: {detail}")
    return done.stdout


def apt_source_files() -> Iterator[Path]:
    """Yield the files in which the machine names its package archives."""
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
