"""``embed --whiten``: a table's vectors are whitened by what is learnt from themselves."""

import re
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

import datasette_revimg
from datasette_revimg.errors import RevimgError
from datasette_revimg.store import comparisons, connection, registry, tables
from kit.colour_network import change, install_colours, plain
from kit.command import error_of, run, summary, vectors
from kit.pictures import mosaic, photos_database
from kit.tiny_network import Tiny
from kit.whitened import whitened as by_their_formula

ROWS = 1000


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A thousand pictures, embedded with a tiny network of 12 floats: database and network."""
    folder = tmp_path_factory.mktemp("whitening")
    tiny = Tiny(folder / "tiny.onnx", dimension=12)
    tiny.describe()
    tiny.save()
    pictures = {number: mosaic(number) for number in range(1, ROWS + 1)}
    database = photos_database(folder / "photos.db", pictures)
    run("embed", database, "photos", "--model", tiny.file, "-s")
    return database, tiny


@pytest.fixture
def tiny(built):
    return built[1]


@pytest.fixture
def database(built, tmp_path):
    return shutil.copy(built[0], tmp_path / "photos.db")


@pytest.fixture
def whitened(database, tiny):
    run("embed", database, "photos", "--model", tiny.file, "--whiten", "-s")
    return database


def record(database):
    with closing(connection.connect(database)) as conn:
        return registry.embedded(conn, "photos")


def by_formula(of, learnt_from):
    """Return the cosines of whitened vectors, as the signs of their axes are free."""
    rows = by_their_formula(of, learnt_from)
    return rows @ rows.T


def cosines(stored, keys):
    rows = np.stack([stored[key] for key in keys])
    return rows @ rows.T


def test_vectors_are_those_of_the_formula(database, tiny):
    before, record_before = vectors(database), record(database)
    result = run("embed", database, "photos", "--model", tiny.file, "--whiten")
    name, weights = record(database).model, record(database).weights_sha256
    # Whatever looks at one of the two knows that these vectors are others.
    assert weights.startswith(record_before.weights_sha256)
    assert weights != record_before.weights_sha256
    assert re.fullmatch(r"tiny\+whitened:[0-9a-f]{12}", name)
    assert result.stdout.startswith("photos: 0 embedded, 1000 unchanged, 0 failed, 0 removed (tiny")
    assert "photos: whitened, as learnt from 1,000 vectors" in result.stderr
    after = vectors(database)
    assert sorted(after) == sorted(before)
    plain_rows = np.stack(list(before.values()))
    assert cosines(after, before) == pytest.approx(by_formula(plain_rows, plain_rows), abs=3e-3)
    assert "whitened, as learnt from 1,000 of its vectors" in run("status", database).stdout


def test_new_rows_get_the_stored_whitening(whitened, built, tiny):
    old = vectors(whitened)
    name = record(whitened).model
    change(whitened, "insert into photos values (2001, 'new', ?)", mosaic(2001))
    result = run("embed", whitened, "photos", "--model", tiny.file, "-s")
    assert summary(result.stdout) == "photos: 1 embedded, 1000 unchanged, 0 failed, 0 removed"
    new = vectors(whitened)
    assert record(whitened).model == name
    assert all(np.array_equal(new[key], old[key]) for key in old)
    plain_rows = np.stack(list(vectors(built[0]).values()))
    rows = np.vstack([plain_rows, tiny.expected(mosaic(2001))])
    expected = by_formula(rows, plain_rows)
    assert cosines(new, [*old, (2001,)])[-1] == pytest.approx(expected[-1], abs=3e-3)


def test_only_replace_learns_anew(whitened, tiny):
    name, old = record(whitened).model, vectors(whitened)
    for number in range(3001, 3051):
        change(whitened, "insert into photos values (?, 'new', ?)", number, mosaic(number))
    result = run("embed", whitened, "photos", "--model", tiny.file, "--whiten")
    assert "learnt" not in result.stderr
    assert record(whitened).model == name
    assert np.array_equal(vectors(whitened)[(1,)], old[(1,)])
    result = run("embed", whitened, "photos", "--model", tiny.file, "--whiten", "--replace")
    assert "as learnt from 1,050 vectors" in result.stderr
    assert record(whitened).model not in (name, "tiny")


def test_without_it_vectors_are_what_they_were(whitened, built, tiny):
    run("embed", whitened, "photos", "--model", tiny.file, "--replace", "-s")
    assert record(whitened).model == "tiny"
    plain_vectors, again = vectors(built[0]), vectors(whitened)
    assert all(np.array_equal(again[key], plain_vectors[key]) for key in plain_vectors)
    with closing(sqlite3.connect(whitened)) as conn:
        assert not conn.execute(
            "select 1 from sqlite_master where name = '_revimg_photos_whitening'"
        ).fetchone()


def test_pictures_are_searched_with_as_rows_are(whitened, tiny, tmp_path):
    file = tmp_path / "query.png"
    file.write_bytes(mosaic(17))
    (match, second) = datasette_revimg.similar(whitened, "photos", file, k=2, model=str(tiny.file))
    assert match.row["id"] == 17
    assert match.score == pytest.approx(1, abs=1e-5)
    (neighbour,) = datasette_revimg.similar(whitened, "photos", 17, k=1)
    assert (neighbour.row["id"], neighbour.score) == (
        second.row["id"],
        pytest.approx(second.score, abs=1e-5),
    )


def test_too_few_rows_are_refused_before_anything_is_lost(database, tiny):
    change(database, "delete from photos where id > 990")
    before = vectors(database)
    for more in ((), ("--replace",)):
        error = error_of("embed", database, "photos", "--model", tiny.file, "--whiten", *more)
        assert "needs 1,000 of them: 'photos' has 990" in error
        assert "without --whiten" in error
    assert (record(database).model, len(vectors(database))) == ("tiny", len(before))


def test_files_are_too_few_before_their_table_is_made(tmp_path, tiny):
    (tmp_path / "a.png").write_bytes(mosaic(1))
    error = error_of(
        "embed", tmp_path / "new.db", "photos", tmp_path, "--model", tiny.file, "--whiten"
    )
    assert "'photos' has 1," in error
    with closing(sqlite3.connect(tmp_path / "new.db")) as conn:
        assert conn.execute("select name from sqlite_master").fetchall() == []


def test_failures_may_leave_too_few(database, tiny):
    change(database, "update photos set image = x'00' where id <= 5")
    result = run("embed", database, "photos", "--model", tiny.file, "--whiten", "-s", status=1)
    assert "'photos' has 995" in result.stderr.splitlines()[-1]
    assert (record(database).model, len(vectors(database))) == ("tiny", 995)


def test_other_vectors_are_never_mixed_in(whitened, tiny, tmp_path):
    other = Tiny(tmp_path / "other.onnx", dimension=12, seed=1)
    other.describe()
    before = vectors(whitened)
    error = error_of("embed", whitened, "photos", "--model", other.save())
    assert "--replace" in error
    narrow = Tiny(tmp_path / "narrow.onnx", dimension=5)
    narrow.describe()
    assert "--replace" in error_of("embed", whitened, "photos", "--model", narrow.save())
    error = error_of("embed", whitened, "photos", "--model", "vgg16-rmac")
    assert f"holds vectors of {record(whitened).model}" in error
    named = Tiny(tmp_path / "named.onnx", dimension=12)
    named.describe(name="a+whitened:0123456789ab")
    assert "whitened vectors" in error_of("embed", whitened, "photos", "--model", named.save())
    assert all(np.array_equal(vectors(whitened)[key], before[key]) for key in before)


@pytest.mark.parametrize(
    "damage",
    [
        "update _revimg_photos_whitening set matrix = zeroblob(length(matrix))",
        "update _revimg_photos_whitening set matrix = x'00'",
        "update _revimg_photos_whitening set mean = 'text'",
        "delete from _revimg_photos_whitening",
        "drop table _revimg_photos_whitening",
    ],
)
def test_a_damaged_whitening_is_no_whitening(whitened, tiny, tmp_path, damage):
    change(whitened, damage)
    file = tmp_path / "query.png"
    file.write_bytes(mosaic(17))
    for command in (
        ("embed", whitened, "photos", "--model", tiny.file, "--whiten"),
        ("similar", whitened, "photos", file, "--model", tiny.file),
    ):
        error = error_of(*command)
        assert "whitened with is damaged or gone" in error
        assert "embed --replace --whiten" in error
    assert "damaged or gone" in run("status", whitened).stdout
    # Rows have their vectors still.
    assert len(datasette_revimg.similar(whitened, "photos", 17, k=3)) == 3
    run("embed", whitened, "photos", "--model", tiny.file, "--replace", "--whiten", "-s")
    assert "learnt from 1,000" in run("status", whitened).stdout


def test_all_vectors_are_whitened_or_none(database, tiny):
    before = vectors(database)
    change(
        database,
        "create trigger stop before update on _revimg_photos when old.id = 900 "
        "begin select raise(abort, 'stopped'); end",
    )
    with pytest.raises((RevimgError, sqlite3.Error), match="stopped"):
        datasette_revimg.embed(database, "photos", model=str(tiny.file), whiten=True)
    after = vectors(database)
    assert record(database).model == "tiny"
    assert all(np.array_equal(after[key], before[key]) for key in before)
    change(database, "drop trigger stop")
    done = datasette_revimg.embed(database, "photos", model=str(tiny.file), whiten=True)
    assert (done.whitened, done.dimension) == (ROWS, 12)


def test_what_was_computed_from_the_vectors_goes(database, tiny):
    with closing(connection.connect(database)) as conn:
        source = tables.find(conn, "photos")
        comparisons.start(conn, source, registry.embedded(conn, "photos"), 0.5)
        assert comparisons.read_minimum(conn, registry.embedded(conn, "photos")) == 0.5
    run("embed", database, "photos", "--model", tiny.file, "--whiten", "-s")
    with closing(connection.connect(database)) as conn:
        assert comparisons.read_minimum(conn, registry.embedded(conn, "photos")) is None
        # Whitened cosines are around 0: a sample of pairs from before would say otherwise.
        (match,) = datasette_revimg.similar(database, "photos", 17, k=1)
        assert match.percentile > 90
        (last,) = datasette_revimg.similar(database, "photos", 17, k=ROWS)[-1:]
        assert last.score < 0
        assert last.percentile < 10


def test_forget_deletes_it(whitened):
    run("forget", whitened, "photos")
    with closing(sqlite3.connect(whitened)) as conn:
        names = [name for (name,) in conn.execute("select name from sqlite_master")]
    assert names == ["photos"]


def test_it_is_offered_where_it_can_be_learnt_well(tmp_path, tiny):
    pictures = {number: mosaic(number % 7) for number in range(1, 2001)}
    database = photos_database(tmp_path / "many.db", pictures)
    result = run("embed", database, "photos", "--model", tiny.file)
    assert "with --whiten, what these 2,000 pictures" in result.stderr
    change(database, "insert into photos values (2001, 'new', ?)", mosaic(8))
    assert "--whiten" not in run("embed", database, "photos", "--model", tiny.file, "-s").stderr
    run("embed", database, "photos", "--model", tiny.file, "--whiten")
    change(database, "insert into photos values (2002, 'new', ?)", mosaic(9))
    assert "--whiten" not in run("embed", database, "photos", "--model", tiny.file).stderr


def test_a_built_in_model_keeps_its_name_and_its_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(tmp_path / "models"))
    install_colours(tmp_path / "models")
    colours = np.random.default_rng(0).integers(0, 256, (ROWS, 3))
    pictures = {
        number: plain(f"rgb({red}, {green}, {blue})")
        for number, (red, green, blue) in enumerate(colours, start=1)
    }
    database = photos_database(tmp_path / "photos.db", pictures)
    run("embed", database, "photos", "--whiten", "-s")
    assert record(database).model.startswith("vgg16-fc2+whitened:")
    # Unit vectors of three numbers times a matrix lie on a sphere in three dimensions.
    assert record(database).dimension == 3
    change(database, "insert into photos values (2001, 'red', ?)", plain("red"))
    run("embed", database, "photos", "--labels", "--whiten", "--model", "vgg16-fc2", "-s")
    with closing(sqlite3.connect(database)) as conn:
        query = "select label from _revimg_photos_labels where id = 2001 order by score desc"
        assert conn.execute(query).fetchone() == ("tabby",)
    # Without --whiten, the name is that of other vectors.
    assert "+whitened:" in error_of("embed", database, "photos", "--model", "vgg16-fc2")
