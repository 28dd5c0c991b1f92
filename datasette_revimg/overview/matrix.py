"""The similarity matrix: every picture of a sample compared with every other one.

sample → vectors → cosines → order → picture or CSV. Nothing here knows Datasette.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ORDERS = ("cluster", "key")

# Every 16th colour of viridis, by Nathaniel Smith and Stéfan van der Walt for matplotlib, CC0:
# equal steps look equal, in print and to the colour-blind too.
COLOURS = [
    "440154",
    "48186a",
    "472d7b",
    "424086",
    "3b528b",
    "33638d",
    "2c728e",
    "26828e",
    "21918c",
    "1fa088",
    "28ae80",
    "3fbc73",
    "5ec962",
    "84d44b",
    "addc30",
    "d8e219",
    "fde725",
]

# The share of the pairs at either end that may lie beyond the colours' range, in percent.
BEYOND = 0.5

_MARGIN = 24
_SIDE = 1200
_LARGEST_CELL = 48
_LEAST_WIDTH = 520
_TEXT_SIZE = 15


def cluster_order(cosines: np.ndarray) -> np.ndarray:
    """Return the order of the rows, int64 (n,), that puts similar ones side by side.

    The leaves of a hierarchical clustering of cosines (n, n) by average linkage of 1 - cosine
    (D. Müllner, "fastcluster", 2013). A clustering leaves open which way each cluster is turned:
    of the four ways to join two of them, either of them turned or not, the one is taken whose
    touching rows are most similar. The last choice, between an order and its reverse, goes to the
    one whose first row comes before its last in the matrix.
    """
    # Its import takes time that other commands and pages needn't spend.
    from fastcluster import linkage

    count = len(cosines)
    if count < 3:
        return np.arange(count)
    distances = 1 - above_diagonal(cosines).astype(np.float64)
    merges = linkage(distances, "average", preserve_input=False)[:, :2].astype(int).tolist()
    # Clusters are paths: joining two of them adds one step, whichever way they are turned.
    ends = [(row, row) for row in range(count)]
    steps: list[list[int]] = [[] for _ in range(count)]
    for first, second in merges:
        _, i, j = max(
            (cosines[ends[first][i], ends[second][j]], i, j) for i in (0, 1) for j in (0, 1)
        )
        left, right = ends[first][i], ends[second][j]
        steps[left].append(right)
        steps[right].append(left)
        ends.append((ends[first][1 - i], ends[second][1 - j]))
    return np.array(_walk(steps, min(ends[-1])))


def _walk(steps: list[list[int]], start: int) -> list[int]:
    """Return all rows of a path, given each one's neighbours, from one of its ends."""
    order = [start]
    before = None
    while following := [row for row in steps[order[-1]] if row != before]:
        before = order[-1]
        order.append(following[0])
    return order


def above_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the entries of a matrix (n, n) above its diagonal, row by row, (n·(n-1)/2,)."""
    # triu_indices would take four times the memory of the entries themselves.
    return np.concatenate(
        [np.empty(0, matrix.dtype), *(row[at + 1 :] for at, row in enumerate(matrix))]
    )


def colour_range(matrix: np.ndarray) -> tuple[float, float]:
    """The cosines that get the first and the last colour, so that the pairs use all of them.

    Without the diagonal, which says nothing, and without BEYOND percent at either end, so that
    a few duplicates don't leave all else in one colour.
    """
    pairs = above_diagonal(matrix)
    if not len(pairs):
        return 0.0, 1.0
    low, high = np.percentile(pairs, [BEYOND, 100 - BEYOND])
    low, high = np.floor(low * 100) / 100, np.ceil(high * 100) / 100
    return float(low), float(max(high, low + 0.01))


def palette() -> np.ndarray:
    """256 colours, uint8 (256, 3), straight lines between COLOURS."""
    fixed = np.array([list(bytes.fromhex(colour)) for colour in COLOURS])
    at = np.linspace(0, len(fixed) - 1, 256)
    columns = [np.interp(at, np.arange(len(fixed)), fixed[:, channel]) for channel in range(3)]
    return np.round(np.stack(columns, axis=1)).astype(np.uint8)


def paint(matrix: np.ndarray, low: float, high: float) -> np.ndarray:
    """A colour for every cosine, uint8 (n, n, 3)."""
    level = np.clip((matrix - low) / (high - low), 0, 1)
    return np.asarray(palette()[np.round(level * 255).astype(np.uint8)])


def picture(matrix: np.ndarray, caption: str) -> Image.Image:
    """The ordered matrix as a heat map with a legend and a caption.

    The cell of row 0 and column 0 begins _MARGIN pixels from the top and the left; all cells are
    squares of cell_side(n) pixels.
    """
    count = len(matrix)
    low, high = colour_range(matrix)
    side = count * cell_side(count)
    cells = Image.fromarray(paint(matrix, low, high)).resize((side, side), Image.Resampling.NEAREST)
    font = ImageFont.load_default(_TEXT_SIZE)
    legend = side + 2 * _MARGIN
    whole = Image.new(
        "RGB", (max(side, _LEAST_WIDTH) + 2 * _MARGIN, legend + 5 * _TEXT_SIZE), "white"
    )
    whole.paste(cells, (_MARGIN, _MARGIN))
    draw = ImageDraw.Draw(whole)
    left, bar = _MARGIN, 256
    begin = f"cosine  {low:.2f} or less"
    draw.text((left, legend), begin, "black", font)
    left += round(draw.textlength(begin, font)) + 8
    colours = Image.fromarray(np.repeat(palette()[np.newaxis], _TEXT_SIZE, axis=0))
    whole.paste(colours, (left, legend + 2))
    draw.text((left + bar + 8, legend), f"{high:.2f} or more", "black", font)
    draw.text((_MARGIN, legend + 2 * _TEXT_SIZE), caption, "black", font)
    return whole


def cell_side(count: int) -> int:
    """Pixels of a cell's side in the picture of a matrix of so many rows."""
    return max(1, min(_LARGEST_CELL, _SIDE // max(1, count)))


def write_csv(file: TextIO, names: Sequence[str], matrix: np.ndarray) -> None:
    """The matrix with its rows' names as header row and first column, cosines to 6 digits."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["", *names])
    for name, row in zip(names, matrix.tolist(), strict=True):
        writer.writerow([name, *(f"{value:.6f}" for value in row)])


def halves(matrix: np.ndarray) -> bytes:
    """The cosines above the diagonal, row by row, as little-endian uint16: -1 is 0, 1 is 65535.

    Half of a symmetric matrix in 16 bits takes what all of it takes in 8.
    """
    pairs = above_diagonal(matrix)
    return np.round((pairs.astype(np.float64) + 1) * (65535 / 2)).astype("<u2").tobytes()
