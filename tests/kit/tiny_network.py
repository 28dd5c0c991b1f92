"""A network small enough to compute by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from kit.command import error_of, vectors
from kit.pictures import mosaic

# No two channels alike, so that an exchange of any two shows.
MEAN, STD = [0.5, 0.4, 0.2], [0.25, 0.2, 0.5]

DIMENSION = 6


@dataclass
class Tiny:
    """A network: mean colours of the four quarters of its picture, times a matrix."""

    file: Path
    size: tuple[int, int] = (32, 32)
    layout: str = "NCHW"
    dtype: int = TensorProto.FLOAT
    batch: int | str = "n"
    dimension: int = DIMENSION
    seed: int = 0
    factor: float = 1.0

    @property
    def matrix(self) -> np.ndarray:
        """The (12, dimension) matrix that turns mean colours into a vector."""
        random = np.random.default_rng(self.seed)
        return random.normal(size=(12, self.dimension)).astype(np.float32) * self.factor

    def save(
        self,
        shape: list[int | str] | None = None,
        output_shape: list[int | str] | None = None,
        change: Callable[[onnx.GraphProto], object] = lambda graph: None,
    ) -> Path:
        """Write the model.

        ``shape`` and ``output_shape`` replace those that it declares, and ``change`` alters its
        graph.
        """
        height, width = self.size
        if self.layout == "NCHW":
            usual, first = [self.batch, 3, height, width], [0, 1, 2, 3]
        else:
            usual, first = [self.batch, height, width, 3], [0, 3, 1, 2]
        scale = 255.0 if self.dtype == TensorProto.UINT8 else 1.0
        graph = helper.make_graph(
            [
                helper.make_node("Cast", ["picture"], ["floats"], to=TensorProto.FLOAT),
                helper.make_node("Div", ["floats", "scale"], ["values"]),
                helper.make_node("Transpose", ["values"], ["channels"], perm=first),
                helper.make_node(
                    "AveragePool",
                    ["channels"],
                    ["quarters"],
                    kernel_shape=[height // 2, width // 2],
                    strides=[height // 2, width // 2],
                ),
                helper.make_node("Flatten", ["quarters"], ["flat"]),
                helper.make_node("MatMul", ["flat", "matrix"], ["vector"]),
            ],
            "tiny",
            [helper.make_tensor_value_info("picture", self.dtype, shape or usual)],
            [
                helper.make_tensor_value_info(
                    "vector", TensorProto.FLOAT, output_shape or [self.batch, self.dimension]
                )
            ],
            [
                numpy_helper.from_array(np.array(scale, np.float32), "scale"),
                numpy_helper.from_array(self.matrix, "matrix"),
            ],
        )
        change(graph)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        onnx.save(model, self.file)
        return self.file

    def describe(self, without: Iterable[str] = (), **changed: object) -> Path:
        """Write the JSON beside the model, with some values changed or left out."""
        values: dict[str, object] = {
            "input": "picture",
            "size": self.size[0] if self.size[0] == self.size[1] else list(self.size),
            "colour": "RGB",
            "mean": MEAN,
            "std": STD,
            "output": "vector",
            "dimension": self.dimension,
        }
        if self.dtype == TensorProto.UINT8:
            del values["mean"], values["std"]
        values.update(changed)
        for key in without:
            del values[key]
        description = self.file.with_suffix(".json")
        description.write_text(json.dumps(values), encoding="utf-8")
        return description

    def expected(
        self,
        data: bytes,
        colour: str = "RGB",
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
    ) -> np.ndarray:
        """Compute the unit vector of a PNG file, by numpy alone."""
        height, width = self.size
        image = Image.open(io.BytesIO(data)).resize((width, height), Image.Resampling.BILINEAR)
        values = np.asarray(image, np.float64) / 255
        if colour == "BGR":
            values = values[:, :, [2, 1, 0]]
        if self.dtype != TensorProto.UINT8:
            values = (values - mean) / std
        half, middle = height // 2, width // 2
        quarters = [
            values[top : top + half, left : left + middle].mean((0, 1))
            for top in (0, half)
            for left in (0, middle)
        ]
        vector = np.transpose(quarters).ravel() @ self.matrix
        return vector / np.linalg.norm(vector)


def refused(*arguments: object) -> str:
    """Run the command, which must fail; return its error without the word."""
    return error_of(*arguments).removeprefix("Error: ")


def check_vectors(database: Path, tiny: Tiny, **how: Any) -> None:
    """Check the vectors of the eleven pictures in ``database`` against numpy's."""
    embedded = vectors(database)
    assert sorted(embedded) == [(number,) for number in range(1, 12)]
    for (number,), vector in embedded.items():
        assert vector.dtype == np.float32
        # float16 rounds the pixels by up to 1 in 2000; the sum of hundreds in float32 rounds too.
        precision = 3e-3 if tiny.dtype == TensorProto.FLOAT16 else 2e-5
        assert vector == pytest.approx(tiny.expected(mosaic(number), **how), abs=precision)
