"""A network that knows colours, in place of the installed VGG16, whose labels are known.

Each of red, lime and blue has classes of its own, with scores of its own.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from datasette_revimg.models.catalogue import Installed
from kit.command import run, summary
from kit.pictures import encoded

SCORES = (0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625)

# By colour: the classes of the scores above, as index and name. The last one is one too many.
CLASSES = {
    "red": {
        281: "tabby",
        999: "toilet tissue",
        0: "tench",
        517: "crane",
        134: "crane bird",
        340: "zebra",
    },
    "lime": {
        638: "maillot",
        639: "maillot tank suit",
        474: "cardigan",
        263: "Pembroke",
        264: "Cardigan Welsh corgi",
        1: "goldfish",
    },
    "blue": {
        404: "airliner",
        817: "sports car",
        207: "golden retriever",
        388: "giant panda",
        285: "Egyptian cat",
        954: "banana",
    },
}


def expected(colour: str) -> list[tuple[str, float]]:
    """Return the labels of a picture of this colour, the best first."""
    return list(zip(CLASSES[colour].values(), SCORES, strict=True))[:5]


RED_LIME_BLUE = {
    (1,): expected("red"),
    (2,): expected("lime"),
    (3,): expected("blue"),
}


def plain(colour: str, size: tuple[int, int] = (40, 30)) -> bytes:
    """Return the file of a picture of one colour."""
    return encoded(Image.new("RGB", size, colour))


def _write_network(file: Path, *, top: bool) -> None:
    """Write a network: mean colours become fc2 by a random matrix, predictions by CLASSES."""
    predictions = np.zeros((3, 1000), np.float32)
    for channel, classes in zip(predictions, CLASSES.values(), strict=True):
        channel[list(classes)] = SCORES
    fc2 = np.random.default_rng(3).random((3, 4096), np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Div", ["means", "white"], ["colours"]),
        helper.make_node("MatMul", ["colours", "dense"], ["long"]),
        helper.make_node("LpNormalization", ["long"], ["fc2"], axis=1, p=2),
    ]
    outputs = {"fc2": 4096}
    if top:
        nodes.append(helper.make_node("MatMul", ["colours", "classes"], ["predictions"]))
        outputs["predictions"] = 1000
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 224, 224, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])
            for name, width in outputs.items()
        ],
        initializer=[
            numpy_helper.from_array(array, name)
            for name, array in {
                "white": np.array(255, np.float32),
                "dense": fc2,
                "classes": predictions,
            }.items()
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), file)


def install_colours(folder: Path, *, top: bool = True) -> None:
    """Install the network in a folder of models."""
    record = Installed(
        file="vgg16-colours.onnx",
        sha256="c" * 64,
        source="colours",
        source_sha256="0" * 64,
        licence="CC0",
        preprocessing="caffe",
        float16=False,
        top=top,
    )
    folder.mkdir(exist_ok=True)
    _write_network(folder / record.file, top=top)
    (folder / "vgg16.json").write_text(json.dumps(asdict(record)))


def embed(*arguments: object, status: int = 0) -> str:
    """Return the last line, without the speed."""
    return summary(run("embed", *arguments, status=status).stdout)


def change(database: Path, sql: str, *parameters: object) -> None:
    """Run a statement, as another program would."""
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute(sql, parameters)


def stored(database: Path, table: str = "photos") -> dict[tuple[Any, ...], list[tuple[str, float]]]:
    """Return the labels by key, in the order of their scores."""
    labels: dict[tuple[Any, ...], list[tuple[str, float]]] = {}
    conn = sqlite3.connect(database)
    for *key, label, score in conn.execute(
        f'select * from "_revimg_{table}_labels" order by score desc'
    ):
        labels.setdefault(tuple(key), []).append((label, score))
    return labels


def schema(database: Path, table: str) -> list[tuple[str, str, int]]:
    """Return (name, type, place in the primary key) of every column."""
    conn = sqlite3.connect(database)
    info = conn.execute("select name, type, pk from pragma_table_info(?)", [table])
    return info.fetchall()
