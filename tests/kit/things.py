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


def two_things() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one thing at the left and another at the right, then each alone, in the middle."""
    common, alone = texture(1), np.random.default_rng(3).integers(0, 256, (OBJECT, OBJECT, 3))
    both = scene(common, 5, 128)
    both[67 : 67 + OBJECT, 129 : 129 + OBJECT] = alone
    return both, scene(common, 67, 128), scene(alone.astype(np.uint8), 67, 128)


def check_hot_where_the_thing_is(left: np.ndarray, right: np.ndarray) -> None:
    """Assert that heat (7, 7) is where the same thing is, at the left and at the right."""
    # The middle column belongs to neither side.
    assert left[:, :3].sum() > 2 * left[:, 4:].sum()
    assert right[:, 4:].sum() > 2 * right[:, :3].sum()
    # The object covers the rows from a third to two thirds, and the hottest cell is in it.
    for heat, columns in ((left, (0, 1, 2)), (right, (4, 5, 6))):
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        assert row in (2, 3, 4)
        assert column in columns


def check_hot_where_both_have_it(with_left: np.ndarray, with_right: np.ndarray) -> None:
    """Assert that heat (7, 7) of ``two_things`` is at the side that the other picture has."""
    assert with_left[:, :3].sum() > with_left[:, 4:].sum()
    assert with_right[:, 4:].sum() > with_right[:, :3].sum()
