"""Look at the passwords and at the mounted files before the other containers start; an error is one sentence.

Runs as root, which can read all of the checkout; the other containers run as a user of their own.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

MOUNTED = ("dags", "docker", "docs", "include", "plugins", "scripts")
PLAIN = re.compile(r"[0-9A-Za-z]+")
READABLE_FILE, READABLE_FOLDER = 0o004, 0o005  # by anybody


def passwords_with_signs(environment: Mapping[str, str], dotenv: str) -> list[str]:
    """Return the names of passwords that hold more than letters and digits.

    `dotenv` is the text of .env: Compose takes `$` and what follows out of a value without a word.
    """
    values = {name: value for name, value in environment.items() if name.endswith("_PASSWORD")}
    lines = re.findall(r"^\s*(?:export\s+)?(\w+)\s*=[ \t]*(.*?)\s*$", dotenv, re.MULTILINE)
    written = {name: value.strip("'\"") for name, value in lines if name in values and value}
    return [
        name
        for name, value in values.items()
        if not PLAIN.fullmatch(value) or not PLAIN.fullmatch(written.get(name, value))
    ]


def unreadable_files(project: Path) -> list[Path]:
    """Return what not everybody can read among the folders that the containers mount."""
    return [path for path in _mounted(project) if not _readable_by_all(path)]


def _mounted(project: Path) -> Iterator[Path]:
    for name in MOUNTED:
        yield project / name
        for folder, folders, files in os.walk(project / name):
            folders[:] = [folder for folder in folders if folder != "__pycache__"]
            yield from (Path(folder, entry) for entry in [*folders, *files])


def _readable_by_all(path: Path) -> bool:
    needed = READABLE_FOLDER if path.is_dir() else READABLE_FILE
    return path.is_symlink() or path.stat().st_mode & needed == needed


def complaints(project: Path, environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each thing that would keep the containers from starting."""
    dotenv = project / ".env"
    found = []
    if signs := passwords_with_signs(environment, dotenv.read_text() if dotenv.exists() else ""):
        found.append(f"Use letters and digits alone in .env for {', '.join(signs)}.")
    if closed := unreadable_files(project):
        found.append(
            f"The containers' user can't read {closed[0].relative_to(project)} (and {len(closed) - 1} "
            f"more): run `chmod -R go+rX {' '.join(MOUNTED)}` in the project."
        )
    return found


if __name__ == "__main__":
    sys.exit("\n".join(complaints(Path(sys.argv[1]), os.environ)) or None)
