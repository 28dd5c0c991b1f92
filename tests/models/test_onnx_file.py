"""ONNX files that take no pictures, give no vectors, or keep weights elsewhere."""

import pytest
from onnx import TensorProto, helper

from kit.command import run
from kit.pictures import mosaic
from kit.tiny_network import DIMENSION, check_vectors, refused


@pytest.mark.parametrize("data", [b"", b"nothing of the kind", bytes(100), mosaic(1), b"\x08\x07"])
def test_not_an_onnx_file(database, tiny, data):
    tiny.describe()
    tiny.file.write_bytes(data)
    error = refused("embed", database, "photos", "--model", tiny.file)
    assert error.startswith(f"{tiny.file} is not an ONNX file")


def test_truncated(database, tiny):
    tiny.describe()
    data = tiny.save().read_bytes()
    for length in range(0, len(data), 37):
        tiny.file.write_bytes(data[:length])
        assert str(tiny.file) in refused("embed", database, "photos", "--model", tiny.file)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (["n", 3, 32], "shape is (?, 3, 32): pictures have four axes"),
        (["n", 1, 32, 32], "(?, 1, 32, 32): its second or its last axis must be 3 channels"),
        (["n", "c", 32, 32], "(?, ?, 32, 32): its second or its last axis must be 3 channels"),
        (["n", 3, 32, 3], "(?, 3, 32, 3): its second or its last axis must be 3 channels"),
        ([4, 3, 32, 32], "(4, 3, 32, 32): the first axis must be free, or 1"),
    ],
)
def test_inputs_that_take_no_pictures(database, tiny, shape, message):
    description = tiny.describe()
    tiny.save(shape=shape)
    error = refused("embed", database, "photos", "--model", tiny.file)
    assert error.startswith(f"{description}: 'input' is 'picture', whose shape is ")
    assert error.endswith(message)


def test_other_types(database, tiny):
    tiny.describe()
    tiny.dtype = TensorProto.INT64
    tiny.save()
    assert "takes int64, not uint8, float32 or float16" in refused(
        "embed", database, "photos", "--model", tiny.file
    )

    def whole(graph):
        graph.output[0].type.tensor_type.elem_type = TensorProto.INT32

    tiny.dtype = TensorProto.FLOAT
    tiny.save(change=whole)
    assert "'output' is 'vector', which gives int32, not floats" in refused(
        "embed", database, "photos", "--model", tiny.file
    )


def test_two_inputs(database, tiny):
    def mask(graph):
        graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))

    tiny.describe()
    tiny.save(change=mask)
    assert "'input' is 'picture', but the model needs 'mask' too" in refused(
        "embed", database, "photos", "--model", tiny.file
    )


def test_weights_among_the_inputs(database, tiny):
    """As files of before 2019 have them."""

    def old(graph):
        graph.input.append(
            helper.make_tensor_value_info("matrix", TensorProto.FLOAT, [12, DIMENSION])
        )

    tiny.describe()
    run("embed", database, "photos", "--model", tiny.save(change=old))
    check_vectors(database, tiny)


def test_output_of_four_axes(database, tiny):
    description = tiny.describe()
    tiny.save(output_shape=["n", DIMENSION, 1, 1])
    assert refused("embed", database, "photos", "--model", tiny.file) == (
        f"{description}: 'output' is 'vector', whose shape is (?, 6, 1, 1): "
        "it must be (N, dimension)"
    )
