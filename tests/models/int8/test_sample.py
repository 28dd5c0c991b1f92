"""Pictures to calibrate and to measure with."""

import numpy as np
import pytest

from datasette_revimg.errors import TooFewPicturesError
from datasette_revimg.models.int8 import sample
from datasette_revimg.pictures import decoding
from kit.pictures import mosaic


def test_generated_pictures_are_the_same_every_time_and_all_different():
    first, again = sample.generated_pictures(3), sample.generated_pictures(4)
    assert first.shape == (3, 224, 224, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again[:3])
    assert len(np.unique(again.reshape(4, -1), axis=0)) == 4


def test_generated_pictures_are_as_contrasty_as_photographs_at_every_scale():
    """Halved, a picture of nature has the same contrast between neighbours; noise loses half."""
    whole = sample.generated_pictures(6).astype(float)
    halves = whole.reshape(6, 112, 2, 112, 2, 3).mean(axis=(2, 4))
    steps = [np.abs(np.diff(maps, axis=2)).mean() for maps in (whole, halves)]
    assert 0.9 < steps[1] / steps[0] < 2


def test_own_pictures_come_from_everywhere_in_the_folder(tmp_path):
    for number in range(48):
        folder = tmp_path / str(number % 3)
        folder.mkdir(exist_ok=True)
        (folder / f"{number:02}.png").write_bytes(mosaic(number))
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    files = sample.picture_files(tmp_path)
    assert len(files) == 49
    pictures = sample.own_pictures(tmp_path, 25)
    # Every second of 49, of which the last is damaged.
    assert len(pictures) == 24
    assert np.array_equal(pictures[1], decoding.decode(files[2].read_bytes()).array)


def test_too_few_pictures(tmp_path):
    (tmp_path / "1.png").write_bytes(mosaic(1))
    with pytest.raises(TooFewPicturesError, match="has 1 pictures that can be read; at least 24"):
        sample.own_pictures(tmp_path)
