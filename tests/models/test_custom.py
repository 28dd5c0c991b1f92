"""``--model path/to/model.onnx``: tiny networks whose vectors numpy computes too."""

import hashlib
import io
import json

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from datasette_revimg.models import custom
from datasette_revimg.models.pixels import Pixels, prepare
from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.scaling import THUMBNAIL_SIDE
from datasette_revimg.store import connection, registry
from kit.command import run, vectors
from kit.pictures import mosaic
from kit.tiny_network import DIMENSION, Tiny, check_vectors, refused


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
    assert entry.preprocessing == (
        "48x64 RGB mean=0.5,0.4,0.2 std=0.25,0.2,0.5 output=vector background=white-or-black"
    )
    assert str(tmp_path).encode() not in database.read_bytes()
    assert "tiny (6 floats)" in run("status", database).stdout
    model = custom.read_model(file)
    assert (model.licence, model.source) == ("MIT", "your own: tiny.onnx")


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
        assert f"doesn't know, tiny (sha256 {sha256[:12]}): give its .onnx file" in error
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
    embedded = vectors(tmp_path / "new.db")
    assert embedded["2.png",] == pytest.approx(tiny.expected(mosaic(2)), abs=2e-5)


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


def test_no_such_file(database, tmp_path):
    assert refused("embed", database, "photos", "--model", tmp_path / "gone.onnx") == (
        f"{tmp_path / 'gone.onnx'}: there is no such file"
    )
    error = refused("embed", database, "photos", "--model", "vgg99")
    assert "there is no model 'vgg99'; choose vgg16-rmac, " in error
    assert error.endswith("or an .onnx file of your own")


def test_labels_need_vgg16(database, tiny):
    tiny.describe()
    assert "tiny can't classify" in refused(
        "embed", database, "photos", "--labels", "--model", tiny.save()
    )


def test_decoded_at_the_models_size():
    """A large JPEG is scaled down while decoding, by no more than network and thumbnail allow."""
    ramp = np.linspace(0, 255, 1600).astype(np.uint8)
    pixels = np.stack([np.broadcast_to(ramp, (2400, 1600))] * 3, axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    for size in ((32, 32), (48, 64), (600, 200)):
        decoded = decoding.decode(buffer.getvalue(), size)
        assert decoded.array.shape == (*size, 3)
        full = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR)
        assert np.abs(decoded.array.astype(int) - np.asarray(full)).mean() < 1
        assert max(Image.open(io.BytesIO(decoded.thumbnail)).size) == THUMBNAIL_SIDE
        assert (decoded.width, decoded.height) == (1600, 2400)
