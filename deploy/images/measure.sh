#!/usr/bin/env bash
# How big the control image is, without an engine: the instructions of control.Dockerfile, into a folder.
#     deploy/images/measure.sh [FOLDER]
# Takes Python 3.11 (PYTHON=…), a dashboard that is built (`make frontend`), a package index, and a minute. What it says
# is without the base image.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-python3}
folder=${1:-$(mktemp -d)}
test -d "$root/frontend/dist/dashboard" || { echo "The dashboard is not built: make frontend" >&2; exit 1; }
mkdir -p "$folder/app"

"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-cache-dir --no-compile --disable-pip-version-check \
    --only-binary=:all: --require-hashes -r "$root/requirements/control.lock"
# The context, as .dockerignore has it.
(cd "$root" && git ls-files -co --exclude-standard manage.py controlplane apps workers docs \
    | grep -vE '^docs/[^/]*\.py$|^(controlplane|apps|workers)/.*\.md$' | tar -cf - --files-from=-) | tar -xf - -C "$folder/app"
mkdir -p "$folder/app/frontend/dist"
cp -r "$root/frontend/dist/dashboard" "$folder/app/frontend/dist/"

cd "$folder/app"
export DJANGO_SETTINGS_MODULE=controlplane.settings.production PYTHONDONTWRITEBYTECODE=1 BEDPLATE_ENV_FILE='' \
    BEDPLATE_HOME="$folder/home" BEDPLATE_STATIC_FOLDER="$folder/static" \
    BEDPLATE_DATABASE_URL=postgresql://nobody@localhost/none BEDPLATE_REDIS_URL=redis://localhost \
    BEDPLATE_SECRET_KEY=only-for-collecting-static-files-in-this-stage \
    BEDPLATE_GATEWAY_TOKEN=only-for-collecting-static-files-in-this-stage
"$folder/venv/bin/python" manage.py collectstatic --noinput --verbosity 0
rm -r frontend docs/images
"$folder/venv/bin/python" "$root/deploy/images/slim.py"

for part in venv static app; do
    find "$folder/$part" -type f -printf '%s\n' | awk -v part=$part '{s += $1} END {printf "%-7s %6.1f MB\n", part, s / 1e6}'
done
find "$folder/venv" "$folder/static" "$folder/app" -type f -printf '%s\n' | awk '{s += $1} END {printf "%-7s %6.1f MB and the base image\n", "in all", s / 1e6}'
