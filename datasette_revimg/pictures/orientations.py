"""The eight orientations of a picture: as it is, turned by quarters, and mirrored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .sizing import Size


@dataclass(frozen=True)
class Orientation:
    """A way to turn a picture: clockwise by ``degrees``, then mirrored left to right, or not."""

    degrees: int
    mirrored: bool

    @property
    def turned(self) -> int:
        """By how many degrees clockwise a picture is turned after it was mirrored, or not."""
        # Mirrored first, a picture is turned the other way round to look the same.
        return -self.degrees % 360 if self.mirrored else self.degrees

    @property
    def words(self) -> str:
        """What was done to a picture, as a person says it; empty for nothing."""
        done = ["mirrored"] if self.mirrored else []
        if self.turned:
            done.append(f"turned {self.turned}°")
        return " and ".join(done)

    @property
    def reverse(self) -> Orientation:
        """The one that undoes this."""
        return self if self.mirrored else Orientation(-self.degrees % 360, False)

    def of(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture uint8 (height, width, 3) turned in this way."""
        turned = np.rot90(picture, -self.degrees // 90)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)


UPRIGHT = Orientation(0, mirrored=False)

# All that differ from the picture as it is, in the order in which their codes are stored.
OTHERS = tuple(
    Orientation(degrees, mirrored)
    for mirrored in (False, True)
    for degrees in (0, 90, 180, 270)
    if mirrored or degrees
)


def other_orientations(picture: np.ndarray, size: Size) -> list[np.ndarray]:
    """Return a network's picture, uint8 (height, width, 3), in each of OTHERS.

    A network of one ``size`` (height, width) gets them squeezed to it.
    """
    turned = [orientation.of(picture) for orientation in OTHERS]
    return [fit(each, size) for each in turned] if size else turned


def fit(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture squeezed to the (height, width) of a network that takes only one size."""
    if picture.shape[:2] == size:
        return picture
    image = Image.fromarray(picture).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image)
