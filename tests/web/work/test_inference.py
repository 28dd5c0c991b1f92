"""The network behind the pages: the right one, or an error that says why not."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.models import devices, network
from datasette_revimg.models.vgg16.tail import bundled_tail
from datasette_revimg.pictures.region import Crop
from datasette_revimg.store import connection, reading, registry
from datasette_revimg.web import settings
from datasette_revimg.web.problems import NoFeaturesError, problem_of
from datasette_revimg.web.work import inference
from datasette_revimg.web.work.state import state_of
from kit import scenes
from kit.bombs import png
from kit.command import run
from kit.pictures import photos_database
from kit.tiny_network import Tiny
from kit.vgg16_reference import rmac, whitened

pytestmark = pytest.mark.asyncio

PICTURE = scenes.saved(scenes.scene(3))


@pytest.fixture
def entry(scenes_db):
    with closing(connection.connect(scenes_db)) as conn:
        return registry.embedded(conn, "photos")


def changed(entry, **values):
    return registry.EmbeddedTable(**{**vars(entry), **values})


async def problem_with(*arguments):
    """What a page says when the network can't be run on a picture."""
    with pytest.raises(RevimgError) as caught:
        await inference.embed_picture(*arguments)
    return problem_of(caught.value)


async def test_the_vector_that_the_table_has(scenes_ds, scenes_db, entry):
    looked = await inference.embed_picture(scenes_ds, "scenes", entry, PICTURE)
    with closing(connection.connect(scenes_db)) as conn:
        stored = reading.vector(conn, "photos", (3,))
    (vector,) = looked.vectors
    assert vector.dtype == np.float32
    assert vector @ stored == pytest.approx(1, abs=1e-3)


async def test_features_make_the_vector(scenes_ds, entry):
    """R-MAC and whitening, done here in NumPy from the maps, give the network's own vector."""
    job = await inference.features_job(scenes_ds, "scenes", entry, PICTURE)
    features = job()
    looked = await inference.embed_picture(scenes_ds, "scenes", entry, PICTURE, stored=True)
    # A scene is 4:3, which becomes 320 × 224.
    assert [maps.shape for maps in features] == [(512, 7, 10), (512, 14, 20)]
    assert {maps.dtype for maps in features} == {np.dtype(np.float32)}
    block5, block4 = (rmac(maps.transpose(1, 2, 0)) for maps in features)
    expected = whitened(block4, block5, bundled_tail())
    assert expected @ looked.vectors[0] == pytest.approx(1, abs=1e-4)


async def test_crop_is_the_part_alone(scenes_ds, entry):
    whole = scenes.saved(scenes.collage([1, 2, 3, 4]))
    quarter = await inference.embed_picture(
        scenes_ds, "scenes", entry, whole, crop=Crop(500, 0, 500, 500)
    )
    alone = await inference.embed_picture(scenes_ds, "scenes", entry, scenes.saved(scenes.scene(2)))
    # JPEG's blocks, and what they lose, begin at other pixels.
    difference = quarter.picture.array.astype(int) - alone.picture.array
    assert np.abs(difference).mean() < 3
    assert quarter.vectors[0] @ alone.vectors[0] > 0.97


async def test_other_models_are_refused(scenes_ds, entry, monkeypatch, tmp_path):
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(tmp_path / "none"))
    for values, status, words in (
        ({"weights_sha256": "0" * 64}, 409, ["can't be compared"]),
        ({"preprocessing": "torch"}, 409, ["preprocessing"]),
        ({"model": "vgg16-fc2"}, 503, ["vgg16-fc2", "not installed"]),
        ({"model": "somebody's"}, 503, ["somebody's", "models folder"]),
    ):
        problem = await problem_with(scenes_ds, "scenes", changed(entry, **values), PICTURE)
        assert problem.status == status
        assert all(word in problem.message for word in words), problem.message
        assert str(tmp_path) not in problem.message
        installable = values.get("model") == "vgg16-fc2"
        assert problem.command == ("datasette revimg install vgg16-fc2" if installable else "")


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"", 400), (b"no picture", 400), (scenes.saved(scenes.scene(1))[:2000], 400)],
)
async def test_what_is_no_picture(scenes_ds, entry, data, status):
    assert (await problem_with(scenes_ds, "scenes", entry, data)).status == status


async def test_what_is_sent_may_take_less_memory_than_what_is_stored(scenes_ds, entry):
    """Its header says 430 MB; behind it there are pixels for a few bytes only."""
    large = png(7500, 7500, "RGBA")
    sent = await problem_with(scenes_ds, "scenes", entry, large)
    assert sent.status == 413
    assert "at most 400 MB are allowed" in sent.message
    with pytest.raises(RevimgError, match="cut off") as caught:
        await inference.embed_picture(scenes_ds, "scenes", entry, large, stored=True)
    assert problem_of(caught.value).status == 400


async def test_datasettes_do_not_share_queues_but_networks(scenes_ds, entry, serve, monkeypatch):
    loaded = []

    class Counting(network.Network):
        def __init__(self, *arguments, **options):
            loaded.append(arguments)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(network, "Network", Counting)
    inference.load_network.cache_clear()
    other = serve(config={"plugins": {"datasette-revimg": {"threads": 1, "device": "cpu"}}})
    same = serve()
    for datasette in (scenes_ds, other, same, scenes_ds):
        await inference.embed_picture(datasette, "scenes", entry, PICTURE)
    inference.load_network.cache_clear()
    assert [arguments[1:3] for arguments in loaded] == [("auto", 0), ("cpu", 1)]
    state_of(scenes_ds).close()
    assert (await problem_with(scenes_ds, "scenes", entry, PICTURE)).status == 503
    looked = await inference.embed_picture(other, "scenes", entry, PICTURE)
    assert looked.vectors.shape == (1, 1024)


async def test_own_model_in_the_folder_of_models(serve, tmp_path):
    """A table that was embedded with a model of the user's own finds it by what the table says."""
    folder = tmp_path / "models"
    folder.mkdir()
    tiny = Tiny(folder / "tiny.onnx")
    file = tiny.save()
    tiny.describe(name="mine")
    # One beside it that can't be read says nothing about this one.
    (folder / "broken.onnx").write_bytes(b"nothing")
    (folder / "broken.json").write_text("{")
    data = scenes.saved(scenes.scene(3))
    database = photos_database(tmp_path / "own.db", {3: data})
    run("embed", database, "photos", "--model", file, "-s")
    with closing(connection.connect(database)) as conn:
        entry = registry.embedded(conn, "photos")
        stored = reading.vector(conn, "photos", (3,))
    served = serve(database, config={"plugins": {"datasette-revimg": {"models_dir": str(folder)}}})
    looked = await inference.embed_picture(served, "own", entry, data)
    assert looked.vectors[0] @ stored == pytest.approx(1, abs=1e-5)
    job = await inference.features_job(served, "own", entry, data)
    with pytest.raises(NoFeaturesError) as caught:
        job()
    assert problem_of(caught.value).status == 501
    # Another network under the same name.
    other = changed(entry, weights_sha256="0" * 64)
    assert (await problem_with(served, "own", other, data)).status == 409
    file.unlink()
    problem = await problem_with(served, "own", entry, data)
    assert problem.status == 503
    assert str(tmp_path) not in problem.message


async def test_device_that_cannot_be_had(serve, entry):
    served = serve(config={"plugins": {"datasette-revimg": {"device": "cuda"}}})
    problem = await problem_with(served, "scenes", entry, PICTURE)
    assert problem.status == 503
    assert "CUDA" in problem.message


async def test_devices_are_those_of_the_network():
    assert settings.DEVICES == devices.DEVICES
