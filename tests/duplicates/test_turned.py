"""Turned copies: each picture's orientations are embedded once, and every pair of them is found."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.duplicates import block_pairs, bounds, turned_chance
from datasette_revimg.duplicates.calibrate import Tools
from datasette_revimg.duplicates.compare import compare
from datasette_revimg.duplicates.find import Turned, find_duplicates
from datasette_revimg.duplicates.turned import compare_turned
from datasette_revimg.duplicates.turning import embed_orientations, missing
from datasette_revimg.errors import RevimgError
from datasette_revimg.pictures.orientations import OTHERS
from datasette_revimg.store import decisions, orientations, registry, statistics
from datasette_revimg.store.decisions import DIFFERENT, Decision
from datasette_revimg.vectors.calibration import RATES, Calibration
from datasette_revimg.vectors.rounded import round_vectors
from kit.near_copies import BLANK, add, hash_of, pictures, source_of
from kit.vector_tables import noise, photos

SEVEN = len(OTHERS)


def turn(conn, vectors, names=None):
    """Store vectors (7, D) of turned pictures by the rows' keys, as a network would make them."""
    source, embedded = source_of(conn)
    orientations.start(conn, source, embedded)
    hashes = [hash_of((names or {}).get(key, key)) for key in vectors]
    rounded = map(round_vectors, vectors.values())
    orientations.write(conn, source, embedded, list(zip(hashes, rounded, strict=True)))


def pairs_of(conn, minimum):
    """Return scores and what was done by the numbers of pictures, which are those of their rows."""
    source, embedded = source_of(conn)
    compared = compare(conn, source, embedded, 0.999)
    found = compare_turned(conn, source, embedded, compared, set(), minimum)
    number = {number: keys[0][0] for number, keys in compared.keys.items()}
    return {
        (number[a], number[b]): (score, OTHERS[done])
        for a, b, score, done in zip(
            found.first.tolist(),
            found.second.tolist(),
            found.scores.tolist(),
            found.done.tolist(),
            strict=True,
        )
    }


@pytest.mark.parametrize("minimum", [0.2, 0.35])
def test_all_pairs_of_a_brute_force_and_no_others(monkeypatch, minimum):
    monkeypatch.setattr(bounds, "CHUNK", 96)
    monkeypatch.setattr(orientations, "READ_AT_ONCE", 40)
    count = 150
    conn = photos()
    vectors = {(number,): vector for number, vector in enumerate(noise(count, seed=1), start=1)}
    turned = noise(SEVEN * count, seed=2).reshape(count, SEVEN, -1)
    add(conn, vectors)
    turn(conn, dict(zip(vectors, turned, strict=True)))
    found = pairs_of(conn, minimum)
    # Both pictures of a pair may be the turned one.
    upright = np.array(list(vectors.values()), np.float64)
    rounded = round_vectors(turned.reshape(SEVEN * count, -1)).vectors.astype(np.float64)
    cosines = (rounded @ upright.T).reshape(count, SEVEN, count)
    expected = {}
    for a in range(count):
        for b in range(a + 1, count):
            either = np.concatenate([cosines[a, :, b], cosines[b, :, a]])
            if either.max() >= minimum:
                best = int(either.argmax())
                done = OTHERS[best] if best < SEVEN else OTHERS[best - SEVEN].reverse
                expected[a + 1, b + 1] = either.max(), done
    assert len(expected) > 100
    assert found.keys() == expected.keys()
    for pair, (score, done) in expected.items():
        assert found[pair][0] == pytest.approx(score, abs=1e-9)
        assert found[pair][1] == done


def with_a_copy():
    """Rows 1 to 30; row 30 is row 3 turned by 90° clockwise, and 29 row 5 mirrored."""
    conn, vectors = photos(), {(n,): vector for n, vector in enumerate(noise(30, seed=3), start=1)}
    add(conn, vectors)
    turned = dict(zip(vectors, noise(SEVEN * 30, seed=4).reshape(30, SEVEN, -1), strict=True))
    ninety = next(n for n, each in enumerate(OTHERS) if each.words == "turned 90°")
    mirrored = next(n for n, each in enumerate(OTHERS) if each.words == "mirrored")
    turned[3,][ninety] = vectors[30,]
    turned[5,][mirrored] = vectors[29,]
    turn(conn, turned)
    return conn


def find(conn, **options):
    return find_duplicates(
        conn, *source_of(conn), 0.9, None, lambda key: None, turned=Turned(0.9), **options
    )


def test_groups_say_how_a_copy_is_turned():
    groups = find(with_a_copy()).groups
    assert [[member.key[0] for member in group] for group in groups] == [[3, 30], [5, 29]]
    assert [group[1].reasons for group in groups] == [
        "turned 90°, equal in all respects",
        "mirrored, equal in all respects",
    ]
    assert groups[0][1].score == pytest.approx(1, abs=0.02)


def test_it_is_the_copy_that_is_called_turned():
    conn = with_a_copy()
    decisions.record(
        conn,
        "photos",
        [Decision(hash_of((3,)), hash_of((30,)), decisions.SAME, keep=hash_of((30,)))],
        "root",
    )
    (best, other) = find(conn).groups[0]
    assert (best.key, other.key) == ((30,), (3,))
    assert other.reasons == "turned 270°, not the one that was chosen"


def test_without_orientations_none_is_found():
    conn = with_a_copy()
    assert find_duplicates(conn, *source_of(conn), 0.9, None, lambda key: None).groups == []


def test_decisions_and_conditions_hold():
    conn = with_a_copy()
    assert [g[0].key for g in find(conn, where="id not in (3, 4)").groups] == [(5,)]
    decisions.record(conn, "photos", [Decision(hash_of((5,)), hash_of((29,)), DIFFERENT)], None)
    assert [{member.key for member in group} for group in find(conn).groups] == [{(3,), (30,)}]


def test_similar_as_they_are_is_not_called_turned():
    """A symmetrical picture is similar to its copies in every orientation."""
    conn = photos()
    vector = noise(1, seed=5)[0]
    add(conn, {(1,): vector, (2,): vector})
    turn(conn, {key: np.repeat(vector[np.newaxis], SEVEN, axis=0) for key in ((1,), (2,))})
    ((_, other),) = find(conn).groups
    assert other.reasons == "equal in all respects"
    assert other.score == 1


def test_blank_pictures_are_in_no_pair():
    conn = photos()
    vectors = {(1,): noise(1, seed=6)[0], (2,): noise(1, seed=7)[0]}
    add(conn, vectors, small=BLANK)
    turn(conn, {(1,): np.repeat(vectors[2,][np.newaxis], SEVEN, axis=0)})
    assert find(conn).groups == []


def test_too_many_pairs(monkeypatch):
    monkeypatch.setattr(block_pairs, "MOST_PAIRS", 1)
    conn = with_a_copy()
    with pytest.raises(RevimgError, match=r"more than 1 pairs of 'photos' score 0\.9 or more when"):
        find(conn)


def test_chance_leaves_copies_out():
    """Of each picture, the nearest turned other: brute force; the copies' thumbnails are equal."""
    conn, count = photos(), 40
    vectors = dict(list(pictures(count).items()))
    add(conn, vectors)
    turned = noise(SEVEN * count, seed=8).reshape(count, SEVEN, -1)
    turn(conn, dict(zip(vectors, turned, strict=True)))
    source, embedded = source_of(conn)
    with pytest.MonkeyPatch.context() as patch:
        # All thumbnails of such a table show the same.
        patch.setattr("datasette_revimg.duplicates.chance.same_pixels", lambda a, b: False)
        chance = turned_chance.nearest_turned(
            conn, source, embedded, [(key, hash_of(key)) for key in vectors], seed=0
        )
    upright = np.array(list(vectors.values()), np.float64)
    rounded = round_vectors(turned.reshape(SEVEN * count, -1)).vectors
    cosines = (rounded @ upright.T).reshape(count, SEVEN, count).max(axis=1)
    cosines = np.maximum(cosines, cosines.T)
    np.fill_diagonal(cosines, -2)
    assert chance == pytest.approx(np.sort(cosines.max(axis=1)), abs=1e-5)
    every = turned_chance.nearest_turned(
        conn, source, embedded, [(key, hash_of(key)) for key in vectors], seed=0
    )
    assert len(every) == 0


def test_a_turned_copy_has_the_tier_of_turned_ones():
    calibration = Calibration(np.linspace(0.2, 0.4, 199, dtype=np.float32), {}, 199)
    conn = with_a_copy()
    found = find_duplicates(
        conn,
        *source_of(conn),
        0.9,
        Calibration(np.linspace(0.9, 1.1, 199, dtype=np.float32), {}, 199),
        lambda key: None,
        turned=Turned(0.9, calibration),
    )
    assert {group[1].tier for group in found.groups} == {"edited copy"}


def test_the_sample_can_vouch_for_every_tier():
    scores = np.linspace(0, 0.5, turned_chance.SAMPLE, dtype=np.float32)
    calibration = Calibration(scores, {}, len(scores))
    assert all(calibration.threshold(tier) is not None for tier in RATES)


def network(seen):
    """A network of any size: the colour of the upper left pixel, and whatever else."""

    def embed(arrays):
        seen.append(len(arrays))
        corners = np.array([array[0, 0] for array in arrays], np.float32)
        vectors = np.concatenate([corners, np.ones((len(arrays), 61))], axis=1)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    return embed


def embed(conn, read=lambda key: None, on_done=lambda done, total: None):
    seen: list[int] = []
    source, embedded = source_of(conn)
    todo = missing(conn, source, embedded)
    left_out = embed_orientations(
        conn, source, embedded, todo, Tools(read, network(seen), None), on_done
    )
    return len(todo), left_out, sum(seen)


def test_each_picture_is_turned_once():
    conn = photos()
    add(conn, dict(list(pictures(50).items())))
    # The same file again.
    add(conn, {(60,): noise(1, seed=0)[0]}, names={(60,): (1,)})
    before = statistics.stored_bytes(conn, "photos")
    assert embed(conn) == (50, 0, 50 * SEVEN)
    assert embed(conn) == (0, 0, 0)
    # A byte for each number, and four for each error.
    grown = statistics.stored_bytes(conn, "photos") - before
    assert grown == 50 * SEVEN * (source_of(conn)[1].dimension + 4)
    add(conn, {(3,): noise(1, seed=9)[0]}, names={(3,): "another picture"})
    assert embed(conn) == (1, 0, SEVEN)
    assert len(orientations.read_hashes(conn, source_of(conn)[1])) == 50


def test_a_run_that_is_stopped_goes_on_where_it_was():
    conn = photos()
    add(conn, dict(list(pictures(80).items())))

    def stop(done, total):
        assert total == 80
        if done == 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(conn, on_done=stop)
    assert embed(conn) == (16, 0, 16 * SEVEN)


def test_vectors_of_another_model_are_made_anew():
    conn = photos()
    add(conn, dict(list(pictures(5).items())))
    embed(conn)
    conn.execute("update _revimg_tables set weights_sha256 = 'ff'")
    assert embed(conn) == (5, 0, 5 * SEVEN)
    assert registry.require_embedded(conn, "photos").weights_sha256 == "ff"


def test_damaged_ones_are_made_anew():
    conn = photos()
    add(conn, dict(list(pictures(5).items())))
    embed(conn)
    conn.execute("update _revimg_photos_orientations set codes = x'00' where rowid = 1")
    conn.execute("update _revimg_photos_orientations set errors = null where rowid = 2")
    assert embed(conn)[0] == 2


def test_a_picture_that_can_not_be_turned():
    conn = photos()
    add(conn, {(1,): noise(1, seed=0)[0]}, small=b"no picture")
    assert embed(conn, read=lambda key: b"none either") == (1, 1, 0)
    assert find(conn).groups == []
