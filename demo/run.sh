#!/usr/bin/env bash
# Draw two decks of cards, embed, rank and serve them; one teaches the other. --no-serve stops before serving.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/environment

case "${1:-}" in
    "" | --no-serve) ;;
    *) echo "usage: demo/run.sh [--no-serve]" >&2; exit 2 ;;
esac

venv=.venv-demo
environment "$venv" "Installing datasette-revimg and its dependencies into $venv, about 750 MB, \
once: this takes a minute or two." --editable '.[teach]'

"$venv/bin/python" demo/build.py demo/out

if [ "${1:-}" != --no-serve ]; then
    echo "http://127.0.0.1:8001/cards/cards"
    exec "$venv/bin/datasette" serve demo/out/cards.db --metadata demo/metadata.json \
        --host 127.0.0.1 --port 8001
fi
