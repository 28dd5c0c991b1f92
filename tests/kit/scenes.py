"""Pictures that the bundled network tells apart, and a database of them, embedded for real."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kit.command import run
from kit.pictures import encoded

COUNT = 12
SIZE = (320, 240)


def scene(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw soft colours with some shapes on them, different for every seed."""
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    image = Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = random.integers(0, size[0]), random.integers(0, size[1])
        width, height = random.integers(size[0] // 10, size[0] // 3, 2)
        shape = [draw.ellipse, draw.rectangle][random.integers(2)]
        shape(
            (int(x), int(y), int(x + width), int(y + height)),
            fill=tuple(map(int, random.integers(0, 256, 3))),
            outline=(0, 0, 0),
        )
    return image.filter(ImageFilter.GaussianBlur(size[0] / 400))


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """Return the bytes of a picture's file."""
    return encoded(image, kind, **({"quality": 92} if kind == "JPEG" else {}), **options)


def collage(seeds: list[int]) -> Image.Image:
    """Return four scenes as one: upper left, upper right, lower left, lower right."""
    width, height = SIZE
    whole = Image.new("RGB", (2 * width, 2 * height))
    for place, seed in enumerate(seeds):
        whole.paste(scene(seed), (place % 2 * width, place // 2 * height))
    return whole


def build(folder: Path) -> Path:
    """Create and embed a database of the scenes: ``photos`` holds BLOBs, ``files`` paths.

    The last row of ``photos`` is a collage of the scenes 1 to 4.
    """
    file = folder / "scenes.db"
    (folder / "in").mkdir()
    with sqlite3.connect(file) as conn:
        conn.executescript(
            """
            create table photos (id integer primary key, title text, colour text, picture blob);
            create table files (path text primary key, name text);
            """
        )
        for seed in range(1, COUNT + 1):
            picture = saved(scene(seed))
            (folder / "in" / f"{seed}.jpg").write_bytes(picture)
            colour = "red" if seed % 2 else "blue"
            conn.execute(
                "insert into photos values (?, ?, ?, ?)", [seed, f"Scene {seed}", colour, picture]
            )
            conn.execute("insert into files values (?, ?)", [f"in/{seed}.jpg", f"Scene {seed}"])
        conn.execute(
            "insert into photos values (?, 'Collage', 'all', ?)",
            [COUNT + 1, saved(collage([1, 2, 3, 4]))],
        )
    conn.close()
    for table in ("photos", "files"):
        run("embed", file, table, "-s")
    return file
