#!/usr/bin/env bash
# Make .venv with the exact packages of requirements.txt. Called by the Makefile when that file has changed.
# Needs python3 >= 3.11; KPI_PYTHON names another one. Installs nothing into the system, except python3-venv
# when Python comes without pip and venv, we are root and apt is there: then it says so.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
  local candidate
  for candidate in "${KPI_PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "No Python >= 3.11 on the PATH: install one (Debian: apt-get install python3 python3-venv) or name it in KPI_PYTHON." >&2
  exit 1
}

# A virtual environment gets pip from the `ensurepip` module, which Debian packs apart; or the system's pip fills it.
make_venv() {
  local python=$1
  if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv --clear .venv
  elif "$python" -c 'import venv, pip' 2>/dev/null; then
    "$python" -m venv --clear --without-pip .venv
  elif [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing the system package python3-venv: this Python can't make virtual environments." >&2
    apt-get install -y -q python3-venv >&2 || { apt-get update -q >&2 && apt-get install -y -q python3-venv >&2; }
    "$python" -m venv --clear .venv
  else
    echo "This Python can't make virtual environments: run \`sudo apt-get install python3-venv\`, then try again." >&2
    exit 1
  fi
}

# pip of the virtual environment, or of the Python that made it.
pip_install() {
  if .venv/bin/python -c 'import pip' 2>/dev/null; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
  else
    "$python" -m pip --python .venv/bin/python install --quiet --disable-pip-version-check "$@"
  fi
}

# Two commands at once must not both build it.
mkdir -p .local
exec 9>.local/setup.lock
flock 9

python=$(find_python)
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  make_venv "$python"
fi

uv_pin=$(grep '^uv==' requirements.txt)
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "${uv_pin#uv==}" ]; then
  pip_install "$uv_pin"
fi

export UV_CACHE_DIR="${UV_CACHE_DIR:-$PWD/.local/cache/uv}"
echo "Installing $(grep -c == requirements.txt) pinned packages into .venv …" >&2
# The list is complete, so neither tool resolves anything: uv for speed; pip where only pip is set up to reach a registry.
if ! .venv/bin/uv pip sync --quiet --python .venv/bin/python --compile-bytecode requirements.txt; then
  echo "uv could not install them; trying pip (about a minute) …" >&2
  pip_install --no-deps --requirement requirements.txt
fi
