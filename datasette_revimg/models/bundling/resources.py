"""Take photographs out of Qt resource files: ``python -m ….bundling.resources``.

Debian's package gcompris-qt-data keeps some 270 photographs and paintings in ``.rcc`` files, among
drawings. A resource file holds WebP files as they are: each begins with RIFF and says its length.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import click
from PIL import Image

# Smaller pictures are icons, and pictures of fewer colours, of 64 × 64 pixels, drawings.
LEAST_SIDE = 200
LEAST_COLOURS = 1500
_SAMPLE = (64, 64)

# RIFF, the length of what follows, WEBP.
_HEADER = 12


def webp_files(data: bytes) -> Iterator[bytes]:
    """Yield the WebP files within the bytes of a resource file."""
    start = data.find(b"RIFF")
    while start >= 0:
        if data[start + 8 : start + _HEADER] == b"WEBP":
            length = int.from_bytes(data[start + 4 : start + 8], "little")
            yield data[start : start + 8 + length]
        start = data.find(b"RIFF", start + 4)


def is_photograph(data: bytes) -> bool:
    """Return whether a picture is large, opaque and of many colours."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if min(image.size) < LEAST_SIDE or image.has_transparency_data:
                return False
            small = image.convert("RGB").resize(_SAMPLE)
    except (OSError, ValueError):
        return False
    return len(small.getcolors(_SAMPLE[0] * _SAMPLE[1]) or ()) >= LEAST_COLOURS


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
def main(source: Path, output: Path) -> None:
    """Write the photographs in the .rcc files below SOURCE to the folder OUTPUT.

    Example:

        python -m datasette_revimg.models.bundling.resources photos/gcompris-qt-data photos/gcompris
    """
    output.mkdir(parents=True, exist_ok=True)
    number = 0
    for file in sorted(source.rglob("*.rcc")):
        for data in webp_files(file.read_bytes()):
            if is_photograph(data):
                (output / f"{file.stem}-{number:03}.webp").write_bytes(data)
                number += 1
    click.echo(f"{output}: {number} pictures")


if __name__ == "__main__":
    main()
