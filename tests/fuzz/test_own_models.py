"""Models of one's own with damage in the ONNX file or in its JSON: vectors, or a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasette_revimg.errors import RevimgError
from datasette_revimg.models import custom
from datasette_revimg.models.network import Network
from kit.fuzzing import Change, changes, damaged, examples
from kit.tiny_network import DIMENSION, Tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = Tiny(tmp_path_factory.mktemp("own") / "tiny.onnx")
    tiny.describe()
    tiny.save()
    return tiny


def used(file: Path) -> None:
    """Read a model, load its network and use it: it works, or the error is a sentence of ours."""
    error = None
    try:
        model = custom.read_model(file)
        network = Network(file, "cpu", 1, output=model.output, pixels=model.pixels)
        height, width = network.size
        vectors = network.encode(np.full((2, height, width, 3), 128, np.uint8)).vectors
    except RevimgError as refused:
        error = str(refused)
    if error is not None:
        assert error.startswith(str(file.with_suffix("")))
        return
    assert vectors.shape[0] == 2
    assert vectors.dtype == np.float32


def test_the_files_are_good_before(tiny: Tiny) -> None:
    model = custom.read_model(tiny.file)
    assert model.dimension == DIMENSION
    used(tiny.file)


@examples(60)
@given(each=changes)
def test_networks(tiny: Tiny, each: list[Change]) -> None:
    file = tiny.file.with_name("damaged.onnx")
    file.write_bytes(damaged(tiny.file.read_bytes(), each))
    file.with_suffix(".json").write_bytes(tiny.file.with_suffix(".json").read_bytes())
    used(file)


@examples(40)
@given(each=changes)
def test_descriptions(tiny: Tiny, each: list[Change]) -> None:
    file = tiny.file.with_name("described.onnx")
    file.write_bytes(tiny.file.read_bytes())
    description = tiny.file.with_suffix(".json").read_bytes()
    file.with_suffix(".json").write_bytes(damaged(description, each))
    used(file)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=10),
    st.sampled_from(["picture", "vector", "RGB", "BGR", "vgg16-rmac", "../x", 32, 2048, 8, 6]),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=6)
KEYS = ("input", "output", "size", "colour", "mean", "std", "dimension", "name", "licence", "more")


@examples(60)
@given(changed=st.dictionaries(st.sampled_from(KEYS), values, min_size=1, max_size=3))
@example(changed={"size": [8, 2048]})
@example(changed={"dimension": 10**400})
def test_values_of_descriptions(tiny: Tiny, changed: dict[str, Any]) -> None:
    file = tiny.file.with_name("valued.onnx")
    file.write_bytes(tiny.file.read_bytes())
    good = json.loads(tiny.file.with_suffix(".json").read_text())
    file.with_suffix(".json").write_text(json.dumps({**good, **changed}))
    used(file)
