#!/usr/bin/env bash
# Make .venv with the exact packages of requirements.txt. Called by the Makefile when that file has changed.
# Needs python3 >= 3.11; KPI_PYTHON names another one. Installs nothing into the system.
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

# A virtual environment gets pip from the `ensurepip` module, which Debian packs apart; else it has none.
make_venv() {
  local python=$1
  if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv --clear .venv
  elif "$python" -c 'import venv' 2>/dev/null; then
    "$python" -m venv --clear --without-pip .venv
  else
    echo "$python has no module venv: install it (Debian: apt-get install python3-venv) or name another Python in KPI_PYTHON." >&2
    exit 1
  fi
}

# pip of the virtual environment, or of the Python that made it, or Debian's.
pip_install() {
  local wheel
  if .venv/bin/python -c 'import pip' 2>/dev/null; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
  elif "$python" -c 'import pip' 2>/dev/null; then
    "$python" -m pip --python .venv/bin/python install --quiet --disable-pip-version-check "$@"
  else
    wheel=$("$python" scripts/pip_packages.py) || exit 1
    if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
      export PIP_CERT="${PIP_CERT:-$PWD/.local/pip/authorities.pem}"
    fi
    .venv/bin/python "$wheel/pip" install --quiet --disable-pip-version-check "$@"
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
