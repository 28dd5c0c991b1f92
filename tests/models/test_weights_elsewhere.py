"""Weights in other files than the model's own are refused before ONNX Runtime sees the model.

Their bytes are not in the hash, so other weights would pass for the same model; and a model could
name any file of the machine, whose bytes would end up in vectors that get published.
"""

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from datasette_revimg.errors import RevimgError
from datasette_revimg.models.onnx_file import read_ports
from kit.command import run
from kit.protobuf_files import message
from kit.tiny_network import check_vectors, refused


def elsewhere(name: str = "secret", dtype: int = TensorProto.FLOAT) -> onnx.TensorProto:
    """Return a tensor whose numbers are in a file that every machine has."""
    tensor = TensorProto(name=name, data_type=dtype, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../../../../../etc/passwd")
    return tensor


def constant(**value: object) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["secret"], **value)


def sparse(*, values: bool) -> onnx.SparseTensorProto:
    inside = helper.make_tensor(
        "inside", TensorProto.INT64 if values else TensorProto.FLOAT, [4], [1] * 4
    )
    outside = elsewhere(dtype=TensorProto.FLOAT if values else TensorProto.INT64)
    pair = (outside, inside) if values else (inside, outside)
    return helper.make_sparse_tensor(*pair, [9])


def function(nodes: list[onnx.NodeProto], **attributes: object) -> onnx.FunctionProto:
    opset = [helper.make_opsetid("", 17)]
    return helper.make_function("mine", "Secret", [], ["secret"], nodes, opset, **attributes)


def branch(node: onnx.NodeProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info("secret", TensorProto.FLOAT, [4])
    return helper.make_graph([node], "branch", [], [output])


def condition(node: onnx.NodeProto) -> onnx.NodeProto:
    one, other = branch(node), branch(constant(value_float=0.0))
    return helper.make_node("If", ["yes"], ["x"], then_branch=other, else_branch=one)


def listed(field: str, things: list) -> onnx.NodeProto:
    """Return a node with an attribute that is a list, which no operator of ONNX's own has."""
    node = helper.make_node("Lists", [], ["secret"], domain="mine")
    getattr(node.attribute.add(name="things"), field).extend(things)
    return node


def training() -> onnx.TrainingInfoProto:
    return onnx.TrainingInfoProto(initialization=branch(constant(value=elsewhere())))


PLACES = {
    "initializer": lambda m: m.graph.initializer.append(elsewhere()),
    "sparse initializer": lambda m: m.graph.sparse_initializer.append(sparse(values=True)),
    "its indices": lambda m: m.graph.sparse_initializer.append(sparse(values=False)),
    "constant": lambda m: m.graph.node.append(constant(value=elsewhere())),
    "sparse constant": lambda m: m.graph.node.append(constant(sparse_value=sparse(values=True))),
    "tensors": lambda m: m.graph.node.append(listed("tensors", [elsewhere()])),
    "sparse tensors": lambda m: m.graph.node.append(
        listed("sparse_tensors", [sparse(values=True)])
    ),
    "branch": lambda m: m.graph.node.append(condition(constant(value=elsewhere()))),
    "branch of a branch": lambda m: m.graph.node.append(
        condition(condition(constant(value=elsewhere())))
    ),
    "graphs": lambda m: m.graph.node.append(
        listed("graphs", [branch(constant(value=elsewhere()))])
    ),
    "function": lambda m: m.functions.append(function([constant(value=elsewhere())])),
    "sparse constant in a function": lambda m: m.functions.append(
        function([constant(sparse_value=sparse(values=True))])
    ),
    "branch in a function": lambda m: m.functions.append(
        function([condition(constant(value=elsewhere()))])
    ),
    "default of a function": lambda m: m.functions.append(
        function(
            [constant(value_float=0.0)],
            attribute_protos=[helper.make_attribute("value", elsewhere())],
        )
    ),
    "training": lambda m: m.training_info.append(training()),
}


@pytest.fixture
def no_session(monkeypatch):
    """ONNX Runtime, which opens no file."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("ONNX Runtime was given the model")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)


@pytest.mark.parametrize("place", PLACES)
def test_anywhere_in_the_model(no_session, database, tiny, place):
    tiny.describe()
    model = onnx.load(tiny.save())
    PLACES[place](model)
    tiny.file.write_bytes(model.SerializeToString())
    error = refused("embed", database, "photos", "--model", tiny.file)
    assert error.startswith(f"{tiny.file} keeps weights in other files")


def as_constant(graph):
    """The matrix as a node of its own in place of an initializer."""
    matrix = graph.initializer.pop()
    graph.node.insert(0, helper.make_node("Constant", [], ["matrix"], value=matrix))


@pytest.mark.parametrize("change", [lambda graph: None, as_constant])
def test_as_onnx_saves_them(database, tiny, change):
    tiny.describe()
    onnx.save(
        onnx.load(tiny.save(change=change)),
        tiny.file,
        save_as_external_data=True,
        location="weights",
        size_threshold=100,
        convert_attribute=True,
    )
    error = refused("embed", database, "photos", "--model", tiny.file)
    assert error.startswith(f"{tiny.file} keeps weights in other files")
    onnx.save(onnx.load(tiny.file), tiny.file)
    run("embed", database, "photos", "--model", tiny.file)


def test_a_function_that_keeps_its_weights_runs(database, tiny):
    tiny.describe()
    model = onnx.load(tiny.save())
    matrix = model.graph.initializer.pop()
    inside = helper.make_node("Constant", [], ["secret"], value=matrix)
    model.functions.append(function([inside]))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.graph.node.insert(0, helper.make_node("Secret", [], ["matrix"], domain="mine"))
    tiny.file.write_bytes(model.SerializeToString())
    run("embed", database, "photos", "--model", tiny.file)
    check_vectors(database, tiny)


def test_in_a_second_piece_of_the_graph(no_session, tiny):
    """Readers merge the pieces of a message."""
    tiny.save()
    more = onnx.ModelProto()
    more.graph.initializer.append(elsewhere())
    with tiny.file.open("ab") as file:
        file.write(more.SerializeToString())
    assert onnx.load(tiny.file, load_external_data=False).graph.initializer[-1].name == "secret"
    with pytest.raises(RevimgError, match="keeps weights in other files"):
        read_ports(tiny.file)


def test_in_a_field_whose_number_overflows(no_session, tiny):
    """ONNX Runtime drops a key's 33rd bit, and sees field 7, the graph."""
    tiny.save()
    more = onnx.GraphProto(initializer=[elsewhere()]).SerializeToString()
    assert len(more) < 128
    with tiny.file.open("ab") as file:
        file.write(b"\xba\x80\x80\x80\x10" + bytes([len(more)]) + more)
    with pytest.raises(RevimgError, match="is not an ONNX file, or it is damaged"):
        read_ports(tiny.file)


def test_a_place_that_overflows(no_session, tiny):
    """ONNX Runtime drops all but 32 bits of the number, and sees 1: another file."""
    tiny.save()
    tensor = elsewhere().SerializeToString()
    assert tensor.count(b"\x70\x01") == 1
    tensor = tensor.replace(b"\x70\x01", b"\x70\x81\x80\x80\x80\x10")
    assert TensorProto.FromString(tensor).data_location == TensorProto.EXTERNAL
    with tiny.file.open("ab") as file:
        file.write(message(7, message(5, tensor)))
    with pytest.raises(RevimgError, match="keeps weights in other files"):
        read_ports(tiny.file)


def test_branches_a_thousand_deep(no_session, tiny):
    tiny.save()
    node = constant(value=elsewhere()).SerializeToString()
    for _ in range(1000):
        node = message(5, message(6, message(1, node)))
    with tiny.file.open("ab") as file:
        file.write(message(7, message(1, node)))
    with pytest.raises(RevimgError, match="keeps weights in other files"):
        read_ports(tiny.file)
