"""``datasette revimg install vgg16-fc2 --int8``: smaller, faster, and never mixed with float32."""

import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.models import catalogue
from datasette_revimg.models.int8 import bundled
from datasette_revimg.store import connection, reading, registry
from kit.colour_network import install_colours
from kit.command import error_of, run
from kit.installing import install
from kit.pictures import mosaic, photos_database
from kit.vgg16_reference import fc2, features

PICTURES = 24


@pytest.fixture(scope="module")
def installed_once(weight_file, weights, tmp_path_factory):
    """A model folder with the int8 network, and what the installation printed and needed.

    The weights' convolutions are taken for those that the bundled ones were made from.
    """
    folder = tmp_path_factory.mktemp("models")
    pictures = tmp_path_factory.mktemp("pictures")
    for number in range(PICTURES):
        (pictures / f"{number}.png").write_bytes(mosaic(number))
    identity = bundled.identity(weights.__getitem__)
    done = install(
        folder,
        *("vgg16-fc2", "--int8", "--pictures", pictures, "--from", weight_file),
        before=f"from datasette_revimg.models.int8 import bundled; bundled.IDENTITY = {identity!r}",
    )
    yield folder, done
    for file in folder.iterdir():
        file.unlink()


@pytest.fixture
def installed(installed_once, monkeypatch, tmp_path):
    """A folder with the int8 network, whose files are the same as the module's."""
    folder = tmp_path / "models"
    folder.mkdir()
    for file in installed_once[0].iterdir():
        os.link(file, folder / file.name)
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(folder))
    yield folder
    for file in folder.iterdir():
        file.unlink()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return photos_database(tmp_path / "photos.db", {n: mosaic(n) for n in range(100, 103)})


def test_says_how_near_it_is(installed_once):
    folder, done = installed_once
    (file,) = folder.glob("*.onnx")
    assert 134e6 < file.stat().st_size < 140e6
    assert str(file) in done.stdout
    assert "calibrating" not in done.stderr
    mean, recall = re.search(r"mean cosine (\S+), .* recall@5 (\S+) on 12", done.stdout).groups()
    assert 0.99 < float(mean) <= 1
    assert 0.8 < float(recall) <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_memory_of_the_installation(installed_once):
    (line,) = (line for line in installed_once[1].stderr.splitlines() if "VmHWM" in line)
    _, kilobytes, _ = line.split()
    assert int(kilobytes) * 1024 < 1.4e9


def test_models_shows_it(installed, installed_once):
    lines = run("models").stdout.splitlines()
    rows = {line.split()[0]: line for line in lines if line.strip()}
    assert " yes " in rows["vgg16-fc1-int8"]
    assert rows["vgg16-fc2"].rstrip().endswith(" no")
    (printed,) = (line for line in installed_once[1].stdout.splitlines() if "against" in line)
    assert lines[-1] == printed
    table = run("models", "vgg16-fc2-int8").stdout.splitlines()
    parameters = {line.split()[0]: line.split()[-1] for line in table[2:-2]}
    # From Keras' summary of VGG16.
    assert parameters["block1_conv1"] == "1,792"
    assert parameters["fc1"] == "102,764,544"
    assert parameters["fc2"] == "16,781,312"
    assert table[-1] == "total: 134,260,544 parameters"


def test_vectors_are_fc2s(installed, database, weights):
    """Against float32 in numpy; and each picture's own, whatever else is in its batch."""
    assert "(vgg16-fc2-int8, 4096 floats" in run("embed", database, "photos").stdout
    conn = connection.connect(database)
    together = [reading.vector(conn, "photos", (key,)) for key in (100, 101, 102)]
    for key, vector in zip((100, 101), together, strict=False):
        photo = Image.open(io.BytesIO(mosaic(key))).convert("RGB")
        pixels = np.asarray(photo.resize((224, 224), Image.Resampling.BILINEAR))
        assert vector @ fc2(features(pixels, weights).reshape(-1), weights) > 0.99
    run("embed", database, "photos", "--replace", "--batch-size", "1")
    alone = [reading.vector(conn, "photos", (key,)) for key in (100, 101, 102)]
    assert np.vecdot(together, alone) == pytest.approx(1, abs=1e-6)
    known = registry.embedded(conn, "photos")
    record = catalogue.installed(record_name=catalogue.INT8_RECORD)
    assert (known.model, known.weights_sha256) == ("vgg16-fc2-int8", record.sha256)


def test_never_mixed_with_float32(installed, database):
    run("embed", database, "photos")
    install_colours(installed)
    assert "can't be compared" in error_of("embed", database, "photos", "--model", "vgg16-fc2")
    # The table keeps its model, though fc2 in float32 is installed now.
    assert "vgg16-fc2-int8" in run("embed", database, "photos").stdout
    assert (
        "vgg16-fc2," in run("embed", database, "photos", "--replace", "--model", "vgg16-fc2").stdout
    )


def test_each_is_uninstalled_alone(installed):
    install_colours(installed)
    assert "vgg16-fc2-int8, vgg16-fc1-int8: deleted" in run("uninstall", "vgg16-fc2-int8").stdout
    assert sorted(file.name for file in installed.iterdir()) == ["vgg16-colours.onnx", "vgg16.json"]
    assert "not installed" in error_of("uninstall", "vgg16-fc2-int8")


def test_labels(installed, database):
    run("embed", database, "photos", "--labels")
    counted = connection.connect(database).execute("select count(*) from _revimg_photos_labels")
    assert counted.fetchone() == (15,)


def test_options_that_contradict_each_other(models_folder, tmp_path):
    for arguments, message in (
        (("vgg16-fc2", "--int8", "--float16"), "choose one of them"),
        (("vgg16-rmac-float32", "--int8"), "is vgg16-rmac, which needs no installation"),
        (("vgg16-fc2", "--pictures", tmp_path), "--pictures are for --int8"),
    ):
        assert message in run("install", *arguments, status=2).stderr


def test_a_damaged_record(models_folder, database):
    models_folder.mkdir()
    (models_folder / "vgg16-int8.json").write_text('{"fidelity": 1}')
    assert "install vgg16-fc2 --int8" in error_of("embed", database, "photos")
