"""The pictures that the bundled network was calibrated on and measured with."""

import numpy as np
from PIL import Image

from datasette_revimg.models.bundling import photographs
from datasette_revimg.pictures import decoding
from kit.pictures import mosaic


def test_photographs_in_order_and_without_links(tmp_path):
    """The second folder's come second, whatever it is called."""
    folders = [tmp_path / "z", tmp_path / "a"]
    for folder in folders:
        (folder / "deep").mkdir(parents=True)
        for name in ("2.png", "1.PNG", "deep/0.png"):
            (folder / name).write_bytes(mosaic(1))
        (folder / "notes.txt").write_text("no picture")
        (folder / "3.png").symlink_to(folder / "2.png")
    names = ["1.PNG", "2.png", "deep/0.png"]
    expected = [folder / name for folder in folders for name in names]
    assert photographs.photographs(folders) == expected


def test_quarters(tmp_path):
    """Each quarter has the colour of its corner, and the aspect of a quarter."""
    photo = np.zeros((300, 600, 3), np.uint8)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    for (top, left), colour in zip([(0, 0), (0, 300), (150, 0), (150, 300)], colours, strict=True):
        photo[top : top + 150, left : left + 300] = colour
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file)
    whole, *quarters = photographs.quartered(file)
    assert np.array_equal(whole, decoding.decode(file.read_bytes(), None).array)
    for quarter, colour in zip(quarters, colours, strict=True):
        assert quarter.shape == (160, 320, 3)
        assert (quarter == colour).all()


def test_calibration_pictures_are_the_same_every_time(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(mosaic(number))
    files = photographs.photographs([tmp_path])
    first, again = (
        list(photographs.calibration_batches(files, np.random.default_rng(1))) for _ in range(2)
    )
    assert [len(batch) for batch in first] == [15, 3]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert np.array_equal(first[1][0], photographs.read(files[5]))
