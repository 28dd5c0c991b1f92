"""``datasette revimg install``: from a file of weights to vectors, or to one clear sentence."""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.models import catalogue
from datasette_revimg.models.weights import origins
from datasette_revimg.store import connection, reading, registry
from kit.command import error_of, run
from kit.file_server import Server, file_server
from kit.installing import install
from kit.pictures import encoded, photos_database
from kit.vgg16_reference import fc2, features


@pytest.fixture(scope="module")
def installed_once(weight_file, tmp_path_factory):
    """A model folder with the network, and what the installation printed and needed."""
    folder = tmp_path_factory.mktemp("models")
    done = install(folder, "vgg16-fc2", "--from", weight_file)
    yield folder, done
    for file in folder.iterdir():
        file.unlink()


@pytest.fixture
def installed(installed_once, monkeypatch):
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(installed_once[0]))
    return installed_once[0]


def photo(size: tuple[int, int] = (224, 224)) -> Image.Image:
    rng = np.random.default_rng(5)
    patches = rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    pictures = {1: encoded(photo()), 2: encoded(photo((400, 300)))}
    return photos_database(tmp_path / "photos.db", pictures)


def test_says_what_it_made(installed_once):
    folder, done = installed_once
    rmac, file = sorted(folder.glob("*.onnx"))
    assert "-rmac-" in rmac.name
    assert sorted(path.name for path in folder.iterdir()) == [rmac.name, file.name, "vgg16.json"]
    assert str(file) in done.stdout
    assert "caffe preprocessing" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_memory_of_the_conversion(installed_once):
    (line,) = (line for line in installed_once[1].stderr.splitlines() if "VmHWM" in line)
    _, kilobytes, _ = line.split()
    assert int(kilobytes) * 1024 < 1.6e9


def test_models_shows_it(installed):
    lines = run("models").stdout.splitlines()
    row = next(line for line in lines if line.startswith("vgg16-fc2"))
    assert " 553.4 " in row
    assert " yes " in row
    assert catalogue.installed().sha256[:12] in row


def test_layers_as_the_article_lists_them(installed):
    table = run("models", "vgg16-fc2").stdout.splitlines()
    rows = {line.split()[0]: line.split()[-1] for line in table[2:-2]}
    # From Keras' summary of VGG16.
    assert rows["block1_conv1"] == "1,792"
    assert rows["block5_conv3"] == "2,359,808"
    assert rows["fc1"] == "102,764,544"
    assert rows["fc2"] == "16,781,312"
    assert "7 × 7 × 512" in next(line for line in table if line.startswith("block5_pool"))
    assert next(line for line in table if line.startswith("flatten")).split()[1] == "25088"
    assert "predictions" not in rows
    assert table[-1] == "total: 134,260,544 parameters"


def test_stored_vectors_are_fc2s(installed, database, weights):
    """From the PNG in the table to the vector in the table, against numpy."""
    result = run("embed", database, "photos")
    assert "(vgg16-fc2, 4096 floats" in result.stdout
    conn = connection.connect(database)
    squeezed = photo((400, 300)).resize((224, 224), Image.Resampling.BILINEAR)
    for key, image in ((1, photo()), (2, squeezed)):
        expected = fc2(features(np.asarray(image), weights).reshape(-1), weights)
        assert reading.vector(conn, "photos", (key,)) @ expected >= 0.9999
    entry = registry.embedded(conn, "photos")
    assert (entry.model, entry.dimension) == ("vgg16-fc2", 4096)
    assert entry.preprocessing == "caffe background=white-or-black"
    assert entry.weights_sha256 == catalogue.installed().sha256


def test_installed_by_a_version_with_another_tail(installed, database):
    """vgg16-fc2 is as it was, and what has to be installed again says so."""
    record = installed / "vgg16.json"
    new = json.loads(record.read_text())
    for key in ("tail", "rmac_file"):
        record.write_text(json.dumps({name: value for name, value in new.items() if name != key}))
        message = error_of("embed", database, "photos", "--model", "vgg16-rmac-float32")
        assert "run `datasette revimg install vgg16-rmac-float32`" in message
    assert "(vgg16-fc2, 4096 floats" in run("embed", database, "photos").stdout
    record.write_text(json.dumps(new))


def test_the_other_vectors_of_the_same_weights(installed, database):
    run("embed", database, "photos", "--model", "vgg16-rmac-float32")
    exact = reading.vector(connection.connect(database), "photos", (1,))
    run("embed", database, "photos", "--model", "vgg16-rmac", "--replace")
    assert exact @ reading.vector(connection.connect(database), "photos", (1,)) > 0.98
    assert (
        "4096 floats"
        in run("embed", database, "photos", "--model", "vgg16-fc1", "--replace").stdout
    )


def test_vectors_of_two_models_never_mix(installed, database, tmp_path):
    run("embed", database, "photos", "--model", "vgg16-rmac")
    # The table keeps its model, though fc2 is installed now.
    assert "vgg16-rmac" in run("embed", database, "photos").stdout
    for model in ("vgg16-fc2", "vgg16-rmac-float32"):
        assert "can't be compared" in error_of("embed", database, "photos", "--model", model)
    with sqlite3.connect(database) as conn:
        conn.execute("update _revimg_tables set preprocessing = 'torch'")
    file = tmp_path / "query.png"
    file.write_bytes(encoded(photo()))
    assert "can't be compared" in error_of("similar", database, "photos", file)
    # Rows of the table can still be compared with each other.
    assert run("similar", database, "photos", "1").exit_code == 0


def test_a_model_that_is_gone(installed, database, monkeypatch, tmp_path):
    run("embed", database, "photos")
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(tmp_path / "elsewhere"))
    message = error_of("embed", database, "photos")
    assert "vgg16-fc2 is not installed: run `datasette revimg install vgg16-fc2`" in message
    assert len(run("similar", database, "photos", "1").stdout.splitlines()) == 3


def test_without_it_the_bundled_one_is_used_and_says_so(models_folder, database):
    result = run("embed", database, "photos")
    assert "vgg16-rmac, 1024 floats" in result.stdout
    assert "datasette revimg install vgg16-fc2" in result.stderr
    assert "install" not in run("embed", database, "photos").stderr


def test_preprocessing_is_never_guessed(models_folder, weight_file):
    message = error_of("install", "vgg16-fc2", "--from", weight_file)
    assert "--preprocessing caffe" in message
    assert "--preprocessing torch" in message
    assert not list(models_folder.glob("*"))


def test_preprocessing_of_a_known_file_is_not_for_choice(models_folder, weight_file, monkeypatch):
    sha256 = hashlib.sha256()
    with weight_file.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
    published = replace(origins.TORCHVISION, sha256=sha256.hexdigest())
    monkeypatch.setattr(origins, "ORIGINS", (published,))
    message = error_of("install", "vgg16-fc2", "--from", weight_file, "--preprocessing", "caffe")
    assert "is torchvision, whose preprocessing is torch" in message


def test_damaged_weights_leave_what_was_installed(installed, tmp_path, weights):
    before = sorted((path.name, path.stat().st_mtime_ns) for path in installed.iterdir())
    notop = tmp_path / "notop.npz"
    np.savez(notop, **{name: array for name, array in weights.items() if "block" in name})
    message = error_of("install", "vgg16-fc2", "--from", notop, "--preprocessing", "caffe")
    assert "without its top" in message
    broken = tmp_path / "broken.npz"
    arrays = dict(weights, **{"block3_conv1/bias": np.full(256, np.nan, np.float32)})
    # Without predictions, which a network of vectors can do without.
    np.savez(broken, **{name: a for name, a in arrays.items() if "predictions" not in name})
    message = error_of("install", "vgg16-fc2", "--from", broken, "--preprocessing", "caffe")
    assert "block3_conv1/bias" in message
    broken.unlink()
    text = tmp_path / "notes.txt"
    text.write_text("no weights")
    assert "notes.txt" in error_of("install", "vgg16-fc2", "--from", text)
    assert "no such file" in error_of("install", "vgg16-fc2", "--from", tmp_path / "gone.h5")
    assert before == sorted((path.name, path.stat().st_mtime_ns) for path in installed.iterdir())


def test_float16_is_half_the_size_and_another_identity(
    installed, models_folder, weight_file, database, monkeypatch
):
    run(*("install", "vgg16-fc2", "--from", weight_file, "--preprocessing", "caffe"), "--float16")
    half, full = (
        catalogue.models_dir(folder) / catalogue.installed(folder).file
        for folder in (models_folder, installed)
    )
    assert half.stat().st_size == pytest.approx(full.stat().st_size / 2, rel=0.01)
    run("embed", database, "photos")
    rounded = reading.vector(connection.connect(database), "photos", (1,))
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(installed))
    assert "can't be compared" in error_of("embed", database, "photos")
    run("embed", database, "photos", "--replace")
    assert rounded @ reading.vector(connection.connect(database), "photos", (1,)) > 0.9999
    half.unlink()


@pytest.fixture
def server(weight_file: Path) -> Iterator[Server]:
    """A server of the weight file."""
    with file_server(memoryview(np.memmap(weight_file, np.uint8, "r"))) as running:
        yield running


def test_download_converts_and_deletes(models_folder, server, weight_file, monkeypatch):
    md5 = hashlib.md5(weight_file.read_bytes()).hexdigest()
    published = replace(
        origins.KERAS,
        source=f"{server.address}/{weight_file.name}",
        size=weight_file.stat().st_size,
        md5=md5,
    )
    monkeypatch.setattr(origins, "KERAS", published)
    monkeypatch.setattr(origins, "ORIGINS", (published,))
    result = run("install", "vgg16-fc2")
    assert "from Keras applications, caffe preprocessing" in result.stdout
    record = catalogue.installed()
    assert sorted(path.name for path in models_folder.iterdir()) == sorted(
        [record.file, record.rmac_file, "vgg16.json"]
    )
    run("uninstall", "vgg16-fc2")
    assert list(models_folder.iterdir()) == []
    assert "not installed; there is nothing to delete" in error_of("uninstall", "vgg16-fc2")


def test_from_an_address_of_ones_own(models_folder, server, weight_file):
    """Fetched once, though the option that was missing is given only the second time."""
    address = f"{server.address}/{weight_file.name}"
    assert "--preprocessing" in error_of("install", "vgg16-fc2", "--from", address)
    assert len(list(models_folder.glob("download-*"))) == 1
    server.lines.clear()
    result = run("install", "vgg16-fc2", "--from", address, "--preprocessing", "torch")
    assert f"from {weight_file.name}, an unknown training, torch preprocessing" in result.stdout
    assert server.lines == []
    assert not list(models_folder.glob("download-*"))
    run("uninstall", "vgg16-fc2")


def test_a_download_that_is_no_weights(models_folder, server):
    server.payload = b"no weights"
    address = f"{server.address}/notes.txt"
    assert "notes.txt" in error_of("install", "vgg16-fc2", "--from", address)
    assert list(models_folder.iterdir()) == []


def test_a_download_that_is_another_file(models_folder, server, weight_file, monkeypatch):
    monkeypatch.setattr(
        origins, "KERAS", replace(origins.KERAS, source=f"{server.address}/{weight_file.name}")
    )
    message = error_of("install", "vgg16-fc2")
    assert "--from FILE" in message
    assert "vgg16-rmac" in message
    assert not list(models_folder.glob("*.onnx"))


def test_no_network(models_folder, monkeypatch):
    # Port 9 of this machine: nobody listens there.
    monkeypatch.setattr(
        origins, "KERAS", replace(origins.KERAS, source="http://127.0.0.1:9/vgg16.h5")
    )
    message = error_of("install", "vgg16-fc2")
    for part in ("http://127.0.0.1:9/vgg16.h5", origins.KERAS.md5, "--from FILE", "vgg16-rmac"):
        assert part in message


def test_a_damaged_record(models_folder, database):
    models_folder.mkdir()
    (models_folder / "vgg16.json").write_text(json.dumps({"file": "vgg16-x.onnx"}))
    assert "is damaged" in error_of("embed", database, "photos")
