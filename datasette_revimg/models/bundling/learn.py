"""Learn the bundled network's tail: ``python -m datasette_revimg.models.bundling.learn …``.

A tail is learnt from pictures of some categories and measured on three sets that have nothing to
do with them: other categories, edited copies among strangers, and photographs of covers. The
settings are tried one after the other, and the choice is by the mean of the three sets' measures.
At the end the choice is measured once on three further sets. All
is seeded: the same pictures give the same tail, but for the rounding of another processor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import click
import numpy as np
import onnx
import onnxruntime

from ...pictures import decoding
from ..catalogue import VGG16_RMAC
from ..vgg16.architecture import BLOCK4, EMBEDDING, FEATURES, INPUT
from ..vgg16.graph import attach_tail
from ..vgg16.rmac import pool
from ..vgg16.tail import FILE, Tail
from .bundle import LOUDNESS
from .labelled import LabelledSet, View
from .partition import Pictures, read_pictures
from .whitening import Choice, Sums, learn_tail, stacked

BATCH = 8

START = Choice()

# What is tried of each setting; the rest of the choice is then the best one so far.
CANDIDATES: dict[str, tuple[float, ...]] = {
    "exponent": (0.3, 0.5, 0.7, 1.0),
    "weight": (0.0, 0.5, 0.7, 1.0, 1.4, 2.0),
    "epsilon": (0.003, 0.01, 0.02, 0.03, 0.06, 0.1),
    "dimension": (256, 512, 1024),
}

# The means of the sets differ by as much by chance: of those so near to the best, the first counts.
SIMILAR = 0.005

# The least by which the mean must rise for a vector twice as long to be worth its bytes.
WORTH = 0.01


def observe(network: onnx.ModelProto, views: Iterable[View]) -> dict[View, Sums]:
    """Run the network on pictures, and return both blocks' sums."""
    session = onnxruntime.InferenceSession(
        network.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    waiting: dict[tuple[int, ...], list[tuple[View, np.ndarray]]] = {}
    sums: dict[View, Sums] = {}

    def run(batch: Sequence[tuple[View, np.ndarray]]) -> None:
        pictures = np.stack([array for _, array in batch])
        maps = session.run([BLOCK4, FEATURES], {INPUT: pictures})
        for (view, _), *both in zip(batch, *(pool(each) for each in maps), strict=True):
            sums[view] = both[0], both[1]

    for view in views:
        array = decoding.to_array(view.image(), None)
        batch = waiting.setdefault(array.shape, [])
        batch.append((view, array))
        if len(batch) == BATCH:
            run(waiting.pop(array.shape))
    for batch in waiting.values():
        run(batch)
    return sums


def read_loudness(convolutions: onnx.ModelProto) -> np.ndarray:
    """Return what ``bundle`` divided block 4's channels by, float32 (512,)."""
    notes = {note.key: note.value for note in convolutions.metadata_props}
    if LOUDNESS not in notes:
        raise click.ClickException(f"the network has no {LOUDNESS}: make it with ``bundle``")
    return np.array(json.loads(notes[LOUDNESS]), np.float32)


def choose(
    pictures: Pictures, sums: Mapping[View, Sums], loudness: np.ndarray
) -> tuple[Choice, list[tuple[Choice, dict[str, float]]]]:
    """Return the best choice, and everything that was tried with its measures."""
    tried: dict[Choice, dict[str, float]] = {}

    def mean(choice: Choice) -> float:
        if choice not in tried:
            tried[choice] = evaluate(
                _tail(pictures, sums, choice, loudness), pictures.choosing, sums
            )
        # One measure of each set, so that each counts the same.
        return float(np.mean([tried[choice][name] for name in _DECISIVE]))

    best = START
    for field in fields(Choice):
        options = [_with(best, field.name, value) for value in CANDIDATES[field.name]]
        scores = [mean(option) for option in options]
        tolerance = WORTH if field.name == "dimension" else SIMILAR
        near = [score >= max(scores) - tolerance for score in scores]
        best = options[near.index(True)]
    return best, list(tried.items())


_DECISIVE = ("categories mAP", "copies µAP", "covers R@1")


def _with(choice: Choice, name: str, value: float) -> Choice:
    changes = {name: int(value) if name == "dimension" else value}
    return replace(choice, **changes)  # type: ignore[arg-type]


def _tail(
    pictures: Pictures, sums: Mapping[View, Sums], choice: Choice, loudness: np.ndarray
) -> Tail:
    return learn_tail(*stacked(sums, pictures.learning), choice, loudness)


def evaluate(
    tail: Tail, sets: Sequence[LabelledSet], sums: Mapping[View, Sums]
) -> dict[str, float]:
    """Return the measures of the vectors with this tail, each named by its set."""
    views = list(dict.fromkeys(view for each in sets for view in (*each.database, *each.queries)))
    vectors = dict(zip(views, tail.apply(*stacked(sums, views)), strict=True))
    return {
        f"{each.name} {name}": value
        for each in sets
        for name, value in each.measure(each.scores(vectors)).items()
    }


def table(rows: Sequence[tuple[Choice, Mapping[str, float]]]) -> str:
    """Return choices and their measures as Markdown."""
    settings = [field.name for field in fields(Choice)]
    measures = list(rows[0][1])
    lines = [[*settings, *measures], ["---"] * (len(settings) + len(measures))]
    for choice, values in rows:
        lines.append(
            [f"{getattr(choice, name):g}" for name in settings]
            + [f"{values[name]:.3f}" for name in measures]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(tail: Tail, convolutions: onnx.ModelProto) -> bytes:
    """Write the tail and the network with it into the package; return the network's bytes."""
    attach_tail(convolutions, tail, equalised=True)
    onnx.checker.check_model(convolutions)
    assert VGG16_RMAC.file
    tail.save(FILE)
    data: bytes = convolutions.SerializeToString()
    VGG16_RMAC.file.write_bytes(data)
    return data


def with_maps(convolutions: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network with the output ``block4_features`` besides ``features``."""
    model = onnx.ModelProto()
    model.CopyFrom(convolutions)
    nothing = np.zeros((1024, 1), np.float32)
    placeholder = Tail(1, 1, loudness=nothing[:512, 0], mean=nothing[:, 0], matrix=nothing)
    attach_tail(model, placeholder, equalised=True)
    (vector,) = (output for output in model.graph.output if output.name == EMBEDDING)
    model.graph.output.remove(vector)
    return model


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("network", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("categories", type=_FOLDER)
@click.option("--photos", type=_FOLDER, multiple=True, required=True)
@click.option("--tables", type=_FOLDER, multiple=True, required=True)
def main(
    network: Path, categories: Path, photos: tuple[Path, ...], tables: tuple[Path, ...]
) -> None:
    """Learn the tail of NETWORK, the convolutions that ``bundle`` wrote; put both in the package.

    CATEGORIES has a folder for each category. Covers made of the PHOTOS are laid on the TABLES,
    which are folders of larger photographs.

    Example:

        python -m datasette_revimg.models.bundling.learn convolutions.onnx caltech101 \\
            --photos gcompris --tables nature
    """
    pictures = read_pictures(categories, photos, tables)
    convolutions = onnx.load(network)
    with click.progressbar(pictures.views, label="pictures") as views:
        sums = observe(with_maps(convolutions), views)
    loudness = read_loudness(convolutions)
    best, tried = choose(pictures, sums, loudness)
    click.echo(f"{table(tried)}\n")
    tail = _tail(pictures, sums, best, loudness)
    click.echo(f"{table([(best, evaluate(tail, pictures.measuring, sums))])}\n")
    data = write(tail, convolutions)
    click.echo(f"{len(data):,} bytes, learnt from {len(pictures.learning)} pictures")
    click.echo(f"sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
