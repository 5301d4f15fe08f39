"""Find a Chromium for the end-to-end tests, or unpack Debian's packages of one into the project.

    python scripts/browser_packages.py      print the program to run, made ready when it was not

The packages lie under `.local/chromium` (debian_packages.py says how they get there).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from debian_packages import DebianError, libraries, loader, locked, unpack

BROWSER_HOME = Path(__file__).resolve().parent.parent / ".local" / "chromium"
ON_THE_PATH = ("chromium", "google-chrome")
SUITE = "stable"
# The browser without windows, and fonts: without them all letters are boxes.
PACKAGES = ("chromium-headless-shell", "fonts-liberation", "fonts-dejavu-core")

# Helper scripts, and drivers of graphics cards: nothing is drawn on a screen.
NOT_NEEDED = "perl|debconf|systemd|mesa-libgallium|libllvm|libz3"

# Chromium looks for its files beside the program that runs, which is the loader: so that one is copied beside them.
# Its child processes are started through this script again.
START = """\
#!/bin/sh
# Made by scripts/browser_packages.py
export FONTCONFIG_FILE='{home}/fonts.conf'
exec '{program}/loader' --library-path '{libraries}' '{program}/chromium-headless-shell' \\
  --browser-subprocess-path="$0" --no-zygote "$@"
"""
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{home}/debian/usr/share/fonts</dir>
  <cachedir>{home}/font-cache</cachedir>
  <alias><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias>
</fontconfig>
"""


class BrowserNotFoundError(RuntimeError):
    """No browser can be had here; the message says what was tried and the way out."""


def find_browser() -> Path:
    """Return the program to run: Chromium on the PATH, else Debian's (115 MB to download at the first call).

    Raises BrowserNotFoundError.
    """
    for name in ON_THE_PATH:
        if program := shutil.which(name):
            return Path(program)
    start = BROWSER_HOME / "chromium"
    with locked(BROWSER_HOME / "unpack.lock"):
        try:
            if not (BROWSER_HOME / "debian").exists():
                print(
                    f"Fetching Chromium from Debian {SUITE} into {BROWSER_HOME} …", file=sys.stderr
                )
                unpack(PACKAGES, SUITE, BROWSER_HOME / "debian", NOT_NEEDED)
            _write_start(start)
        except DebianError as error:
            raise BrowserNotFoundError(
                f"No browser for the end-to-end tests: no `chromium` on the PATH; {error} Install one and try again."
            ) from error
    return start


def _write_start(start: Path) -> None:
    tree = BROWSER_HOME / "debian"
    program = tree / "usr" / "lib" / "chromium"
    shutil.copy(loader(tree), program / "loader")
    (BROWSER_HOME / "fonts.conf").write_text(FONTS.format(home=BROWSER_HOME))
    folders = f"{libraries(tree)}:{loader(tree).parent / 'pulseaudio'}"
    start.write_text(START.format(home=BROWSER_HOME, program=program, libraries=folders))
    start.chmod(0o755)
    done = subprocess.run([start, "--version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DebianError(f"the unpacked Chromium does not run ({done.stderr.strip()}).")


if __name__ == "__main__":
    try:
        print(find_browser())
    except BrowserNotFoundError as error:
        sys.exit(str(error))
