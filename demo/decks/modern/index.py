"""The rank in the corner of a modern card, in a bold grotesque."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from ..drawing.brush import Brush, Colour
from ..drawing.cards import label

BOLD_WIDTH, BOLD_HEIGHT = 11, 9.4


def draw_index(brush: Brush, rank: str, colour: Colour, middle: float, top: float) -> None:
    """Draw the rank in bold type, below a line and around an upright axis of the card."""
    width, height = round(BOLD_WIDTH * brush.scale), round(BOLD_HEIGHT * brush.scale)
    text = label(rank)
    font = ImageFont.load_default(size=200)
    weight = 9
    x0, y0, x1, y1 = font.getbbox(text, stroke_width=weight)
    sign = Image.new("L", (round(x1 - x0), round(y1 - y0)))
    ImageDraw.Draw(sign).text((-x0, -y0), text, fill=255, font=font, stroke_width=weight)
    fitted = min(width, round(sign.width * height / sign.height))
    sign = sign.resize((fitted, height), Image.Resampling.LANCZOS)
    place = (round(middle * brush.scale - fitted / 2), round(top * brush.scale))
    brush.image.paste(colour, place, sign)
