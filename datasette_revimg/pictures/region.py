"""A rectangular region of a picture, as addresses and forms name it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import RevimgError

# Units along each side of a picture: finer than anybody draws, and the same whatever its size.
SIDE = 1000


@dataclass(frozen=True)
class Crop:
    """A rectangle: its left upper corner, width and height.

    All are in thousandths of the upright picture's sides.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def text(self) -> str:
        """Return the rectangle as it stands in an address, ``x,y,width,height``."""
        return f"{self.x},{self.y},{self.width},{self.height}"

    def box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the left, upper, right and lower edge in a picture of ``size``.

        ``size`` is (width, height) in pixels, and so are the edges. The box is never empty.
        """
        left, right = _edges(self.x, self.width, size[0])
        upper, lower = _edges(self.y, self.height, size[1])
        return left, upper, right, lower


def _edges(start: int, length: int, side: int) -> tuple[int, int]:
    first = min(round(start * side / SIDE), side - 1)
    return first, max(first + 1, round((start + length) * side / SIDE))


def parse_region(text: str | None) -> Crop | None:
    """Return the region in ``x,y,width,height``, None for None.

    Raises RevimgError when the text isn't four whole numbers, or isn't a rectangle within the
    picture.
    """
    if text is None:
        return None
    parts = text.split(",")
    # No part has a sign, a space, a fraction, or more digits than a number up to SIDE needs.
    if len(parts) != 4 or not all(p.isascii() and p.isdigit() and len(p) <= 4 for p in parts):
        raise RevimgError(
            "_crop must be four whole numbers, x,y,width,height, in thousandths of the picture, "
            f"not {text!r}",
        )
    crop = Crop(*map(int, parts))
    if not crop.width or not crop.height:
        raise RevimgError(f"_crop must be at least 1 wide and 1 high, not {text!r}")
    if crop.x + crop.width > SIDE or crop.y + crop.height > SIDE:
        raise RevimgError(f"_crop must lie within the picture, 0 to {SIDE}, not {text!r}")
    return crop
