"""The nearest other picture, copies left out."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.duplicates import chance
from datasette_revimg.duplicates.chance import nearest_others
from datasette_revimg.store import decisions, reading
from kit.near_copies import add, hash_of, source_of
from kit.pictures import encoded
from kit.scenes import scene
from kit.vector_tables import noise, photos

COUNT = 60


def small(seed):
    return encoded(scene(seed).resize((160, 120)), "WEBP")


@pytest.fixture
def table():
    """Pictures that have nothing in common, each with the thumbnail of another scene."""
    conn = photos()
    vectors = {(number,): vector for number, vector in enumerate(noise(COUNT, seed=1))}
    for key, vector in vectors.items():
        add(conn, {key: vector}, small=small(key[0]))
    return conn, vectors


def nearest(conn, same=()):
    source, _ = source_of(conn)
    pictures = reading.content_hashes(conn, source)
    return nearest_others(conn, source, pictures, 0, same)


def by_brute_force(vectors):
    matrix = np.array(list(vectors.values()), np.float64)
    cosines = matrix @ matrix.T
    np.fill_diagonal(cosines, -2)
    return np.sort(cosines.max(axis=1))


def test_of_different_pictures(table):
    conn, vectors = table
    assert nearest(conn) == pytest.approx(by_brute_force(vectors), abs=1e-6)


def test_copies_are_no_chance(table):
    """Rows 0 to 9 come again, smaller: the same pixels, nearly the same vector."""
    conn, vectors = table
    for number in range(10):
        copy = encoded(scene(number).resize((80, 60)), "WEBP", quality=60)
        vector = vectors[number,] + 0.02 * noise(1, seed=number)[0]
        add(conn, {(100 + number,): vector / np.linalg.norm(vector)}, small=copy)
    found = nearest(conn)
    assert len(found) == COUNT + 10
    assert found.max() == pytest.approx(by_brute_force(vectors).max(), abs=0.03)


def test_pairs_that_somebody_has_called_the_same(table):
    conn, vectors = table
    add(conn, {(100,): vectors[5,]}, small=small(500))
    assert nearest(conn).max() == pytest.approx(1)
    same = {decisions.ordered(hash_of((5,)), hash_of((100,)))}
    assert nearest(conn, same).max() == pytest.approx(by_brute_force(vectors).max(), abs=1e-6)


def test_a_sample_is_always_the_same(table, monkeypatch):
    conn, vectors = table
    monkeypatch.setattr(chance, "SAMPLE", 20)
    found = nearest(conn)
    assert len(found) == 20
    assert np.isclose(found[:, None], by_brute_force(vectors), atol=1e-6).any(axis=1).all()
    assert (nearest(conn) == found).all()


def test_blank_pictures_are_left_out(table):
    conn, vectors = table
    blank = encoded(scene(0).resize((1, 1)).resize((40, 30)), "WEBP")
    for number in range(100, 110):
        add(conn, {(number,): vectors[0,]}, small=blank)
    found = nearest(conn)
    assert found.max() == pytest.approx(by_brute_force(vectors).max(), abs=1e-6)
