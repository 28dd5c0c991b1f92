"""The JSON beside a model of the user's own: every wrong key is named, and nothing is embedded."""

import json

import pytest
from onnx import TensorProto

from datasette_revimg.models import custom
from datasette_revimg.store import connection, registry
from kit.command import run
from kit.docs import blocks
from kit.tiny_network import Tiny, refused

DESCRIPTIONS = [
    ({"input": "data"}, "'input' is 'data', but the model has 'picture'"),
    ({"output": "fc"}, "'output' is 'fc', but the model has 'vector'"),
    ({"input": 7}, "'input' must be a text of one line, not 7"),
    ({"output": ""}, "'output' must be a text of one line, not \"\""),
    ({"size": 64}, "'size' is 64×64 (height × width), but the shape of the input 'picture' is"),
    ({"size": [32, 48]}, "'size' is 32×48 (height × width), but the shape of the input"),
    ({"size": 4}, "'size' must be a side or [height, width], in pixels from 8 to 2048, not 4"),
    ({"size": 99999}, "'size' must be a side"),
    ({"size": [32, 32, 3]}, "'size' must be a side"),
    ({"size": 32.5}, "'size' must be a side"),
    ({"size": True}, "'size' must be a side"),
    ({"size": "32"}, "'size' must be a side"),
    ({"colour": "GBR"}, '\'colour\' must be "RGB" or "BGR", not "GBR"'),
    ({"colour": ["RGB"]}, '\'colour\' must be "RGB" or "BGR"'),
    ({"mean": [123.7, 116.3, 103.5]}, "'mean' must be three numbers from 0 to 1, for pixels from"),
    ({"mean": [0.5, 0.5]}, "'mean' must be three numbers"),
    ({"mean": 0.5}, "'mean' must be three numbers"),
    ({"mean": [0.5, 0.5, "0.5"]}, "'mean' must be three numbers"),
    ({"mean": [0.5, 0.5, float("nan")]}, "'mean' must be three numbers"),
    ({"std": [58.4, 57.1, 57.4]}, "'std' must be three numbers above 0 and at most 1, for pixels"),
    ({"std": [1, 0, 1]}, "'std' must be three numbers above 0"),
    ({"std": [1, True, 1]}, "'std' must be three numbers above 0"),
    ({"dimension": 7}, "'dimension' is 7, but the output 'vector' gives 6"),
    ({"dimension": 0}, "'dimension' must be a whole number from 1 to 65536, not 0"),
    ({"dimension": "6"}, "'dimension' must be a whole number"),
    ({"color": "RGB"}, "the key 'color' is unknown; there is input, size, colour, "),
    ({"licence": None}, "'licence' must be a text of one line, not null"),
    ({"name": ""}, "'name' must be a text of one line"),
    ({"name": "a\nb"}, "'name' must be a text of one line"),
    ({"name": "/home/me/tiny"}, "'name' must be a name, without / or \\, not"),
    ({"name": "vgg16-fc2"}, "'name' must not be 'vgg16-fc2', which is a built-in model"),
    ({"name": "VGG16-rmac"}, "'name' must not be 'VGG16-rmac', which is a built-in model"),
]


@pytest.mark.parametrize(("changed", "message"), DESCRIPTIONS, ids=lambda value: str(value)[:30])
def test_wrong_keys(database, tiny, changed, message):
    tiny.save()
    description = tiny.describe(**changed)
    assert refused("embed", database, "photos", "--model", tiny.file).startswith(
        f"{description}: {message}"
    )
    assert registry.embedded(connection.connect(database), "photos") is None


@pytest.mark.parametrize("key", ["input", "size", "colour", "mean", "std", "output", "dimension"])
def test_missing_keys(database, tiny, key):
    tiny.save()
    description = tiny.describe(without=[key])
    assert refused("embed", database, "photos", "--model", tiny.file) == (
        f"{description}: the key {key!r} is missing"
    )


@pytest.mark.parametrize("key", ["mean", "std"])
def test_bytes_are_not_scaled(database, tmp_path, key):
    tiny = Tiny(tmp_path / "tiny.onnx", dtype=TensorProto.UINT8)
    tiny.save()
    description = tiny.describe(**{key: [0.5, 0.5, 0.5]})
    assert refused("embed", database, "photos", "--model", tiny.file) == (
        f"{description}: {key!r} must be left out: the input 'picture' takes bytes, uint8"
    )


def test_the_files_own_name_counts_too(database, tmp_path):
    tiny = Tiny(tmp_path / "vgg16-rmac.onnx")
    tiny.save()
    tiny.describe()
    error = refused("embed", database, "photos", "--model", tiny.file)
    assert "'name' must not be 'vgg16-rmac'" in error
    tiny.describe(name="tiny")
    run("embed", database, "photos", "--model", tiny.file)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "is missing: it describes a model of your own, with the keys input, size, colour"),
        (b"{", "isn't valid JSON: Expecting property name"),
        (b"", "isn't valid JSON: Expecting value"),
        (b"\xff\xfe\x00", "isn't valid JSON: "),
        (b"[" * 100_000, "isn't valid JSON: "),
        (b"[1]", "must be a JSON object, with the keys input, size"),
    ],
    ids=str,
)
def test_no_description(database, tiny, data, message):
    tiny.save()
    description = tiny.file.with_suffix(".json")
    if data is not None:
        description.write_bytes(data)
    assert refused("embed", database, "photos", "--model", tiny.file).startswith(
        f"{description} {message}"
    )


def test_a_description_as_some_editors_save_it(database, tiny):
    description = tiny.describe()
    description.write_bytes(b"\xef\xbb\xbf" + description.read_bytes())
    run("embed", database, "photos", "--model", tiny.save())


def test_size_of_height_first(database, tmp_path):
    tiny = Tiny(tmp_path / "tiny.onnx", (48, 64))
    tiny.save()
    tiny.describe(size=[64, 48])
    assert "'size' is 64×48 (height × width), but" in refused(
        "embed", database, "photos", "--model", tiny.file
    )


def test_the_description_in_the_readme(tmp_path):
    (text,) = blocks("json", "model.json")
    described = json.loads(text)

    def rename(graph):
        graph.input[0].name = graph.node[0].input[0] = described["input"]
        graph.output[0].name = graph.node[-1].output[0] = described["output"]

    tiny = Tiny(tmp_path / "model.onnx", (224, 224), dimension=described["dimension"])
    tiny.save(change=rename)
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    model = custom.read_model(tiny.file)
    assert (model.name, model.dimension, model.output) == ("model", 768, "embedding")
