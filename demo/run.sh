#!/usr/bin/env bash
# Draw two decks of cards, embed them, rank them and serve them. --no-serve stops before serving.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    "" | --no-serve) ;;
    *) echo "usage: demo/run.sh [--no-serve]" >&2; exit 2 ;;
esac

venv=.venv-demo
# Install again only when what has to be installed has changed: the second run works offline.
if ! cmp -s setup.py "$venv/setup.py.installed"; then
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable .
    cp setup.py "$venv/setup.py.installed"
fi

"$venv/bin/python" demo/build.py demo/out

if [ "${1:-}" != --no-serve ]; then
    echo "http://127.0.0.1:8001/cards/cards"
    exec "$venv/bin/datasette" serve demo/out/cards.db --metadata demo/metadata.json \
        --host 127.0.0.1 --port 8001
fi
