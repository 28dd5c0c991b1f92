"""The names that torchvision and timm give VGG16's tensors."""

from __future__ import annotations

from collections.abc import Sequence

from .names import WeightTensors, by_canonical_name, canonical_names
from .tensors import Stored

# The convolutions' places in ``features``, between which ReLU and pooling stand.
_FEATURES = [f"features.{place}" for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
_TIMM_TOP = ("pre_logits.fc1", "pre_logits.fc2", "head.fc")
TORCHVISION = canonical_names(
    [*_FEATURES, "classifier.0", "classifier.3", "classifier.6"], ".weight", ".bias"
)
TIMM = canonical_names([*_FEATURES, *_TIMM_TOP], ".weight", ".bias")


def torch_tensors(layout: str, stored: Sequence[Stored]) -> WeightTensors:
    """Name the tensors canonically; ``layout`` is the file's when they bear torchvision's names."""
    if any(tensor.name.startswith(_TIMM_TOP) for tensor in stored):
        return WeightTensors("timm", True, by_canonical_name(stored, TIMM))
    return WeightTensors(layout, True, by_canonical_name(stored, TORCHVISION))
