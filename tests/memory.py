"""The folder of a test session: in memory where there is room, gone with the session however that ends.

Servers and Airflows of tests write little and sync often; on a disk they wait for it most of the time.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_NEEDED = 4 << 30  # bytes; two workers with all their servers fill about half of it
PREFIX = f"kpi-tests-{os.getuid()}-"


def session_folder(root: Path = MEMORY) -> Path | None:
    """Return a folder in memory for this process, None where there is no room; those of ended processes go."""
    sweep(root)
    if not os.access(root, os.W_OK) or shutil.disk_usage(root).free < ROOM_NEEDED:
        return None
    return root / f"{PREFIX}{os.getpid()}"


def sweep(root: Path = MEMORY) -> None:
    """Remove the folders of sessions whose process is no more."""
    for folder in root.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX)
        if not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
