"""The pictures that a model of the user's own takes, and how to make them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pixels:
    """The form in which a model takes pictures.

    ``size`` is (height, width) in pixels. ``colour`` is the order of the channels, ``RGB`` or
    ``BGR``; ``mean`` and ``std``, for values from 0 to 1, are in the same order, and None for
    a model that takes the bytes as they are. ``layout`` is ``NCHW`` or ``NHWC``, ``dtype`` the
    input's. ``one_by_one``: the model takes a batch of exactly one picture.
    """

    size: tuple[int, int]
    colour: str
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    layout: str
    dtype: str
    one_by_one: bool

    @property
    def text(self) -> str:
        """The part of a vector's identity that isn't in the model's file.

        Equal settings always give equal text. Layout and type are in the file.
        """
        height, width = self.size
        parts = [f"{height}x{width}", self.colour]
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if numbers is not None:
                parts.append(f"{name}={','.join(map(repr, numbers))}")
        return " ".join(parts)


def prepare(pictures: np.ndarray, pixels: Pixels) -> np.ndarray:
    """Return pictures, uint8 (N, height, width, 3) RGB, in the form that the model takes.

    0..255 becomes ``(x / 255 - mean) / std``, unless the model takes bytes, in the model's
    order of channels; (N, 3, height, width) for NCHW, else (N, height, width, 3).
    """
    values = pictures[..., ::-1] if pixels.colour == "BGR" else pictures
    if pixels.mean is not None and pixels.std is not None:
        scaled = values / np.float32(255)
        values = (scaled - np.asarray(pixels.mean, np.float32)) / np.asarray(pixels.std, np.float32)
    if pixels.layout == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values, pixels.dtype)
