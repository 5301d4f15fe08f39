"""Find Docker Compose, or unpack Debian's package of it into the project, and let it judge docker-compose.yaml.

    python scripts/compose_packages.py      prints nothing but what is wrong with the file; needs no engine

The package lies under `.local/compose` (debian_packages.py says how it gets there).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from debian_packages import DebianError, libraries, loader, locked, unpack

ROOT = Path(__file__).resolve().parent.parent
COMPOSE_HOME = ROOT / ".local" / "compose"
FILE = ROOT / "docker-compose.yaml"
SUITE = "stable"
PACKAGES = ("docker-compose",)
ON_THE_PATH = (("docker", "compose"), ("docker-compose",))
LEFT_OUT = "docker-cli|iptables"  # what needs an engine


class ComposeNotFoundError(RuntimeError):
    """No Compose can be had here; the message says what was tried and the way out."""


def find_compose() -> list[str]:
    """Return the command to run: Compose 2 on the PATH, else Debian's (14 MB to download at the first call).

    Raises ComposeNotFoundError.
    """
    for command in ON_THE_PATH:
        if shutil.which(command[0]) and _is_version_2([*command]):
            return [*command]
    tree = COMPOSE_HOME / "debian"
    with locked(COMPOSE_HOME / "unpack.lock"):
        try:
            if not tree.exists():
                print(f"Fetching Compose from Debian {SUITE} into {tree} …", file=sys.stderr)
                unpack(PACKAGES, SUITE, tree, LEFT_OUT)
            program = tree / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-compose"
            return [str(loader(tree)), "--library-path", libraries(tree), str(program)]
        except DebianError as error:
            raise ComposeNotFoundError(
                f"No Docker Compose: no `docker compose` of version 2 here; {error} Install one and try again."
            ) from error


def _is_version_2(command: list[str]) -> bool:
    done = subprocess.run(
        [*command, "version", "--short"], capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and re.match(r"v?[2-9]\.", done.stdout) is not None


def complaint(compose: list[str], environment: dict[str, str]) -> str | None:
    """Return what Compose says against the file, None when it takes it; `environment` stands for .env."""
    settings = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    command = [*compose, "--file", str(FILE), "--env-file", os.devnull, "--profile", "demo"]
    done = subprocess.run(
        [*command, "config", "--quiet"],
        # All but the file's own settings stays: the command may stand on it.
        env={name: value for name, value in os.environ.items() if name not in settings}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stderr.strip()
    return said or (None if done.returncode == 0 else f"exit code {done.returncode}")


def passwords() -> dict[str, str]:
    """Return a value for each password that the file asks for."""
    return dict.fromkeys(re.findall(r"\$\{(\w+_PASSWORD):\?", FILE.read_text()), "x")


if __name__ == "__main__":
    try:
        sys.exit(complaint(find_compose(), passwords()))
    except ComposeNotFoundError as error:
        print(f"docker-compose.yaml was not judged. {error}", file=sys.stderr)
