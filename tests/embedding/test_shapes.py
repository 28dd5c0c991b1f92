"""Pictures of several shapes: a network takes one shape at a time, each row gets its own vector."""

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.models.batches import encode_shapes
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.network import Batch, Network
from datasette_revimg.pictures import decoding
from datasette_revimg.store import connection, reading
from kit.command import run
from kit.pictures import encoded, photos_database


def patches(seed: int, size: tuple[int, int]) -> bytes:
    colours = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return encoded(Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC))


def test_each_picture_gets_its_own_results():
    shapes = [(2, 3), (3, 2), (2, 3), (4, 4), (3, 2)]
    pictures = [np.full((*shape, 3), place, np.uint8) for place, shape in enumerate(shapes)]
    batches = []

    def encode(batch: np.ndarray) -> Batch:
        batches.append(batch.shape[:3])
        numbers = batch[:, 0, 0, :1].astype(np.float32)
        return Batch(numbers, probabilities=numbers + 10)

    result = encode_shapes(encode, pictures)
    assert result.vectors.ravel().tolist() == [0, 1, 2, 3, 4]
    assert result.probabilities.ravel().tolist() == [10, 11, 12, 13, 14]
    # One call a shape.
    assert sorted(batches) == [(1, 4, 4), (2, 2, 3), (2, 3, 2)]


def test_no_classes_where_there_are_none():
    pictures = [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8)]
    result = encode_shapes(lambda batch: Batch(np.ones((len(batch), 4), np.float32)), pictures)
    assert result.vectors.shape == (2, 4)
    assert result.probabilities is None


def test_rows_of_all_shapes(tmp_path):
    """Landscape, portrait, square and strip in turn, in one batch."""
    sizes = [(400, 300), (300, 400), (250, 250), (600, 90), (400, 300), (90, 600)]
    pictures = {key: patches(key, size) for key, size in enumerate(sizes, start=1)}
    database = photos_database(tmp_path / "photos.db", pictures)
    run("embed", database, "photos")
    network = Network(VGG16_RMAC.file, "cpu")
    conn = connection.connect(database)
    for key, data in pictures.items():
        array = decoding.decode(data, None).array
        (expected,) = network.embed(array[np.newaxis])
        assert reading.vector(conn, "photos", (key,)) == pytest.approx(expected, abs=1e-5)
    conn.close()
