"""Photographs within resource files."""

import io

import numpy as np
from click.testing import CliRunner
from PIL import Image

from datasette_revimg.models.bundling import resources


def webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=90)
    return buffer.getvalue()


def colourful(side: int) -> Image.Image:
    """Draw a smooth picture of thousands of colours."""
    small = np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def test_takes_the_photographs_alone(tmp_path):
    transparent = colourful(240)
    transparent.putalpha(Image.linear_gradient("L").resize((240, 240)))
    photo = webp(colourful(240))
    others = [
        webp(colourful(120)),
        webp(Image.new("RGB", (240, 240), "red")),
        webp(transparent),
        b"RIFF\x04\0\0\0WAVEfmt ",
        photo[:100],
    ]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.rcc").write_bytes(b"qres\0RIFF" + photo + b"\0\0" + others[0])
    (tmp_path / "a.rcc").write_bytes(b"\1\2".join(others))
    result = CliRunner().invoke(resources.main, [str(tmp_path), str(tmp_path / "out")])
    assert result.output.endswith("out: 1 pictures\n")
    (written,) = (tmp_path / "out").iterdir()
    assert written.name == "b-000.webp"
    assert written.read_bytes() == photo
