"""Bring pip into the project, for a Python that comes without it and without `ensurepip`, as Debian's does.

    python3 scripts/pip_packages.py      print the wheel that holds pip, which Python runs as it is

The packages lie under `.local/pip` (debian_packages.py says how they get there). This runs before `.venv` is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from debian_packages import DebianError, locked, unpack

PIP_HOME = Path(__file__).resolve().parent.parent / ".local" / "pip"
UNPACKED = PIP_HOME / "debian"
# Certificates of the authorities that the package index is checked against, where the system has none.
AUTHORITIES = PIP_HOME / "authorities.pem"
PACKAGES = ("python3-pip-whl", "ca-certificates")
SUITE = "stable"


def pip_wheel() -> Path:
    """Return the wheel (2 MB to download at the first call); raises DebianError."""
    with locked(PIP_HOME / "unpack.lock"):
        if not UNPACKED.exists():
            print(f"Fetching pip from Debian {SUITE} into {PIP_HOME} …", file=sys.stderr)
            unpack(PACKAGES, SUITE, UNPACKED, leave_out=f"(?!{'|'.join(PACKAGES)})")
        authorities = sorted((UNPACKED / "usr/share/ca-certificates/mozilla").glob("*.crt"))
        AUTHORITIES.write_text("".join(path.read_text() for path in authorities))
    (wheel,) = (UNPACKED / "usr/share/python-wheels").glob("pip-*.whl")
    return wheel


if __name__ == "__main__":
    try:
        print(pip_wheel())
    except DebianError as error:
        sys.exit(
            "This Python comes without pip, and Debian's cannot be had: "
            f"{error} Install it (Debian, Ubuntu: apt-get install python3-venv), then try again."
        )
