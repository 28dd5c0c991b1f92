"""The types of the public Python functions, for mypy alone: the check command reads this file.

With ``strict``, an ignored error that doesn't occur is an error itself, so every line that is
marked must be wrong, and in the way that it says.
"""

import sqlite3
from pathlib import Path
from typing import Any, assert_type

import numpy as np

import datasette_revimg
from datasette_revimg import Match, RevimgError, Summary, connect, embed, similar

assert_type(datasette_revimg.__version__, str)
assert_type(connect("photos.db"), sqlite3.Connection)
assert_type(connect(Path("photos.db")), sqlite3.Connection)

summary = embed("photos.db", "photos", "Pictures", Path("more"), model="vgg16-rmac", limit=10)
assert_type(summary, Summary)
assert_type(summary.embedded, int)
assert_type(summary.model, str)
assert_type(summary.rate, float)

matches = similar("photos.db", "photos", "beach.jpg", k=3, minimum=0.8)
assert_type(matches, list[Match])
assert_type(matches[0].score, float)
assert_type(matches[0].percentile, float | None)
assert_type(matches[0].tier, str | None)
assert_type(matches[0].key, tuple[Any, ...])
assert_type(matches[0].row, dict[str, Any])
similar("photos.db", "photos", 7, where="year > :year", parameters={"year": 1990})
similar("photos.db", "photos", ("a", 1), minimum="99.9%")
similar("photos.db", "photos", Path("query.jpg"), device="cpu", threads=2)
similar("photos.db", "photos", np.ones(1024, np.float32))

error: Exception = RevimgError("…")

connect()  # type: ignore[call-arg]
connect("photos.db", create=True)  # type: ignore[call-arg]
embed("photos.db")  # type: ignore[call-arg]
embed("photos.db", "photos", paths=["Pictures"])  # type: ignore[call-arg]
embed("photos.db", "photos", limit="10")  # type: ignore[arg-type]
similar("photos.db", "photos")  # type: ignore[call-arg]
similar("photos.db", "photos", "beach.jpg", 3)  # type: ignore[call-arg]
similar("photos.db", "photos", b"beach.jpg")  # type: ignore[arg-type]
similar("photos.db", "photos", "beach.jpg", k="3")  # type: ignore[arg-type]
summary.embedded = 3  # type: ignore[misc]
matches[0].score = 1.0  # type: ignore[misc]
datasette_revimg.search_similar  # type: ignore[attr-defined]  # noqa: B018
