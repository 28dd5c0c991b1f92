"""Camera RAW files: their largest preview is read, upright, with its date, or it says why not."""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import pytest
from PIL import ExifTags, Image

from datasette_revimg.pictures import decoding, opening, raw
from datasette_revimg.pictures.isolated import IsolatedDecoder
from datasette_revimg.pictures.opening import ImageError
from kit.command import run, summary
from kit.pictures import encoded, mosaic, oriented
from kit.raw_files import dng

SMALL, LARGE = (40, 30), (400, 300)


def halves(size: tuple[int, int]) -> Image.Image:
    """Return a picture that is red on the left and blue on the right."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return image


@pytest.fixture
def rawpy():
    return pytest.importorskip("rawpy", reason="rawpy is not installed")


@pytest.fixture
def absent(monkeypatch):
    """Work as without rawpy."""
    monkeypatch.setattr(raw, "available", lambda: False)
    opening.suffixes.cache_clear()
    yield
    opening.suffixes.cache_clear()


def test_the_largest_preview_is_read(rawpy):
    data = dng([(mosaic(1, "JPEG"), SMALL), (encoded(halves(LARGE), "JPEG"), LARGE)])
    picture = decoding.decode(data)
    assert (picture.width, picture.height, picture.format) == (*LARGE, "RAW")
    assert picture.taken == "2024-05-06T07:08:09"
    red, blue = picture.array[100, 50].astype(int), picture.array[100, 170].astype(int)
    assert red[0] > 240 > 20 > red[2]
    assert blue[2] > 240 > 20 > blue[0]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("own", [False, True])
def test_it_is_upright(rawpy, orientation, own):
    """A preview lies as the RAW file says, unless its own EXIF says how it lies."""
    upright = halves((300, 200))
    laid = oriented(upright, orientation, "JPEG", quality=95)
    if not own:
        bare = Image.open(io.BytesIO(laid))
        laid = encoded(Image.fromarray(np.asarray(bare)), "JPEG", quality=95)
    # One that says so itself must not be turned twice, nor as another says.
    data = dng([(laid, LARGE)], orientation=1 if own else orientation)
    picture = decoding.decode(data)
    assert (picture.width, picture.height) == (300, 200)
    assert picture.array[112, 30, 0] > 200 > 50 > picture.array[112, 30, 2]
    assert picture.array[112, 190, 2] > 200 > 50 > picture.array[112, 190, 0]


def test_the_preview_knows_its_date_best(rawpy):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2001:02:03 04:05:06"
    data = dng([(encoded(halves(LARGE), "JPEG", exif=exif), LARGE)])
    assert decoding.decode(data).taken == "2001-02-03T04:05:06"


def test_in_the_isolated_process(rawpy):
    data = dng([(encoded(halves(LARGE), "JPEG"), LARGE)], orientation=6)
    decoder = IsolatedDecoder()
    try:
        there, here = decoder.decode(data, (224, 224)), decoding.decode(data)
        assert (there.width, there.height, there.format) == (300, 400, "RAW")
        assert there.taken == here.taken
        assert np.array_equal(there.array, here.array)
        with pytest.raises(ImageError, match="without a preview"):
            decoder.decode(dng([]), (224, 224))
    finally:
        decoder.close()


def test_without_a_preview_or_damaged(rawpy):
    with pytest.raises(ImageError, match="a camera RAW file without a preview"):
        decoding.decode(dng([]))
    with pytest.raises(ImageError, match="camera RAW file that can't be read"):
        decoding.decode(b"FUJIFILMCCD-RAW 0201" + bytes(200))
    cut = dng([(encoded(halves(LARGE), "JPEG"), LARGE)])
    for seed in range(60):
        spoilt = bytearray(cut)
        for place in np.random.default_rng(seed).integers(0, len(cut), 5):
            spoilt[place] ^= 0xFF
        # No other error, whatever is wrong with it.
        with suppress(ImageError):
            assert decoding.decode(bytes(spoilt)).array.shape == (224, 224, 3)


def test_a_folder_of_them(rawpy, tmp_path):
    opening.suffixes.cache_clear()
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "a.DNG").write_bytes(dng([(mosaic(1, "JPEG"), SMALL)]))
    (folder / "b.nef").write_bytes(dng([]))
    result = run("embed", tmp_path / "new.db", "photos", folder)
    assert summary(result.stdout) == "photos: 1 embedded, 0 unchanged, 1 failed, 0 removed"
    assert "b.nef: a camera RAW file without a preview" in result.stderr


def test_without_rawpy_they_are_counted_and_named(absent, tmp_path):
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "a.png").write_bytes(mosaic(1))
    (folder / "b.NEF").write_bytes(dng([]))
    result = run("embed", tmp_path / "new.db", "photos", folder)
    assert "photos: 1 camera RAW file skipped: `datasette install rawpy`" in result.stderr
    with pytest.raises(ImageError, match="a camera RAW file, whose preview can be read with"):
        decoding.decode(b"FUJIFILMCCD-RAW 0201" + bytes(200))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (dng([]), True),
        (b"FUJIFILMCCD-RAW 0201", True),
        (b"\0\0\0\x18ftypcrx ", True),
        (b"II*\0\x10\0\0\0CR\2\0", True),
        (b"IIU\0\x18\0\0\0", True),
        (encoded(Image.new("RGB", (9, 9)), "TIFF"), False),
        (encoded(Image.new("I;16", (9, 9)), "TIFF"), False),
        (mosaic(1, "JPEG"), False),
        (mosaic(1), False),
        (b"II*\0\xff\xff\xff\xff", False),
        (b"MM\0*", False),
        (b"", False),
    ],
)
def test_what_is_raw(data, expected):
    assert raw.is_raw(data) is expected
