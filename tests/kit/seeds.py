"""Small whole files to damage: a picture in every format, weights in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from datasette_revimg.models.vgg16.architecture import conv_shapes
from datasette_revimg.pictures.opening import formats
from kit.pictures import encoded, oriented
from kit.vgg16_arrays import numbered
from kit.weight_files import LITTLE, write_little


def pictures() -> dict[str, bytes]:
    """Return files of small pictures: every format that can be read here, and its kinds."""
    colours = np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    image = Image.fromarray(colours)
    palette = image.quantize(16)
    files = {kind: encoded(image, kind) for kind in formats() if kind != "GIF"}
    frames = [palette, palette.rotate(180)]
    return {
        **files,
        "GIF": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "JPEG, progressive": encoded(image, "JPEG", progressive=True),
        "JPEG, turned": oriented(image, 6, "JPEG"),
        "PNG, palette": encoded(palette, "PNG", transparency=0),
        "PNG, 16 bits": encoded(image.convert("I;16"), "PNG"),
        "TIFF, LZW": encoded(image, "TIFF", compression="tiff_lzw"),
        "TIFF, fax": encoded(image.convert("1"), "TIFF", compression="group4"),
        "WEBP, lossless": encoded(image.convert("RGBA"), "WEBP", lossless=True),
    }


def weights(folder: Path) -> dict[str, bytes]:
    """Return weight files of every format, written in ``folder``.

    They have all of VGG16's tensors, each of them too small: the largest file has 20 KB.
    """
    arrays = numbered(dict.fromkeys(conv_shapes(), (3, 3, 1, 2)))
    return {kind: write_little(kind, folder / kind, arrays).read_bytes() for kind in LITTLE}
