"""Small pictures, and databases with a table ``photos`` of them."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the bytes of a picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# By EXIF's orientation: the way from the upright picture to the pixels as they are stored.
_LAID_DOWN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def oriented(upright: Image.Image, orientation: int, kind: str, **options: object) -> bytes:
    """Return the file of a picture that is upright once it is turned as its EXIF says."""
    stored = upright.transpose(_LAID_DOWN[orientation]) if orientation != 1 else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(stored, kind, exif=exif, **options)


def mosaic(seed: int, kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    """Return the file of a mosaic of 4 × 3 colours, another one for every seed."""
    colours = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return encoded(Image.fromarray(colours).resize(size, Image.Resampling.NEAREST), kind)


def photos_database(file: Path, pictures: Mapping[int, bytes]) -> Path:
    """Create a database with a table ``photos`` of an ``id``, a ``title`` and an ``image``."""
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute("create table photos (id integer primary key, title text, image blob)")
        conn.executemany(
            "insert into photos values (?, ?, ?)",
            [(number, f"photo {number}", picture) for number, picture in pictures.items()],
        )
    return file
