"""Embed one picture in several ways, to search a table with all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import RevimgError
from ..models.batches import encode_shapes
from ..models.network import Network
from ..pictures import looks
from ..pictures.decoding import Picture
from ..pictures.looks import AS_A_WHOLE, MIDDLE, SCALE, WINDOWS, Look, Ways
from ..pictures.orientations import fit
from ..pictures.region import Crop

# A scale → the picture, or the part of it that is searched with, decoded at this scale.
DecodeScaled = Callable[[int], Picture]


@dataclass(frozen=True)
class Looked:
    """A picture, the looks at it, and a unit vector for each, float32 (m, D)."""

    picture: Picture
    looks: list[Look]
    vectors: np.ndarray


def look(
    network: Network,
    model: str,
    decode: DecodeScaled,
    ways: Ways,
    crop: Crop | None = None,
) -> Looked:
    """Embed the picture that ``decode`` returns, in these ways (see ``pictures.looks``).

    ``crop`` is the part of the picture that ``decode`` returns an array of. The network is called
    once for each shape. Raises RevimgError when the network, called ``model``, can't take several
    pictures, or the picture is too small for its parts, unless the ways are ``as_possible``.
    """
    picture = decode(1)
    chosen = looks.looks(_possible(ways, picture, crop))
    larger = decode(SCALE).array if any(each.part for each in chosen) else None
    try:
        return Looked(picture, chosen, _encode(network, chosen, picture.array, larger))
    except RevimgError as error:
        if len(chosen) == 1:
            raise
        # What fails with one picture too has another reason.
        whole = looks.looks(AS_A_WHOLE)
        looked = Looked(picture, whole, _encode(network, whole, picture.array, None))
        if ways.any_turn or not ways.as_possible:
            raise RevimgError(
                f"{model} can’t be run on several pictures at a time, so a picture can’t be looked "
                "at in several ways, or turned: search with it as it is, or export the model with "
                "a free batch size"
            ) from error
        return looked


def _encode(
    network: Network, chosen: Sequence[Look], whole: np.ndarray, larger: np.ndarray | None
) -> np.ndarray:
    seen = looks.draw_looks(chosen, whole, larger)
    if network.size:
        seen = [fit(each, network.size) for each in seen]
    return encode_shapes(network.encode, seen).vectors


def _possible(ways: Ways, picture: Picture, crop: Crop | None) -> Ways:
    """Return the ways in which the picture can be seen.

    Raises RevimgError for parts of a small picture, unless the ways are ``as_possible``.
    """
    parts = [name for name in ways.names if name in (MIDDLE, WINDOWS)]
    problem = _part_problem(picture, crop, parts) if parts else None
    if problem is None:
        return ways
    if not ways.as_possible:
        raise RevimgError(problem)
    return replace(ways, names=tuple(name for name in ways.names if name not in parts))


def _part_problem(picture: Picture, crop: Crop | None, names: Sequence[str]) -> str | None:
    """Return why parts of the picture would show nothing that the whole doesn't, or None."""
    width, height = picture.width, picture.height
    if crop:
        left, upper, right, lower = crop.box((width, height))
        width, height = right - left, lower - upper
    least_height, least_width = picture.array.shape[:2]
    if width >= least_width and height >= least_height:
        return None
    return (
        f"the {'region' if crop else 'picture'} has {width:,} × {height:,} pixels, too few to "
        f"look at parts of it, which takes {least_width} × {least_height}: "
        f"leave {' and '.join(names)} out"
    )
