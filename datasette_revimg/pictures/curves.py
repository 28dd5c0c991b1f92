"""The picture of curves: one line for each series, on axes from 0 to 1, with a legend."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

# All in pixels; drawn at twice the size, so that lines are smooth.
_WIDTH, _HEIGHT = 720, 480
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 44, 24, 52
_SCALE = 2
_TEXT_SIZE = 14

# P. Wong's colours, "Color blindness", Nature Methods, 2011, that show on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")


def draw_curves(
    curves: Mapping[str, Sequence[float]],
    title: str,
    x_axis: str,
    x_values: Sequence[float],
    kind: str = "PNG",
) -> bytes:
    """Return curves as a picture of this kind, Pillow's name of a format.

    Each curve has a value from 0 to 1 for each of ``x_values``, which ascend.
    """
    image = Image.new("RGB", (_WIDTH * _SCALE, _HEIGHT * _SCALE), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_TEXT_SIZE * _SCALE)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_values[0]) / ((x_values[-1] - x_values[0]) or 1)
        left = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        return left * _SCALE, (_TOP + (1 - y) * (_HEIGHT - _TOP - _BOTTOM)) * _SCALE

    for tenth in range(0, 11, 2):
        left, height = place(x_values[0], tenth / 10)
        draw.line([(left, height), place(x_values[-1], tenth / 10)], "#dddddd", _SCALE)
        draw.text((left - 8 * _SCALE, height), f"{tenth / 10:.1f}", "#444444", font, "rm")
    for x in x_values[:: max(1, len(x_values) // 10)]:
        left, height = place(x, 0)
        draw.text((left, height + 8 * _SCALE), f"{x:g}", "#444444", font, "ma")
    middle = (_LEFT + _WIDTH - _RIGHT) / 2 * _SCALE
    draw.text((middle, (_HEIGHT - 6) * _SCALE), x_axis, "black", font, "md")
    draw.text((_LEFT * _SCALE, _TOP // 2 * _SCALE), title, "black", font, "lm")
    for number, (name, values) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [place(x, y) for x, y in zip(x_values, values, strict=True)]
        draw.line(points, colour, 3 * _SCALE, joint="curve")
        height = (_HEIGHT - _BOTTOM - 18 * (len(curves) - number)) * _SCALE
        line = [((_LEFT + 14) * _SCALE, height), ((_LEFT + 38) * _SCALE, height)]
        draw.line(line, colour, 3 * _SCALE)
        draw.text(((_LEFT + 46) * _SCALE, height), name, "black", font, "lm")
    small = image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, kind, lossless=True)
    return buffer.getvalue()
