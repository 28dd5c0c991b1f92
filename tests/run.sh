#!/usr/bin/env bash
# Run all tests in an environment of their own. Arguments go to pytest; a path may also be relative
# to tests/, as in ./tests/run.sh search/test_top_k.py
# DATASETTE chooses the version, as pip understands it: DATASETTE='datasette==1.0a41' ./tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/environment

datasette="${DATASETTE:-datasette}"
venv=".venv-tests-$(printf '%s' "$datasette" | tr -c 'A-Za-z0-9.' -)"
environment "$venv" "Installing $datasette, datasette-revimg and what its tests need into $venv, \
about 1 GB, once: this takes some minutes." --editable '.[test]' "$datasette"

arguments=()
for argument in "$@"; do
    path="${argument%%::*}"
    # Not every word: -k web is no folder.
    if [[ "$path" == */* || "$path" == *.py ]] && [[ ! -e "$path" && -e "tests/$path" ]]; then
        argument="tests/$argument"
    fi
    arguments+=("$argument")
done

# The commands that README shows must be found, as in an activated environment.
export PATH="$PWD/$venv/bin:$PATH"
exec "$venv/bin/python" -m pytest ${arguments[@]+"${arguments[@]}"}
