"""Running the command, and small pictures to run it on."""

import io
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from datasette_revimg.cli import revimg
from datasette_revimg.store import connection, reading


def run(*arguments: object, status: int = 0):
    result = CliRunner().invoke(revimg, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def error_of(*arguments: object) -> str:
    result = run(*arguments, status=1)
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    return line


def summary(text: str) -> str:
    """The last line, without the speed."""
    return text.strip().splitlines()[-1].split(" (")[0]


def picture(seed: int, kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    """A little mosaic, different for every seed."""
    colours = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    image = Image.fromarray(colours).resize(size, Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def vectors(path: Path, table: str = "photos") -> dict:
    conn = connection.connect(path)
    return {
        key: vector
        for keys, matrix in reading.vectors(conn, table)
        for key, vector in zip(keys, matrix, strict=True)
    }
