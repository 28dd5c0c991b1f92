"""A database of simple shapes, some of them alike, embedded with the bundled network."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw

from kit.command import run
from kit.pictures import encoded

# By key: a shape, its left edge in pixels, and its colour.
SHAPES = {
    "red disc": ("ellipse", 10, "red"),
    "red disc, moved": ("ellipse", 14, "red"),
    "red disc, moved more": ("ellipse", 20, "red"),
    "blue box": ("rectangle", 10, "blue"),
    "blue box, moved": ("rectangle", 14, "blue"),
}


def drawing(name: str) -> bytes:
    """Return the file of one of the shapes."""
    shape, left, colour = SHAPES[name]
    image = Image.new("RGB", (96, 72), "white")
    getattr(ImageDraw.Draw(image), shape)((left, 12, left + 44, 56), fill=colour)
    return encoded(image)


def build(file: Path) -> Path:
    """Create and embed ``shapes``, whose row ``bad`` is no picture; ``plain`` isn't embedded."""
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute("create table shapes (id text primary key, shape text, image blob)")
        conn.executemany(
            "insert into shapes values (?, ?, ?)",
            [(name, shape, drawing(name)) for name, (shape, _, _) in SHAPES.items()],
        )
        conn.execute("insert into shapes values ('bad', 'none', x'00')")
        conn.execute("create table plain (id integer primary key)")
    run("embed", file, "shapes")
    return file
