"""Overlays of heat: bright and clear where there is some."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from datasette_revimg.pictures.heat_overlay import draw_overlay

SIDE = 224


def read(overlay: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(overlay)) as image:
        assert image.format == "WEBP"
        assert image.mode == "RGBA"
        return np.asarray(image).astype(float)


def test_overlay():
    """Bright and clear over the heat, dark and dense away from it."""
    heat = np.zeros((7, 7), np.float32)
    heat[3, 1] = 0.5
    pixels = read(draw_overlay(heat, 0.5))
    # Cell 3, 1 is the 32 pixels from 96 and from 32.
    hot, cold = pixels[112, 48], pixels[112, 200]
    assert hot[:3].sum() > 500 > 100 > cold[:3].sum()
    assert hot[3] < cold[3] < 255
    # Half as hot beside a picture that is twice as hot.
    half = read(draw_overlay(heat, 1.0))[112, 48]
    assert cold[:3].sum() < half[:3].sum() < hot[:3].sum()


def test_overlay_without_heat():
    pixels = read(draw_overlay(np.zeros((7, 7), np.float32), 0.0))
    assert pixels[..., :3].max() < 40


def test_lightness_grows_evenly():
    """The colours can be told apart by their lightness alone."""
    ramp = np.tile(np.linspace(0, 1, 7, dtype=np.float32), (7, 1))
    row = read(draw_overlay(ramp, 1.0))[112, :, :3]
    luma = row @ [0.2126, 0.7152, 0.0722]
    steps = luma[16 : SIDE - 16 : 32]
    assert (np.diff(steps) > 8).all()
