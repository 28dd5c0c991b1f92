"""``embed --labels``: ImageNet's classes, from a network whose answers are known."""

import numpy as np
import pytest

from datasette_revimg.models import labels
from datasette_revimg.store import connection, reading
from kit.colour_network import (
    CLASSES,
    RED_LIME_BLUE,
    change,
    embed,
    expected,
    install_colours,
    plain,
    schema,
    stored,
)
from kit.command import error_of, run


def test_names():
    names = labels.class_names()
    assert len(names) == 1000
    # Also for a reader who doesn't look at the case.
    assert len({name.lower() for name in names}) == 1000
    assert all(name == name.strip() != "" for name in names)
    for classes in CLASSES.values():
        assert {index: names[index] for index in classes} == classes


def test_best_of_equals_are_always_the_same():
    probabilities = np.zeros((2, 1000), np.float32)
    probabilities[1, 700:] = 0.5
    names = labels.class_names()
    assert labels.best(probabilities) == [
        [(name, 0.0) for name in names[:5]],
        [(name, 0.5) for name in names[700:705]],
    ]


def test_five_labels_of_each_picture(installed, coloured):
    assert embed(coloured, "photos", "--labels") == (
        "photos: 3 embedded, 0 unchanged, 0 failed, 0 removed"
    )
    assert stored(coloured) == RED_LIME_BLUE
    assert schema(coloured, "_revimg_photos_labels") == [
        ("id", "INTEGER", 1),
        ("label", "TEXT", 2),
        ("score", "REAL", 0),
    ]


def test_same_vectors_with_labels_and_without(installed, coloured):
    def vectors():
        return next(reading.vectors(connection.connect(coloured), "photos"))[1]

    embed(coloured, "photos", "--labels")
    with_labels = vectors()
    embed(coloured, "photos", "--replace")
    assert np.array_equal(vectors(), with_labels)
    assert not schema(coloured, "_revimg_photos_labels")


def test_mixed_colours(installed, coloured):
    """Scores are what the network says, in its own numbers."""
    change(coloured, "update photos set image = ? where id = 1", plain("#ff8000"))
    embed(coloured, "photos", "--labels")
    green = np.float32(128) / np.float32(255)
    assert stored(coloured)[(1,)] == [
        ("tabby", 0.5),
        ("maillot", pytest.approx(green * 0.5)),
        ("toilet tissue", 0.25),
        ("maillot tank suit", pytest.approx(green * 0.25)),
        ("tench", 0.125),
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_batches(installed, coloured, batch_size):
    embed(coloured, "photos", "--labels", "--batch-size", batch_size)
    assert stored(coloured) == RED_LIME_BLUE


def test_again_computes_nothing(installed, coloured):
    embed(coloured, "photos", "--labels")
    assert embed(coloured, "photos", "--labels") == (
        "photos: 0 embedded, 3 unchanged, 0 failed, 0 removed"
    )
    assert embed(coloured, "photos") == "photos: 0 embedded, 3 unchanged, 0 failed, 0 removed"
    assert stored(coloured) == RED_LIME_BLUE


def test_labels_later(installed, coloured):
    embed(coloured, "photos")
    assert not schema(coloured, "_revimg_photos_labels")
    first = embed(coloured, "photos", "--labels", "--limit", 2, "--batch-size", 1)
    assert first.startswith("photos: 2 embedded")
    assert stored(coloured) == {key: RED_LIME_BLUE[key] for key in [(1,), (2,)]}
    assert embed(coloured, "photos", "--labels") == (
        "photos: 1 embedded, 2 unchanged, 0 failed, 0 removed"
    )
    assert stored(coloured) == RED_LIME_BLUE


def test_changed_removed_and_failed_pictures(installed, coloured):
    embed(coloured, "photos", "--labels")
    change(coloured, "update photos set image = ? where id = 1", plain("blue", (41, 30)))
    change(coloured, "delete from photos where id = 2")
    change(coloured, "update photos set image = x'00' where id = 3")
    assert embed(coloured, "photos", "--labels") == (
        "photos: 1 embedded, 0 unchanged, 1 failed, 1 removed"
    )
    assert stored(coloured) == {(1,): expected("blue")}
    change(coloured, "update photos set image = null where id = 1")
    embed(coloured, "photos", "--labels", status=1)
    assert stored(coloured) == {}


def test_without_labels_no_stale_ones_stay(installed, coloured):
    embed(coloured, "photos", "--labels")
    change(coloured, "update photos set image = ? where id = 1", plain("lime", (8, 8)))
    change(coloured, "delete from photos where id = 2")
    assert embed(coloured, "photos") == "photos: 1 embedded, 1 unchanged, 0 failed, 1 removed"
    assert stored(coloured) == {(3,): expected("blue")}
    embed(coloured, "photos", "--labels")
    assert stored(coloured) == {(1,): expected("lime"), (3,): expected("blue")}


def test_one_transaction_with_the_vectors(installed, coloured):
    embed(coloured, "photos", "--labels")
    conn = connection.connect(coloured)
    before = reading.vector(conn, "photos", (1,))
    change(coloured, "update photos set image = ? where id = 1", plain("blue"))
    change(
        coloured,
        "create trigger full before insert on _revimg_photos_labels "
        "begin select raise(abort, 'no more labels'); end",
    )
    assert "no more labels" in error_of("embed", coloured, "photos", "--labels")
    assert np.array_equal(reading.vector(conn, "photos", (1,)), before)
    assert stored(coloured) == RED_LIME_BLUE


def test_bundled_network_has_no_classes(models_folder, coloured):
    error = error_of("embed", coloured, "photos", "--labels")
    assert error == (
        "Error: vgg16-rmac can't classify; --labels needs the whole network: run `datasette "
        "revimg install vgg16-fc2`, embed with --model vgg16-fc2, and with --replace if there are "
        "vectors already"
    )
    embed(coloured, "photos")
    install_colours(models_folder)
    error = error_of("embed", coloured, "photos", "--labels")
    assert "network: embed with --model vgg16-fc2, and with --replace" in error
    error = error_of("embed", coloured, "photos", "--labels", "--model", "vgg16-rmac")
    assert "can't classify" in error
    assert "vgg16-rmac" in run("status", coloured).stdout
    assert not schema(coloured, "_revimg_photos_labels")
    embed(coloured, "photos", "--labels", "--model", "vgg16-fc2", "--replace")
    assert stored(coloured) == RED_LIME_BLUE


def test_installed_weights_without_the_last_layer(models_folder, coloured):
    install_colours(models_folder, top=False)
    embed(coloured, "photos")
    for options in ([], ["--replace"]):
        error = error_of("embed", coloured, "photos", "--labels", *options)
        assert error == (
            "Error: the installed weights (colours) lack the last layer, which --labels needs: "
            "`datasette revimg install vgg16-fc2` installs weights that include it"
        )
    assert "3 of 3 rows embedded" in run("status", coloured).stdout
