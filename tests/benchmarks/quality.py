"""How good the rankings are: recall and precision on pictures with known answers.

``python quality.py --categories caltech101 --photos FOLDER --tables FOLDER`` measures the three
sets that the bundled network was neither learnt from nor chosen by: categories, edited copies among
strangers, and photographs of covers. ``--groups FOLDER`` measures any other pictures: those of a
folder belong together, or, with ``--by name``, those whose names differ in the last number only.

Each model is a row, beside the perceptual hashes imagehash and pdqhash where they are installed,
which needs ``pip install imagehash pdqhash``.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from datasette_revimg.embedding.choice import choose_model, load_network
from datasette_revimg.models.bundling.labelled import LabelledSet, View, by_group
from datasette_revimg.models.bundling.partition import read_pictures
from datasette_revimg.models.bundling.photographs import photographs
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.pictures.decoding import to_array

# A picture → the numbers whose products say how alike two pictures are.
Describe = Callable[[Image.Image], np.ndarray]

HASHES = ("imagehash", "pdqhash")


def network(name: str) -> Describe:
    """Return what gives a picture the unit vector of a model, a name or an .onnx file."""
    model = choose_model(None, name)
    loaded = load_network(model)

    def describe(image: Image.Image) -> np.ndarray:
        return loaded.embed(to_array(image, loaded.size)[np.newaxis])[0]

    return describe


def perceptual_hash(library: str) -> Describe:
    """Return what gives a picture the bits of its hash, as ±1."""
    module = importlib.import_module(library)

    def describe(image: Image.Image) -> np.ndarray:
        if library == "imagehash":
            bits = module.phash(image).hash.ravel()
        else:
            bits, _ = module.compute(np.asarray(image))
        return np.where(np.asarray(bits, bool), 1, -1).astype(np.float32)

    return describe


def describe_all(
    methods: Mapping[str, Describe], sets: Sequence[LabelledSet]
) -> tuple[dict[str, dict[View, np.ndarray]], dict[str, float]]:
    """Return what each method makes of every picture, and the processor's seconds it took."""
    numbers: dict[str, dict[View, np.ndarray]] = {name: {} for name in methods}
    seconds = dict.fromkeys(methods, 0.0)
    for view in dict.fromkeys(view for each in sets for view in (*each.database, *each.queries)):
        image = view.image()
        for name, describe in methods.items():
            started = time.process_time()
            numbers[name][view] = describe(image)
            seconds[name] += time.process_time() - started
    return numbers, seconds


def headings(sets: Sequence[LabelledSet]) -> list[str]:
    """Return what each set's figures are, and how many pictures it has."""
    return [
        f"{each.name} ({len(each.queries)} in {len(each.database)}), {' / '.join(each.measures)}"
        for each in sets
    ]


def labelled_folder(folder: Path, by: str) -> LabelledSet:
    """Return the pictures of a folder, grouped by their folders or their names."""
    files = photographs([folder])
    if by == "folder":
        groups = [str(file.parent) for file in files]
    else:
        groups = [re.sub(r"[-_ ]*\d+$", "", file.stem) for file in files]
    return by_group(folder.name, files, groups)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--model", action="append", help="a model's name or .onnx file")
    parser.add_argument("--groups", type=Path, action="append", default=[])
    parser.add_argument("--by", choices=["folder", "name"], default="folder")
    parser.add_argument("--categories", type=Path, help="a folder of categories' folders")
    parser.add_argument("--photos", type=Path, nargs="+", default=[], help="copies and covers")
    parser.add_argument("--tables", type=Path, nargs="+", default=[], help="what covers lie on")
    options = parser.parse_args()
    sets = [labelled_folder(folder, options.by) for folder in options.groups]
    if options.categories:
        if not (options.photos and options.tables):
            parser.error("--categories needs --photos and --tables")
        sets += read_pictures(options.categories, options.photos, options.tables).measuring
    if not sets:
        parser.error("give --categories, --photos and --tables, or --groups")
    methods = {name: network(name) for name in options.model or [VGG16_RMAC.name]}
    for name in HASHES:
        try:
            methods[name] = perceptual_hash(name)
        except ImportError:
            print(f"{name} is not installed: pip install {name}", file=sys.stderr)
    numbers, seconds = describe_all(methods, sets)
    print(f"| | CPU ms | {' | '.join(headings(sets))} |\n| --- | --- |{' --- |' * len(sets)}")
    for name, described in numbers.items():
        measures = [each.measure(each.scores(described)) for each in sets]
        cells = [" / ".join(f"{value:.3f}" for value in row.values()) for row in measures]
        milliseconds = seconds[name] * 1000 / len(described)
        print(f"| {name} | {milliseconds:.0f} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
