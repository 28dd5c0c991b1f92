"""``models describe``: the JSON of a network of one's own, as far as its file tells."""

import json

import pytest
from onnx import TensorProto, helper

from kit.command import error_of, run, vectors
from kit.pictures import mosaic, photos_database
from kit.tiny_network import DIMENSION, MEAN, STD, Tiny


@pytest.fixture
def tiny(tmp_path):
    return Tiny(tmp_path / "tiny.onnx")


def described(file):
    """Describe a network: the JSON, and the keys that are said to be missing."""
    lines = run("models", "describe", file).stdout.splitlines()
    description = file.with_suffix(".json")
    assert lines[0].startswith(f"{description}: input")
    missing = [line.split('"')[1] for line in lines[1:] if line.startswith("  missing: ")]
    assert len(missing) == len(lines) - 1
    return json.loads(description.read_text()), missing


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("size", [(32, 32), (48, 64)])
def test_what_is_missing_makes_it_whole(tmp_path, layout, size):
    tiny = Tiny(tmp_path / "tiny.onnx", size, layout)
    values, missing = described(tiny.save())
    assert values == {
        "input": "picture",
        "size": 32 if size == (32, 32) else [48, 64],
        "output": "vector",
        "dimension": DIMENSION,
    }
    assert missing == ["colour", "mean", "std"]
    database = photos_database(tmp_path / "photos.db", {1: mosaic(1)})
    error = error_of("embed", database, "photos", "--model", tiny.file)
    assert "tiny.json: the key 'colour' is missing" in error
    values |= {"colour": "RGB", "mean": MEAN, "std": STD}
    tiny.file.with_suffix(".json").write_text(json.dumps(values))
    run("embed", database, "photos", "--model", tiny.file, "-s")
    assert vectors(database)[1,] == pytest.approx(tiny.expected(mosaic(1)), abs=2e-5)


def test_bytes_have_no_scaling(tmp_path):
    tiny = Tiny(tmp_path / "tiny.onnx", dtype=TensorProto.UINT8)
    assert described(tiny.save())[1] == ["colour"]


def test_free_sides_and_lengths(tiny):
    file = tiny.save(shape=["n", 3, "h", "w"], output_shape=["n", "d"])
    values, missing = described(file)
    assert values == {"input": "picture", "output": "vector"}
    assert missing == ["size", "colour", "dimension", "mean", "std"]


def test_several_outputs_are_a_choice(tiny):
    def classes(graph):
        graph.node.append(helper.make_node("Relu", ["vector"], ["classes"]))
        shape = ["n", DIMENSION]
        graph.output.append(helper.make_tensor_value_info("classes", TensorProto.FLOAT, shape))

    result = run("models", "describe", tiny.save(change=classes))
    assert "\"output\", one of 'vector' float (?, 6), 'classes' float (?, 6)" in result.stdout
    assert "output" not in json.loads(tiny.file.with_suffix(".json").read_text())


def test_maps_beside_the_vector_are_no_choice(tiny):
    def maps(graph):
        shape = ["n", 3, 2, 2]
        graph.output.append(helper.make_tensor_value_info("quarters", TensorProto.FLOAT, shape))

    assert described(tiny.save(change=maps))[0]["output"] == "vector"


def test_networks_that_none_would_describe(tiny, tmp_path):
    def only_maps(graph):
        del graph.output[:]
        shape = ["n", 3, 2, 2]
        graph.output.append(helper.make_tensor_value_info("quarters", TensorProto.FLOAT, shape))

    def two_inputs(graph):
        shape = ["n", 77]
        graph.input.append(helper.make_tensor_value_info("words", TensorProto.INT64, shape))

    error = error_of("models", "describe", tiny.save(change=only_maps))
    assert "no output (N, dimension) of floats, but 'quarters' float (?, 3, 2, 2): " in error
    error = error_of("models", "describe", tiny.save(change=two_inputs))
    assert "takes 2 inputs, 'picture' float (?, 3, 32, 32), 'words' int64 (?, 77), not" in error
    error = error_of("models", "describe", tiny.save(shape=["n", 4, 32, 32]))
    assert "takes 'picture' float (?, 4, 32, 32), not pictures" in error
    assert "there is no such file" in error_of("models", "describe", tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("text")
    assert "is not an ONNX file" in error_of("models", "describe", tmp_path / "text.onnx")
    assert not list(tmp_path.glob("*.json"))


def test_a_description_is_never_overwritten(tiny):
    file = tiny.describe()
    before = file.read_bytes()
    error = error_of("models", "describe", tiny.save())
    assert "tiny.json exists already" in error
    assert file.read_bytes() == before


def test_names_of_models_are_names_still():
    assert "block1_conv1" in run("models", "vgg16-rmac").stdout
    assert "there is no model 'describer'" in error_of("models", "describer")
    assert "vgg16-fc2" in run("models").stdout
