"""What ``embed --whiten`` does: ``python whitening.py --categories FOLDER --photos … --tables …``.

Two kinds of vectors that aren't whitened are made of the bundled network's maps: the square root
of the last block's R-MAC, and powers of two blocks' R-MAC. The whitening is learnt, as in a table,
from the pictures that are searched and others beside them, with several ε and dimensions, and
measured on the sets that the bundled network's settings were chosen by (see learn.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from datasette_revimg.models.bundling.labelled import LabelledSet, View
from datasette_revimg.models.bundling.learn import observe
from datasette_revimg.models.bundling.partition import Pictures, read_pictures
from datasette_revimg.models.bundling.whitening import Sums, stacked
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.vgg16.tail import bundled_tail, joined_powers, unit
from datasette_revimg.vectors.whitening import learn

EPSILONS = (0.02, 0.05, 0.1, 0.2)
DIMENSIONS = (1024, 512, 256)


def vectors(sums: Mapping[View, Sums], views: Sequence[View]) -> dict[str, np.ndarray]:
    """Return each kind of vectors of these pictures, float32 (N, D)."""
    block4, block5 = stacked(sums, list(views))
    tail = bundled_tail()
    kinds = {
        "one block": unit(np.sqrt(block5)),
        "two blocks": unit(joined_powers(block4, block5, tail.exponent, tail.weight)),
        VGG16_RMAC.name: tail.apply(block4, block5),
    }
    return {name: each.astype(np.float32) for name, each in kinds.items()}


def table(pictures: Pictures, sums: Mapping[View, Sums]) -> list[str]:
    """Return the rows of the table."""
    sets = pictures.choosing
    views = list(dict.fromkeys(view for each in sets for view in (*each.database, *each.queries)))
    stored = dict.fromkeys([*pictures.learning, *(view for each in sets for view in each.database)])
    named, learnt_from = vectors(sums, views), vectors(sums, list(stored))
    rows = []
    for name, own in named.items():
        rows.append(_row(name, views, own, sets))
        for epsilon in EPSILONS:
            for dimension in DIMENSIONS:
                if dimension <= own.shape[1]:
                    whitening = learn(learnt_from[name], epsilon, dimension)
                    title = f"{name}, ε {epsilon}, {dimension} of {len(stored)} pictures"
                    rows.append(_row(title, views, whitening.apply(own), sets))
    return rows


def _row(title: str, views: list[View], own: np.ndarray, sets: Sequence[LabelledSet]) -> str:
    numbers = dict(zip(views, own, strict=True))
    cells = [
        " / ".join(f"{value:.3f}" for value in each.measure(each.scores(numbers)).values())
        for each in sets
    ]
    return f"| {title} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--categories", type=Path, required=True)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--tables", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    pictures = read_pictures(options.categories, options.photos, options.tables)
    assert VGG16_RMAC.file
    views = dict.fromkeys(
        [*pictures.learning]
        + [view for each in pictures.choosing for view in (*each.database, *each.queries)]
    )
    sums = observe(onnx.load(VGG16_RMAC.file), views)
    titles = [f"{each.name}, {' / '.join(each.measures)}" for each in pictures.choosing]
    print(f"| | {' | '.join(titles)} |\n| --- |{' --- |' * len(titles)}")
    print("\n".join(table(pictures, sums)))


if __name__ == "__main__":
    main()
