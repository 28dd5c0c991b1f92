"""Small pictures, and databases with a table ``photos`` of them."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the bytes of a picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


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
