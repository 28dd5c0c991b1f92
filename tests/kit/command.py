"""Run the command line, and read what it stored."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from datasette_revimg.cli import revimg
from datasette_revimg.store import connection, reading


def run(*arguments: object, status: int = 0) -> Result:
    """Run ``datasette revimg``, which must exit with this status."""
    result = CliRunner().invoke(revimg, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def error_of(*arguments: object) -> str:
    """Return the only line on stderr of a command that must fail."""
    result = run(*arguments, status=1)
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    return line


def summary(text: str) -> str:
    """Return the last line, without the model and the speed."""
    return text.strip().splitlines()[-1].split(" (")[0]


def vectors(path: Path, table: str = "photos") -> dict[tuple[Any, ...], np.ndarray]:
    """Return the stored vectors of a table, by key."""
    with closing(connection.connect(path)) as conn:
        return {
            key: vector
            for keys, matrix in reading.vectors(conn, table)
            for key, vector in zip(keys, matrix, strict=True)
        }
