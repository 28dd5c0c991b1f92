"""``--model path/to/model.onnx``: tiny networks whose vectors numpy computes too."""

import hashlib
import io
import json
import sqlite3
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from datasette_revimg.models import custom
from datasette_revimg.models.pixels import Pixels, prepare
from datasette_revimg.pictures import decoding
from datasette_revimg.store import connection, registry
from kit.command import error_of, run, vectors
from kit.docs import blocks
from kit.pictures import mosaic
from kit.tiny_network import DIMENSION, Tiny


def refused(*arguments: object) -> str:
    """The error, without the word."""
    return error_of(*arguments).removeprefix("Error: ")


@pytest.fixture
def database(tmp_path):
    """Eleven pictures as BLOBs: a batch, and a smaller one."""
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (id integer primary key, image blob)")
        conn.executemany("insert into photos values (?, ?)", [(n, mosaic(n)) for n in range(1, 12)])
    return path


@pytest.fixture
def tiny(tmp_path):
    return Tiny(tmp_path / "tiny.onnx")


def check_vectors(database: Path, tiny: Tiny, **how) -> None:
    found = vectors(database)
    assert sorted(found) == [(number,) for number in range(1, 12)]
    for (number,), vector in found.items():
        assert vector.dtype == np.float32
        # float16 rounds the pixels by up to 1 in 2000; the sum of hundreds in float32 rounds too.
        precision = 3e-3 if tiny.dtype == TensorProto.FLOAT16 else 2e-5
        assert vector == pytest.approx(tiny.expected(mosaic(number), **how), abs=precision)


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("size", [(32, 32), (48, 64)])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8])
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_vectors_are_what_numpy_computes(database, tmp_path, batch, size, layout, dtype, colour):
    tiny = Tiny(tmp_path / "tiny.onnx", size, layout, dtype, batch)
    tiny.describe(colour=colour)
    result = run("embed", database, "photos", "--model", tiny.save())
    assert result.stdout.startswith("photos: 11 embedded, 0 unchanged, 0 failed, 0 removed (tiny, ")
    check_vectors(database, tiny, colour=colour)


@pytest.mark.parametrize("shape", [["n", 3, "h", "w"], [-1, 3, -1, -1], [None, 3, 32, None]])
def test_free_sides(database, tiny, shape):
    tiny.describe()
    run("embed", database, "photos", "--model", tiny.save(shape=shape))
    check_vectors(database, tiny)


def test_mean_and_std_are_in_the_order_of_colour():
    red = np.full((1, 8, 8, 3), [255, 0, 0], np.uint8)
    pixels = Pixels((8, 8), "BGR", (0.1, 0.2, 0.5), (0.5, 0.5, 0.25), "NCHW", "float32", False)
    prepared = prepare(red, pixels)
    assert prepared.shape == (1, 3, 8, 8)
    assert prepared.dtype == np.float32
    assert prepared[0, :, 0, 0] == pytest.approx([-0.2, -0.4, 2.0])


def test_vectors_beyond_any_float32_square(database, tmp_path):
    tiny = Tiny(tmp_path / "tiny.onnx", factor=1e25)
    tiny.describe()
    run("embed", database, "photos", "--model", tiny.save())
    check_vectors(database, tiny)


def test_what_is_recorded(database, tmp_path):
    tiny = Tiny(tmp_path / "tiny.onnx", (48, 64))
    tiny.describe(licence="MIT")
    file = tiny.save()
    run("embed", database, "photos", "--model", file)
    entry = registry.embedded(connection.connect(database), "photos")
    assert (entry.model, entry.dimension) == ("tiny", DIMENSION)
    assert entry.weights_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry.preprocessing == ("48x64 RGB mean=0.5,0.4,0.2 std=0.25,0.2,0.5 output=vector")
    assert str(tmp_path).encode() not in database.read_bytes()
    assert "tiny (6 floats)" in run("status", database).stdout
    model = custom.read_model(file)
    assert (model.licence, model.source) == ("MIT", "one's own: tiny.onnx")


def test_a_name_of_its_own(database, tiny):
    tiny.describe(name="my network")
    run("embed", database, "photos", "--model", tiny.save())
    assert registry.embedded(connection.connect(database), "photos").model == "my network"


def test_again(database, tiny, tmp_path):
    tiny.describe()
    file = tiny.save()
    run("embed", database, "photos", "--model", file, "--limit", 5)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    for model in [(), ("--model", "tiny")]:
        error = refused("embed", database, "photos", *model)
        assert f"not one of ours, tiny (sha256 {sha256[:12]}): give its .onnx file" in error
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for moved in (file, file.with_suffix(".json")):
        moved.rename(elsewhere / moved.name)
    result = run("embed", database, "photos", "--model", elsewhere / "tiny.onnx")
    assert "6 embedded, 5 unchanged" in result.stdout
    check_vectors(database, tiny)


def test_files(tmp_path, tiny):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.png").write_bytes(mosaic(number))
    tiny.describe()
    run("embed", tmp_path / "new.db", "photos", folder, "--model", tiny.save())
    found = vectors(tmp_path / "new.db")
    assert found["2.png",] == pytest.approx(tiny.expected(mosaic(2)), abs=2e-5)


def test_similar_by_row_and_by_file(database, tiny, tmp_path):
    tiny.describe()
    file = tiny.save()
    run("embed", database, "photos", "--model", file)
    query = tmp_path / "query.png"
    query.write_bytes(mosaic(3))
    expected = sorted(
        range(1, 12), key=lambda n: -tiny.expected(mosaic(n)) @ tiny.expected(mosaic(3))
    )
    as_json = ("-n", 11, "--format", "json")
    by_file = json.loads(
        run("similar", database, "photos", query, "--model", file, *as_json).stdout
    )
    assert [row["id"] for row in by_file] == expected
    assert by_file[0]["score"] == pytest.approx(1, abs=1e-5)
    for model in [(), ("--model", file)]:
        by_row = json.loads(run("similar", database, "photos", 3, *model, *as_json).stdout)
        assert [row["id"] for row in by_row] == expected[1:]
    assert "give its .onnx file with --model" in refused("similar", database, "photos", query)


def test_mixing_is_refused(database, tiny, tmp_path):
    tiny.describe()
    file = tiny.save()
    run("embed", database, "photos", "--model", file)
    before = vectors(database)
    query = tmp_path / "query.png"
    query.write_bytes(mosaic(3))
    other = Tiny(tmp_path / "deep" / "tiny.onnx", seed=1)
    other.file.parent.mkdir()
    other.describe()
    other.save()
    commands = [("embed", database, "photos"), ("similar", database, "photos", query)]
    commands.append(("similar", database, "photos", 3))
    for command in commands:
        for model in (other.file, "vgg16-rmac"):
            error = refused(*command, "--model", model)
            assert "'photos' holds vectors of tiny (" in error
            assert error.endswith("embed it again with --replace")
    # The same file, used in another way.
    for changed in ({"colour": "BGR"}, {"mean": [0.5, 0.4, 0.3]}, {"std": [1, 1, 1]}):
        tiny.describe(**changed)
        for command in commands:
            assert "holds vectors of tiny with the preprocessing '32x32 RGB mean=" in refused(
                *command, "--model", file
            )
    assert {key: vector.tobytes() for key, vector in vectors(database).items()} == {
        key: vector.tobytes() for key, vector in before.items()
    }
    result = run("embed", database, "photos", "--model", other.file, "--replace")
    assert "11 embedded, 0 unchanged" in result.stdout
    check_vectors(database, other)
    run("embed", database, "photos", "--model", "vgg16-rmac", "--replace", "--limit", 1)
    assert "holds vectors of vgg16-rmac" in refused(
        "similar", database, "photos", query, "--model", other.file
    )


def test_the_same_numbers_are_the_same_model(database, tiny):
    tiny.describe(mean=[0, 0.5, 1], size=32)
    run("embed", database, "photos", "--model", tiny.save())
    tiny.describe(mean=[0.0, 0.50, 1.0], size=[32, 32], licence="MIT")
    assert "11 unchanged" in run("embed", database, "photos", "--model", tiny.file).stdout


def test_another_output_of_the_same_file_is_another_model(database, tiny):
    def second(graph):
        graph.node.append(helper.make_node("Relu", ["vector"], ["positive"]))
        graph.output.append(
            helper.make_tensor_value_info("positive", TensorProto.FLOAT, ["n", DIMENSION])
        )

    tiny.describe()
    run("embed", database, "photos", "--model", tiny.save(change=second))
    tiny.describe(output="positive")
    assert "output=vector" in refused("embed", database, "photos", "--model", tiny.file)


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


def test_no_such_file(database, tmp_path):
    assert refused("embed", database, "photos", "--model", tmp_path / "gone.onnx") == (
        f"{tmp_path / 'gone.onnx'}: there is no such file"
    )
    error = refused("embed", database, "photos", "--model", "vgg99")
    assert "there is no model 'vgg99'; there is vgg16-rmac, " in error
    assert error.endswith("or an .onnx file of your own")


def as_constant(graph):
    """The matrix as a node of its own in place of an initializer."""
    matrix = graph.initializer.pop()
    graph.node.insert(0, helper.make_node("Constant", [], ["matrix"], value=matrix))


@pytest.mark.parametrize("change", [lambda graph: None, as_constant])
def test_weights_in_other_files(database, tiny, change):
    """Their bytes are not in the hash: other weights would pass for the same model."""
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


def test_size_of_height_first(database, tmp_path):
    tiny = Tiny(tmp_path / "tiny.onnx", (48, 64))
    tiny.save()
    tiny.describe(size=[64, 48])
    assert "'size' is 64×48 (height × width), but" in refused(
        "embed", database, "photos", "--model", tiny.file
    )


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


def test_output_of_four_axes(database, tiny):
    description = tiny.describe()
    tiny.save(output_shape=["n", DIMENSION, 1, 1])
    assert refused("embed", database, "photos", "--model", tiny.file) == (
        f"{description}: 'output' is 'vector', whose shape is (?, 6, 1, 1): "
        "it must be (N, dimension)"
    )


def test_a_batch_that_only_takes_one_picture(database, tiny):
    """Without saying so: then --batch-size 1 is the way."""
    tiny.describe()
    tiny.save(change=reshaped(1, DIMENSION))
    run("embed", database, "photos", "--model", tiny.file, "--batch-size", 1)
    check_vectors(database, tiny)


def test_labels_need_vgg16(database, tiny):
    tiny.describe()
    assert "tiny knows no classes" in refused(
        "embed", database, "photos", "--labels", "--model", tiny.save()
    )


def test_decoded_at_the_models_size():
    """A large JPEG is scaled down while decoding, by no more than network and thumbnail allow."""
    ramp = np.linspace(0, 255, 1600).astype(np.uint8)
    pixels = np.stack([np.broadcast_to(ramp, (2400, 1600))] * 3, axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    for size in ((32, 32), (48, 64), (600, 200)):
        found = decoding.decode(buffer.getvalue(), size)
        assert found.array.shape == (*size, 3)
        full = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR)
        assert np.abs(found.array.astype(int) - np.asarray(full)).mean() < 1
        assert max(Image.open(io.BytesIO(found.thumbnail)).size) == decoding.THUMBNAIL_SIDE
        assert (found.width, found.height) == (1600, 2400)


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
