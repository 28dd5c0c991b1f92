#!/usr/bin/env bash
# Run all tests in an environment of their own; arguments go to pytest.
# DATASETTE chooses the version, as pip understands it: DATASETTE='datasette==1.0a41' tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."

datasette="${DATASETTE:-datasette}"
venv=".venv-tests-$(printf '%s' "$datasette" | tr -c 'A-Za-z0-9.' -)"
if ! cmp -s setup.py "$venv/setup.py.installed"; then
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --editable '.[test]' "$datasette"
    cp setup.py "$venv/setup.py.installed"
fi
# The commands that README shows must be found, as in an activated environment.
export PATH="$PWD/$venv/bin:$PATH"
exec "$venv/bin/python" -m pytest "$@"
