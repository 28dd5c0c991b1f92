"""The files that Keras has written over the years: ``.h5``, ``.weights.h5`` and ``.keras``.

- The official files, and ``save("x.h5")`` to this day: a group for each layer, at the top or in
  ``model_weights``, with datasets ``block1_conv1_W_1:0``, ``kernel:0`` or ``kernel``.
- ``save_weights("x.weights.h5")`` of Keras 3: groups ``layers/conv2d_1/vars`` with datasets
  ``0`` and ``1``; newer versions note the layer's own name in an attribute.
- ``.keras`` is a zip with a ``model.weights.h5`` of the second kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ....errors import WeightsError
from ...vgg16.architecture import LAYERS
from .. import zips
from ..names import DENSE, SHAPES, WeightTensors, by_canonical_name
from ..tensors import Span, Stored, rows_per_block

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MEMBER = "model.weights.h5"

# Names that Keras gives: the class, and a number from the second on.
_GENERIC = re.compile(r"(conv2d|dense)(?:_(\d+))?")
# Raised by h5py for damaged files; HDF5 itself makes no useful difference between them.
_ERRORS = (KeyError, RuntimeError, ValueError, TypeError, AttributeError, OverflowError)


def read(source: Path | Span, layout: str) -> WeightTensors:
    """Find the tensors of an HDF5 file, or of one that lies uncompressed inside a zip."""
    with _archive(source) as archive:
        datasets = _datasets(archive)
        modern = any(path.endswith("/vars/0") for path in datasets)
        named = _modern_names(archive, datasets) if modern else _legacy_names(datasets)
        stored = [_stored(source, path, name, datasets[path]) for path, name in named.items()]
    if len({tensor.name for tensor in stored}) != len(stored):
        raise WeightsError("a layer in it has more than one kernel and one bias")
    return WeightTensors(layout, False, by_canonical_name(stored, {name: name for name in SHAPES}))


@contextmanager
def _archive(source: Path | Span) -> Iterator[h5py.File]:
    try:
        if isinstance(source, Span):
            with zips.SpanFile(source) as file, h5py.File(file, "r") as archive:
                yield archive
        else:
            with h5py.File(source, "r") as archive:
                yield archive
    except (*_ERRORS, OSError) as error:
        raise WeightsError(f"the HDF5 file is damaged or truncated ({error})") from error


def _datasets(archive: h5py.File) -> dict[str, h5py.Dataset]:
    """Return the weights by their paths, without what an optimizer remembers of them."""
    datasets: dict[str, h5py.Dataset] = {}

    def note(path: str, item: h5py.Dataset | h5py.Group) -> None:
        if hasattr(item, "shape") and not path.startswith("optimizer"):
            datasets[path] = item

    archive.get("model_weights", archive).visititems(note)
    return datasets


def _role(dataset: h5py.Dataset) -> str:
    # The names differ between Keras' versions, the number of dimensions doesn't.
    return "bias" if dataset.ndim == 1 else "kernel"


def _legacy_names(datasets: dict[str, h5py.Dataset]) -> dict[str, str]:
    """Map the datasets' paths to ``layer/role``; the layer is the outermost group."""
    return {
        path: f"{path.partition('/')[0]}/{_role(dataset)}" for path, dataset in datasets.items()
    }


def _modern_names(archive: h5py.File, datasets: dict[str, h5py.Dataset]) -> dict[str, str]:
    """Map the datasets' paths to ``layer/role``, by the layers' names, or their order without."""
    groups = {path: path.rpartition("/")[0] for path in datasets}
    given = {group: _given_name(archive, group) for group in dict.fromkeys(groups.values())}
    layers = _in_order(given)
    return {path: f"{layers[groups[path]]}/{_role(datasets[path])}" for path in datasets}


def _given_name(archive: h5py.File, group: str) -> str:
    owner = group.removesuffix("/vars").rpartition("/")[2]
    return str(archive[group].attrs.get("name", owner))


def _in_order(given: dict[str, str]) -> dict[str, str]:
    """Return the groups' layers; generic names become VGG16's, in the order of their numbers."""
    layers = dict(given)
    for kind, ours in (("conv2d", LAYERS), ("dense", DENSE)):
        matches = {group: _GENERIC.fullmatch(name) for group, name in given.items()}
        numbers = {
            group: int(match[2] or 0)
            for group, match in matches.items()
            if match and match[1] == kind
        }
        ordered = sorted(numbers, key=lambda group: numbers[group])
        layers.update(zip(ordered, ours, strict=False))
    return layers


def _stored(source: Path | Span, path: str, name: str, dataset: h5py.Dataset) -> Stored:
    if dataset.external or dataset.is_virtual:
        # HDF5 would read whatever file it names.
        raise WeightsError(f"the numbers of {name} are in another file")
    shape: tuple[int, ...] = dataset.shape
    full = str(dataset.name)
    step = rows_per_block(shape, dataset.dtype.itemsize)

    def blocks() -> Iterator[np.ndarray]:
        with _archive(source) as archive:
            for start in range(0, shape[0], step):
                yield archive[full][start : start + step]

    return Stored(name, shape, dataset.dtype, blocks)
