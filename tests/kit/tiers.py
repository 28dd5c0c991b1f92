"""Tiers that are known beforehand: a calibration by hand, and pictures that hold enough to tell."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from datasette_revimg.store import calibrations, registry
from datasette_revimg.vectors.calibration import Calibration
from kit.scenes import saved, scene

# Of 1,999 pictures, none scores above .97 by chance, 18 above .9 and 198 above .5: with two more,
# the rates of 1, 10 and 100 in 1,000.
CHANCE = [0.5] * 1801 + [0.9] * 180 + [0.97] * 18

# Row 3 has the same file as row 1, and row 6 is of one colour. The others by their angle to row 1:
# the cosines of 1°, 16° and 25°, 36° and 49° are 0.9998, 0.96 and 0.91, 0.81 and 0.66.
TIERS = {
    8: "same picture",
    3: "same file",
    6: None,
    10: "edited copy",
    5: "edited copy",
    12: "similar",
    9: "similar",
    2: None,
    11: None,
    7: None,
    4: None,
}
PLAIN = 6


def calibrate(file: Path, table: str, chance: list[float] | None = None) -> None:
    """Calibrate a table with what its pictures score by chance."""
    with closing(sqlite3.connect(file)) as conn:
        embedded = registry.embedded(conn, table)
        assert embedded
        scores = np.sort(np.array(CHANCE if chance is None else chance, np.float32))
        calibrations.write(conn, embedded, Calibration(scores, {"mirrored": scores}, len(scores)))


def build(file: Path) -> Path:
    """Give the photos of known angles pictures that hold enough to tell, and calibrate them."""
    with closing(sqlite3.connect(file)) as conn, conn:
        ids = [key for (key,) in conn.execute("select id from _revimg_photos_thumbnails")]
        conn.executemany(
            "update _revimg_photos_thumbnails set thumbnail = ? where id = ?",
            [(saved(scene(number), "WEBP"), number) for number in ids if number != PLAIN],
        )
        conn.execute(
            "update _revimg_photos set content_hash = "
            "(select content_hash from _revimg_photos where id = 1) where id = 3"
        )
    calibrate(file, "photos")
    return file
