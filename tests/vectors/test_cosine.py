"""Cosines of vectors' bytes, of every pair, and of a query made of several vectors."""

from __future__ import annotations

import math
import struct
import tracemalloc
from operator import mul

import numpy as np
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.vectors.cosine import blob_cosine, combine, cosine_matrix, unit_vector
from kit.clusters import unit


def blob(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def direction(angle: float) -> np.ndarray:
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def test_what_is_kept_from_other_rows_never_shows():
    """One function, asked about anything in any order, says what a new one would."""
    pool = [
        *(blob(*numbers) for numbers in np.random.default_rng(0).normal(size=(4, 3))),
        *(blob(1, 2), blob(0, 0, 0), blob(math.nan, 0, 1), b"", b"abc", None, "text", 1),
    ]

    def expected(a, b):
        if not (isinstance(a, bytes) and isinstance(b, bytes)):
            return None
        if len(a) != len(b) or not a or len(a) % 4:
            return None
        x, y = (struct.unpack(f"<{len(each) // 4}f", each) for each in (a, b))
        lengths = math.hypot(*x) * math.hypot(*y)
        if not 0 < lengths < math.inf:
            return None
        return pytest.approx(sum(map(mul, x, y)) / lengths, abs=1e-6)

    function = blob_cosine()
    order = np.random.default_rng(1).integers(0, len(pool), (3000, 2))
    for a, b in order:
        # Objects of their own, as SQLite makes them.
        copies = [bytes(bytearray(x)) if isinstance(x, bytes) else x for x in (pool[a], pool[b])]
        assert function(*copies) == expected(*copies)


def test_cosines_are_those_of_every_pair():
    vectors = unit(40)
    cosines = cosine_matrix(vectors)
    assert cosines.dtype == np.float32
    for row, first in enumerate(vectors.tolist()):
        for column, second in enumerate(vectors.tolist()):
            expected = sum(a * b for a, b in zip(first, second, strict=True))
            assert cosines[row, column] == pytest.approx(expected, abs=1e-6)
    assert (cosines == cosines.T).all()
    assert (np.diag(cosines) == 1).all()


def test_combine():
    between = combine([direction(0.2), direction(0.4)])
    assert between == pytest.approx(direction(0.3), abs=1e-6)
    away = combine([direction(0.3)], [direction(0.5)])
    # Turned away from 0.5, beyond 0.3, and still of length 1.
    assert math.atan2(away[1], away[0]) < 0.3
    assert np.linalg.norm(away) == pytest.approx(1, abs=1e-6)
    with pytest.raises(RevimgError, match="cancel out"):
        combine([direction(0.0), -direction(0.0)])


def test_unit_vector_of_a_blob():
    vector = unit_vector(blob(3, 0, -4), 3)
    assert vector.dtype == np.float32
    assert vector.tolist() == pytest.approx([0.6, 0, -0.8])


@pytest.mark.parametrize(
    "value",
    [None, "text", 1, b"", b"abc", blob(1), blob(1, 2, 3), blob(0, 0), blob(math.nan, 1),
     blob(math.inf, 1)],
)  # fmt: skip
def test_no_unit_vector(value):
    assert unit_vector(value, 2) is None


def test_what_is_too_long_for_an_embedding_is_not_held():
    """BLOBs of any size may be asked about by anybody who may run SQL."""
    cosine = blob_cosine()
    long = np.ones(1_000_000, np.float32).tobytes()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for size in range(20):
            part = bytes(bytearray(long)[: len(long) - 4 * size])
            assert cosine(part, part) is None
            other = bytes(bytearray(part))
            assert cosine(part, other) is None
            del part, other
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000
    edge = np.ones(65_536, np.float32).tobytes()
    assert cosine(edge, edge) == pytest.approx(1)
