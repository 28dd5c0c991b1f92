"""How good the rankings are: recall and precision on pictures with known answers.

``python quality.py --categories caltech101 --photos FOLDER --tables FOLDER`` measures the three
sets that the bundled network was neither learnt from nor chosen by: categories, edited copies among
strangers, and photographs of covers. ``--groups FOLDER`` measures any other pictures: those of a
folder belong together, or, with ``--by name``, those whose names differ in the last number only.

Each model is a row, beside the perceptual hashes imagehash and pdqhash where they are installed,
which needs ``pip install imagehash pdqhash``. ``--ways whole,middle`` adds a row for each model
whose queries are looked at in these ways as far as possible, ``--expand 5`` one whose queries are
expanded.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from datasette_revimg.embedding.choice import choose_model, load_network
from datasette_revimg.embedding.looking import look
from datasette_revimg.models.bundling.labelled import LabelledSet, View, by_group
from datasette_revimg.models.bundling.partition import read_pictures
from datasette_revimg.models.bundling.photographs import photographs
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.pictures.decoding import Picture, to_array
from datasette_revimg.pictures.looks import Ways, parse_ways
from datasette_revimg.vectors.expansion import expand

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


def looks(name: str, ways: Ways) -> Describe:
    """Return what gives a picture a unit vector (m, D) of a model for each look at it."""
    loaded = load_network(choose_model(None, name))
    possible = replace(ways, as_possible=True)

    def describe(image: Image.Image) -> np.ndarray:
        def scaled(scale: int) -> Picture:
            array = to_array(image, loaded.size, scale)
            return Picture(array, b"", image.width, image.height, "", None)

        return look(loaded, name, scaled, possible).vectors

    return describe


def refined_scores(
    each: LabelledSet,
    vectors: Mapping[View, np.ndarray],
    queries: Mapping[View, np.ndarray],
    count: int,
) -> np.ndarray:
    """Return scores (queries, database) of queries of one or several vectors, the best of these.

    ``vectors`` are those of the database. The queries are expanded with ``count`` results, if any.
    """
    database = np.stack([vectors[view] for view in each.database])
    scores = []
    for view in each.queries:
        query = np.atleast_2d(queries[view])
        if count:
            first = (query @ database.T).max(axis=0)
            first[[other == view for other in each.database]] = -np.inf
            query = expand(query, database[np.argsort(-first, kind="stable")[:count]])
        scores.append((query @ database.T).max(axis=0))
    return np.stack(scores)


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
    parser.add_argument("--ways", type=parse_ways, action="append", default=[])
    parser.add_argument("--expand", type=int, action="append", default=[])
    options = parser.parse_args()
    sets = [labelled_folder(folder, options.by) for folder in options.groups]
    if options.categories:
        if not (options.photos and options.tables):
            parser.error("--categories needs --photos and --tables")
        sets += read_pictures(options.categories, options.photos, options.tables).measuring
    if not sets:
        parser.error("give --categories, --photos and --tables, or --groups")
    models = options.model or [VGG16_RMAC.name]
    methods = {name: network(name) for name in models}
    for name in HASHES:
        try:
            methods[name] = perceptual_hash(name)
        except ImportError:
            print(f"{name} is not installed: pip install {name}", file=sys.stderr)
    numbers, seconds = describe_all(methods, sets)
    print(f"| | CPU ms | {' | '.join(headings(sets))} |\n| --- | --- |{' --- |' * len(sets)}")
    for name, described in numbers.items():
        milliseconds = seconds[name] * 1000 / len(described)
        print_row(name, milliseconds, sets, [each.scores(described) for each in sets])
    for name in models:
        own = numbers[name]
        for count in options.expand:
            scores = [refined_scores(each, own, own, count) for each in sets]
            print_row(f"{name}, expand {count}", 0, sets, scores)
        for ways in options.ways:
            queries, milliseconds = describe_queries(looks(name, ways), sets)
            scores = [refined_scores(each, own, queries, 0) for each in sets]
            print_row(f"{name}, {' '.join(ways.names)}", milliseconds, sets, scores)


def describe_queries(
    describe: Describe, sets: Sequence[LabelledSet]
) -> tuple[dict[View, np.ndarray], float]:
    """Return what is made of every query, and the processor's milliseconds that one takes."""
    queries: dict[View, np.ndarray] = {}
    seconds = 0.0
    for view in dict.fromkeys(view for each in sets for view in each.queries):
        image = view.image()
        started = time.process_time()
        queries[view] = describe(image)
        seconds += time.process_time() - started
    return queries, seconds * 1000 / len(queries)


def print_row(
    name: str, milliseconds: float, sets: Sequence[LabelledSet], scores: Sequence[np.ndarray]
) -> None:
    """Print a row of the table."""
    measures = [each.measure(own) for each, own in zip(sets, scores, strict=True)]
    cells = [" / ".join(f"{value:.3f}" for value in row.values()) for row in measures]
    print(f"| {name} | {milliseconds:.0f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
