"""Pictures that hold too little to tell: blank ones, or almost of one colour."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .cost import webp_bytes
from .opening import ImageError, failure, open_picture
from .rgb import upright_rgb

# Standard deviation of the levels, of 255, in each channel. JPEG's noise on a blank sheet stays
# below 2; a page with one line of text has about 15.
_LEAST_DEVIATION = 4.0

# What decoding a thumbnail may take; one of 320 × 320 pixels takes a quarter of that.
_MAX_BYTES = 4 << 20

_LEVELS = np.arange(256)


def is_plain(data: bytes) -> bool:
    """Return whether a thumbnail, as WebP, is blank or almost of one colour.

    True as well of bytes that are no WebP, or none that is small: nothing can be told from them
    either, and what a database calls a thumbnail need not have been made here.
    """
    if not webp_bytes(data):
        return True
    try:
        image = open_picture(data, _MAX_BYTES)
        try:
            rgb = upright_rgb(image)
        except Exception as error:
            raise failure(error, image.format or "") from error
    except ImageError:
        return True
    return _deviation(rgb) < _LEAST_DEVIATION


def _deviation(rgb: Image.Image) -> float:
    """Return the largest standard deviation of the levels in a channel."""
    counts = np.asarray(rgb.histogram(), np.float64).reshape(3, 256)
    shares = counts / counts.sum(axis=1, keepdims=True)
    means = shares @ _LEVELS
    variances = shares @ _LEVELS**2 - means**2
    return float(np.sqrt(max(0.0, variances.max())))
