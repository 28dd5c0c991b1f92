"""Pictures that are decoded in a process of their own, and what they can't do there."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.isolated import IsolatedDecoder, Limits
from datasette_revimg.pictures.opening import ImageError
from datasette_revimg.pictures.region import Crop

SIZE = (224, 224)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int = 640, height: int = 480) -> Image.Image:
    return Image.effect_noise((width, height), 60).convert("RGB")


GOOD = encoded(noise(), "JPEG")


@pytest.fixture
def decoder():
    decoder = IsolatedDecoder()
    yield decoder
    decoder.close()


@pytest.mark.parametrize("crop", [None, Crop(100, 200, 300, 400)])
def test_the_same_picture_as_in_this_process(decoder, crop):
    there, here = decoder.decode(GOOD, (96, 64), crop), decoding.decode(GOOD, (96, 64), crop)
    assert there.array.dtype == np.uint8
    assert np.array_equal(there.array, here.array)
    assert there.thumbnail == here.thumbnail
    assert (there.width, there.height, there.format, there.taken) == (640, 480, "JPEG", None)
    assert decoder.draw_rendition(GOOD, 200) == decoding.draw_rendition(GOOD, 200)


def test_larger_than_the_network_takes_it(decoder):
    there, here = decoder.decode(GOOD, None, scale=2), decoding.decode(GOOD, None, scale=2)
    assert there.array.shape == (2 * 224, 2 * 320, 3)
    assert np.array_equal(there.array, here.array)


def test_the_same_errors_as_in_this_process(decoder):
    for data in (b"", b"no picture", GOOD[:300]):
        with pytest.raises(ImageError) as here:
            decoding.decode(data, SIZE)
        with pytest.raises(ImageError) as there:
            decoder.decode(data, SIZE)
        assert str(there.value) == str(here.value)
    assert decoder.decode(GOOD, SIZE).width == 640
    assert decoder.is_picture(GOOD)
    assert decoder.is_picture(GOOD[: len(GOOD) // 2])
    assert not decoder.is_picture(b"no picture")


# Some kilobytes that take seconds to decode.
SLOW = encoded(
    Image.new("RGB", (5500, 5500)), "JPEG2000", quality_mode="rates", quality_layers=[2000]
)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(cpu_seconds=0.01, memory_bytes=4 << 30), "takes more than 0.01 seconds"),
        (Limits(wall_seconds=0.2, memory_bytes=4 << 30), "did not end within 0.2 seconds"),
    ],
)
def test_what_takes_too_long_costs_its_picture_only(limits, reason):
    decoder = IsolatedDecoder(limits)
    for _ in range(2):
        with pytest.raises(ImageError, match=reason):
            decoder.decode(SLOW, SIZE)
    decoder.close()


def test_a_picture_that_wants_more_memory_than_there_is():
    decoder = IsolatedDecoder(Limits(memory_bytes=150 << 20))
    with pytest.raises(ImageError):
        decoder.decode(SLOW, SIZE)
    assert decoder.decode(GOOD, SIZE).width == 640
    decoder.close()


def test_other_threads_go_on_while_a_decoder_is_busy():
    """Pillow's JPEG 2000 decoder holds the interpreter's lock all the time."""
    decoder = IsolatedDecoder(Limits(memory_bytes=4 << 30))
    decoder.decode(GOOD, SIZE)
    thread = threading.Thread(target=decoder.decode, args=(SLOW, SIZE))
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.001)
        turns += 1
    decoder.close()
    # In this process it would be one turn of several seconds.
    assert turns > 50


def test_noise_of_the_libraries_reaches_nobody():
    tiff = bytearray(encoded(noise(300, 300).convert("1"), "TIFF", compression="group4"))
    tiff[60:600] = b"\xff" * 540
    code = (
        "import sys; from datasette_revimg.pictures.isolated import IsolatedDecoder\n"
        "decoder = IsolatedDecoder()\n"
        "try: decoder.decode(sys.stdin.buffer.read(), (224, 224))\n"
        "except ValueError: pass\n"
        "decoder.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=bytes(tiff), capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")


def test_nothing_is_decoded_after_the_end(decoder):
    decoder.close()
    with pytest.raises(ImageError, match="ending"):
        decoder.decode(GOOD, SIZE)
