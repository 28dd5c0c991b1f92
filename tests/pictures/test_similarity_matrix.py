"""The picture of a similarity matrix."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures import similarity_matrix

VIRIDIS_FIRST, VIRIDIS_MIDDLE, VIRIDIS_LAST = (68, 1, 84), (33, 145, 140), (253, 231, 37)


def test_pixels_have_the_colours_of_their_cosines():
    cosines = np.array([[1, 0.9, 0.1], [0.9, 1, 0.5], [0.1, 0.5, 1]], np.float32)
    drawn = similarity_matrix.draw_matrix(cosines, 0.1, 0.9, "three")
    picture = Image.open(io.BytesIO(drawn))
    side = similarity_matrix.cell_side(3)

    def pixel(row: int, column: int):
        return picture.getpixel((24 + column * side + side // 2, 24 + row * side + side // 2))

    assert pixel(0, 2) == pixel(2, 0) == pytest.approx(VIRIDIS_FIRST, abs=4)
    assert pixel(1, 2) == pixel(2, 1) == pytest.approx(VIRIDIS_MIDDLE, abs=4)
    assert pixel(0, 1) == pytest.approx(VIRIDIS_LAST, abs=4)
    assert pixel(1, 1) == VIRIDIS_LAST
    assert picture.getpixel((2, 2)) == (255, 255, 255)
