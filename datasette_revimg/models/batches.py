"""Pictures of several shapes for a network that takes one shape at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .network import Batch

# Pictures uint8 (N, height, width, 3) → their vectors. One network today; anything else that turns
# a batch of pictures into vectors fits here too.
Encode = Callable[[np.ndarray], Batch]


def encode_shapes(encode: Encode, pictures: Sequence[np.ndarray]) -> Batch:
    """Return the results for pictures, uint8 (height, width, 3), in their order.

    ``encode`` is called once for each shape among them, with all pictures of that shape.
    """
    shapes: dict[tuple[int, ...], list[int]] = {}
    for place, picture in enumerate(pictures):
        shapes.setdefault(picture.shape, []).append(place)
    groups = list(shapes.values())
    parts = [encode(np.stack([pictures[place] for place in places])) for places in groups]
    order = np.argsort(np.concatenate(groups))
    vectors = np.concatenate([part.vectors for part in parts])[order]
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return Batch(vectors, np.concatenate(probabilities)[order] if probabilities else None)
