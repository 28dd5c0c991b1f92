"""Models of the user's own whose faults only a run shows: before anything is forgotten."""

import numpy as np
import pytest
from onnx import helper, numpy_helper

from kit.command import run
from kit.tiny_network import DIMENSION, Tiny, check_vectors, refused


def reshaped(*shape: int):
    """Ends the network with a Reshape, and hides the shape that it has then."""

    def change(graph):
        graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), "shape"))
        graph.node[-1].output[0] = "before"
        graph.node.append(helper.make_node("Reshape", ["before", "shape"], ["vector"]))
        graph.output[0].type.tensor_type.ClearField("shape")

    return change


def not_finite(graph):
    matrix = numpy_helper.to_array(graph.initializer[1]).copy()
    matrix[0, 0] = np.nan
    graph.initializer[1].CopyFrom(numpy_helper.from_array(matrix, "matrix"))


def broken(graph):
    graph.node[-1].op_type = "NoSuchThing"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            reshaped(-1, 3, 2),
            "the output 'vector' has the shape (2, 3, 2) for a batch of 2, it must",
        ),
        (reshaped(1, -1), "the output 'vector' has the shape (1, 12) for a batch of 2, it must be"),
        (reshaped(-1, 3), "the output 'vector' has the shape (4, 3) for a batch of 2, it must be"),
        (reshaped(1, 6), "can't be run on a batch of 2: "),
        (not_finite, "the output 'vector' has numbers that are not finite"),
        (broken, "ONNX Runtime can't load this model: "),
    ],
)
def test_what_only_a_run_shows(database, tiny, tmp_path, change, message):
    """It shows before anything is forgotten."""
    good = Tiny(tmp_path / "good.onnx")
    good.describe()
    run("embed", database, "photos", "--model", good.save())
    tiny.describe()
    tiny.save(change=change)
    error = refused("embed", database, "photos", "--model", tiny.file, "--replace")
    assert error.startswith(str(tiny.file))
    assert message in error
    check_vectors(database, good)
    run("embed", database, "photos", "--model", good.file)


def test_dimension_that_only_a_run_shows(database, tiny):
    def hide(graph):
        graph.output[0].type.tensor_type.shape.dim[1].dim_param = "d"

    tiny.describe(dimension=5)
    tiny.save(change=hide)
    assert refused("embed", database, "photos", "--model", tiny.file) == (
        f"{tiny.file}: 'dimension' is 5, but its vectors have 6 numbers"
    )


def test_a_batch_that_only_takes_one_picture(database, tiny):
    """Without saying so: then --batch-size 1 is the way."""
    tiny.describe()
    tiny.save(change=reshaped(1, DIMENSION))
    run("embed", database, "photos", "--model", tiny.file, "--batch-size", 1)
    check_vectors(database, tiny)
