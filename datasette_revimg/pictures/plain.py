"""Pictures that hold too little to tell: blank ones, or almost of one colour."""

from __future__ import annotations

import numpy as np

from .opening import ImageError, failure, open_picture
from .rgb import upright_rgb

# Standard deviation of the levels, of 255, in each channel. JPEG's noise on a blank sheet stays
# below 2; a page with one line of text has about 15.
_LEAST_DEVIATION = 4.0


def is_plain(data: bytes) -> bool:
    """Return whether a small picture is blank or almost of one colour.

    True as well of one that can't be read: nothing can be told from it either.
    """
    try:
        image = open_picture(data)
        try:
            levels = np.asarray(upright_rgb(image), np.float32)
        except Exception as error:
            raise failure(error, image.format or "") from error
    except ImageError:
        return True
    return bool(levels.std(axis=(0, 1)).max() < _LEAST_DEVIATION)
