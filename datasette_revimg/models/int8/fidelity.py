"""How near the vectors of an int8 network are to those of the float32 network it was made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from ..catalogue import Fidelity
from ..vgg16.architecture import FEATURES, FLAT, INPUT, Preprocessing
from ..vgg16.graph import Load, build_convolutions
from ..vgg16.tail import unit

NEIGHBOURS = 5
BATCH = 8


def measure(
    network: Path, load: Load, preprocessing: Preprocessing, pictures: np.ndarray, source: str
) -> Fidelity:
    """Compare fc2 of an int8 network with that of its float32 weights.

    ``load`` reads an array of the weights by its name, ``pictures`` are uint8 (N, 224, 224, 3),
    ``source`` says what they are. Takes the memory of fc1's weights, 411 MB, and some more.
    """
    expected = _float_vectors(load, preprocessing, pictures)
    actual = _run(_session(network), "fc2", pictures)
    cosines = np.vecdot(expected, actual)
    return Fidelity(
        pictures=len(pictures),
        source=source,
        mean_cosine=float(cosines.mean()),
        lowest_cosine=float(cosines.min()),
        recall_at_5=recall(expected, actual, NEIGHBOURS),
    )


def recall(expected: np.ndarray, actual: np.ndarray, k: int) -> float:
    """Compute recall@k: the share of each picture's k nearest in ``expected`` also in ``actual``.

    Both are unit vectors (N, D) of the same N pictures; a picture is not its own neighbour.
    """
    return float(
        np.mean(
            [
                len(set(right) & set(mine)) / k
                for right, mine in zip(_nearest(expected, k), _nearest(actual, k), strict=True)
            ]
        )
    )


def _nearest(vectors: np.ndarray, k: int) -> np.ndarray:
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    return np.argsort(-similarities, axis=1, kind="stable")[:, :k]


def _float_vectors(load: Load, preprocessing: Preprocessing, pictures: np.ndarray) -> np.ndarray:
    """Return fc2 of the float32 network, unit vectors (N, 4096), one dense layer in memory."""
    convolutions = build_convolutions(load, preprocessing).SerializeToString()
    maps = _run(_session(convolutions), FEATURES, pictures)
    # Keras flattens height, width, channels.
    vectors = maps.transpose(0, 2, 3, 1).reshape(-1, FLAT)
    for layer in ("fc1", "fc2"):
        vectors = np.maximum(vectors @ load(f"{layer}/kernel") + load(f"{layer}/bias"), 0)
    return unit(vectors)


def _session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """Load a network for the processor, where int8 and float32 are what their files say."""
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, output: str, pictures: np.ndarray) -> np.ndarray:
    parts = [
        session.run([output], {INPUT: pictures[start : start + BATCH]})[0]
        for start in range(0, len(pictures), BATCH)
    ]
    return np.concatenate(parts)
