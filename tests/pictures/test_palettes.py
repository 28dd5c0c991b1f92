"""Colour scales: their lightness, measured."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.pictures import palettes


def test_palette_gets_lighter_in_equal_steps():
    """Perceptually uniform: L* of CIELAB rises steadily, from about 15 to about 91."""
    linear = palettes.steps(palettes.VIRIDIS) / 255.0
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16
    assert lightness[0] == pytest.approx(15, abs=1)
    assert lightness[-1] == pytest.approx(91, abs=1)
    steps = np.diff(lightness[::16])
    assert steps.min() > 0.75 * steps.mean()
    assert steps.max() < 1.25 * steps.mean()
