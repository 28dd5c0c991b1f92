"""Sets with known answers, made of a few drawn pictures."""

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.models.bundling import labelled, partition
from datasette_revimg.models.bundling.edits import EDITS
from datasette_revimg.models.bundling.labelled import View


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    result = []
    for number in range(8):
        small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        result.append(folder / f"{number}.png")
        small.resize((240, 180), Image.Resampling.BICUBIC).save(result[-1])
    return result


def test_the_others_of_a_group_are_right_and_never_the_query(files):
    own = labelled.by_group("own", files[:4], ["a", "b", "a", "c"])
    # b and c are alone.
    assert [view.file for view in own.queries] == [files[0], files[2]]
    assert own.relevant.tolist() == [[False, False, True, False], [True, False, False, False]]
    # Each is its own nearest, which mustn't count.
    measures = own.measure(np.array([[9, 1, 5, 2], [1, 4, 9, 2]]))
    assert measures["R@1"] == 0.5


def test_every_edit_of_every_original_and_strangers(files):
    copies = labelled.copies("copies", files[:2], files[2:4], files[4:])
    assert len(copies.database) == 4
    assert len(copies.queries) == 2 * len(EDITS) + 4
    assert copies.relevant.sum(axis=1).tolist() == [1] * 2 * len(EDITS) + [0] * 4
    for view, row in zip(copies.queries, copies.relevant, strict=True):
        assert all(copies.database[at].file == view.file for at in np.flatnonzero(row))


def test_photographs_of_covers(files):
    covers = labelled.covers("covers", files[:2], files[2:4], files[4:])
    assert {view.kind for view in covers.database} == {"cover"}
    assert covers.relevant.sum(axis=1).tolist() == [1] * 8
    photo = covers.queries[0].image()
    assert photo.size in {(480, 360), (360, 480)}


@pytest.mark.parametrize("kind", ["", *EDITS, "cover"])
def test_the_same_picture_every_time(files, kind):
    view = View(files[0], kind)
    first = np.asarray(view.image())
    View(files[1], kind).image()
    assert np.array_equal(first, np.asarray(view.image()))
    assert first.ndim == 3
    if kind:
        assert not np.array_equal(first, np.asarray(View(files[0]).image()))


def test_no_category_and_no_photograph_is_in_two_parts(files, tmp_path):
    for number in range(10):
        folder = tmp_path / "categories" / f"category {number}"
        folder.mkdir(parents=True)
        for file in files[:2]:
            (folder / file.name).write_bytes(file.read_bytes())
    for name, own in (("photos", files[:4]), ("tables", files[4:])):
        (tmp_path / name).mkdir()
        for file in own:
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    folders = [tmp_path / "photos"], [tmp_path / "tables"]
    pictures = partition.read_pictures(tmp_path / "categories", *folders)
    parts = [
        {view.file.parent for view in pictures.learning},
        *(
            {view.file.parent for view in sets[0].database}
            for sets in (pictures.choosing, pictures.measuring)
        ),
    ]
    assert [len(part) for part in parts] == [6, 2, 2]
    assert len(set.union(*parts)) == 10
    asked = [
        {view.file for view in sets[1].queries} for sets in (pictures.choosing, pictures.measuring)
    ]
    assert not asked[0] & asked[1]
