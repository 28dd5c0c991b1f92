"""Pictures of things with strong edges on plain ground, for heat maps."""

import numpy as np

SIDE = 224
OBJECT = 90


def texture(seed: int) -> np.ndarray:
    """Draw a thing with strong edges of all directions: overlapping rings and bars."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:OBJECT, :OBJECT]
    levels = np.zeros((OBJECT, OBJECT, 3))
    for _ in range(5):
        cx, cy, period, angle = rng.uniform((10, 10, 9, 0), (80, 80, 18, np.pi))
        rings = np.sin(np.hypot(x - cx, y - cy) * 2 * np.pi / period) > 0
        bars = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period) > 0
        levels += (rings ^ bars)[..., None] * rng.uniform(20, 70, 3)
    return np.clip(levels, 0, 255).astype(np.uint8)


def scene(thing: np.ndarray, left: int, ground: int) -> np.ndarray:
    """Put the thing on plain ground, in the middle of the height."""
    picture = np.full((SIDE, SIDE, 3), ground, np.uint8)
    top = (SIDE - OBJECT) // 2
    picture[top : top + OBJECT, left : left + OBJECT] = thing
    return picture
