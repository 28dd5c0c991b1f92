"""Each installed network beside Keras' VGG16 on TensorFlow, up to fc2, in one process and in turns.

    pip install tensorflow-cpu
    python tests/benchmarks/networks.py [--rounds N] [--batch N] [--options]

Prints how many times Keras' speed each network has at 224 × 224, the median of the rounds' ratios
and their range: a busy machine distorts both sides of a ratio alike. Keras gets weights by chance,
which are as fast as any. Then the most memory that a process needs which loads the network and runs
it (Linux). Installed networks are those of DATASETTE_REVIMG_MODELS.

With ``--options``, ONNX Runtime's options are tried on each network instead, beside its defaults.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from datasette_revimg.embedding.choice import load_network
from datasette_revimg.models.catalogue import CLASSIFYING_MODELS, INT8_MODELS, Model, all_models
from datasette_revimg.pictures.decoding import SIDE

NETWORKS = ("vgg16-rmac", INT8_MODELS[0], CLASSIFYING_MODELS[0])

# A batch of pictures is run once.
Run = Callable[[np.ndarray], object]

# What ONNX Runtime can be told about a session.
OPTIONS: dict[str, tuple[str, object]] = {
    "no spinning": ("session.intra_op.allow_spinning", "0"),
    "no prepacking": ("session.disable_prepacking", "1"),
    "denormals as zero": ("session.set_denormal_as_zero", "1"),
}


def keras_network() -> Run:
    """Return Keras' VGG16 up to fc2, compiled as a graph."""
    import keras

    whole = keras.applications.VGG16(weights=None)
    model = keras.Model(whole.input, whole.get_layer("fc2").output)
    prepare = keras.applications.vgg16.preprocess_input
    return lambda pictures: model.predict_on_batch(prepare(pictures.astype(np.float32)))


def installed() -> list[Model]:
    """Return the networks that there are, of those to be measured."""
    models = all_models()
    return [models[name] for name in NETWORKS if models[name].installed]


def seconds(run: Run, pictures: np.ndarray) -> float:
    """Return how long one batch takes."""
    start = time.perf_counter()
    run(pictures)
    return time.perf_counter() - start


def ratios(
    runs: Mapping[str, Run], reference: str, pictures: np.ndarray, rounds: int
) -> dict[str, list[float]]:
    """Return how many times as fast as the reference each is, a round after the other."""
    for run in runs.values():
        run(pictures)
    result: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        taken = {name: seconds(run, pictures) for name, run in runs.items()}
        for name, time_taken in taken.items():
            result[name].append(taken[reference] / time_taken)
    return result


def sessions(model: Model) -> Iterator[tuple[str, Run]]:
    """Yield the network with ONNX Runtime's defaults, and with each other option."""

    def run(configure: Callable[[onnxruntime.SessionOptions], object]) -> Run:
        options = onnxruntime.SessionOptions()
        configure(options)
        session = onnxruntime.InferenceSession(
            model.file, options, providers=["CPUExecutionProvider"]
        )
        return lambda pictures: session.run([model.output], {"images": pictures})

    level = onnxruntime.GraphOptimizationLevel
    yield "defaults", run(lambda options: None)
    # Without the blocked layout of convolutions (NCHWc), which is of the last level.
    extended = level.ORT_ENABLE_EXTENDED
    yield "extended", run(lambda options: setattr(options, "graph_optimization_level", extended))
    yield "no arena", run(lambda options: setattr(options, "enable_cpu_mem_arena", False))
    for name, (key, value) in OPTIONS.items():
        yield name, run(lambda options, k=key, v=value: options.add_session_config_entry(k, v))


def show(title: str, measured: Mapping[str, list[float]]) -> None:
    """Print one line for each, the median and the range."""
    print(title)
    for name, values in measured.items():
        print(f"  {name:18} × {statistics.median(values):.2f}  {min(values):.2f}–{max(values):.2f}")


def print_peak(model: Model, batch: int) -> None:
    """Print the memory of a process that runs one network, in a process of its own."""
    command = [sys.executable, __file__, "--alone", model.name, "--batch", str(batch)]
    peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    print(f"  {model.name:18} {peak}")


def alone(name: str, batch: int) -> None:
    """Run one network, and print the most memory that this process had."""
    network = load_network(all_models()[name], "cpu")
    for _ in range(3):
        network.embed(np.zeros((batch, SIDE, SIDE, 3), np.uint8))
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM"))
    print(f"{int(line.split()[1]) / 1e3:.0f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--options", action="store_true")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        alone(arguments.alone, arguments.batch)
        return
    shape = (arguments.batch, SIDE, SIDE, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if arguments.options:
        for model in installed():
            tried = dict(sessions(model))
            show(model.name, ratios(tried, "defaults", pictures, arguments.rounds))
        return
    runs = {"Keras": keras_network()}
    for model in installed():
        runs[model.name] = load_network(model, "cpu").embed
    show("speed", ratios(runs, "Keras", pictures, arguments.rounds))
    print("memory")
    for model in installed():
        print_peak(model, arguments.batch)


if __name__ == "__main__":
    main()
