"""Sentences that depend on numbers."""

from __future__ import annotations

import pytest

from datasette_revimg.web.pages import wording


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 pictures"), (1, "1 picture"), (2, "2 pictures"), (12_345, "12,345 pictures")],
)
def test_count(number, expected):
    assert wording.count(number, "picture") == expected


def test_irregular_plural():
    assert wording.count(1, "entry", "entries") == "1 entry"
    assert wording.count(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("candidates", "exact", "filtered", "expected"),
    [
        (1, True, False, "1 picture compared"),
        (1200, True, False, "1,200 pictures compared"),
        (0, True, True, "0 pictures match"),
        (1, True, True, "1 picture matches"),
        (2, True, True, "2 pictures match"),
        (5000, False, True, "More than 5,000 pictures match"),
    ],
)
def test_compared(candidates, exact, filtered, expected):
    assert wording.compared(candidates, exact, filtered) == expected


@pytest.mark.parametrize(
    ("candidates", "exact", "shown", "expected"),
    [
        (1, True, 1, "1 result with score ≥ 0.8"),
        (7, True, 7, "All 7 results with score ≥ 0.8"),
        (7, True, 2, "7 results with score ≥ 0.8"),
        (1000, False, 24, "More than 1,000 results with score ≥ 0.8"),
        # As many are shown as were counted, but there are more.
        (24, False, 24, "More than 24 results with score ≥ 0.8"),
    ],
)
def test_results(candidates, exact, shown, expected):
    assert wording.results(candidates, exact, shown, "with score ≥ 0.8") == expected


@pytest.mark.parametrize(
    ("candidates", "arguments", "expected"),
    [
        (1, {"enumerated": True, "minimum": True}, "Counts for the one result"),
        (1000, {"enumerated": True, "minimum": True}, "Counts for all 1,000 results"),
        (9, {"minimum": True}, "Counts for all pictures, whatever their similarity"),
        (
            9,
            {"minimum": True, "conditions": 2},
            "Counts for all pictures that match the other filters, whatever their similarity",
        ),
        (7, {}, "Counts for all 7 pictures matching the filters"),
        (11, {"conditions": 0}, "Counts for all 11 pictures"),
    ],
)
def test_facet_hint(candidates, arguments, expected):
    given = {"enumerated": False, "minimum": False, "conditions": 1, **arguments}
    assert wording.facet_hint(candidates, **given) == expected


@pytest.mark.parametrize(
    ("different", "columns", "expected"),
    [
        (0, 4, "All columns are the same"),
        (1, 4, "1 of 4 columns differs"),
        (3, 4, "3 of 4 columns differ"),
        (1, 1, "1 of 1 column differs"),
    ],
)
def test_differing(different, columns, expected):
    assert wording.differing(different, columns) == expected


def test_position():
    assert wording.position(2, 24) == "2 of 24"
    assert wording.position(None, 24) == "24 most similar"


def test_pages_about_a_table_without_pictures():
    assert (
        wording.no_pictures("photos", filtered=True) == "No picture of photos meets these filters."
    )
    assert wording.no_pictures("photos", filtered=False) == "No picture of photos is embedded."
    assert wording.only_one("photos", filtered=False) == (
        "Only one picture of photos is embedded, so there is nothing to compare it with."
    )


def test_nothing_similar():
    assert wording.nothing_similar("photos", of_a_row=True) == (
        "There is no other picture in photos to compare this one with."
    )
    assert wording.nothing_similar("photos", of_a_row=False) == (
        "There is no picture in photos to compare this one with."
    )


@pytest.mark.parametrize(
    ("shown", "total", "expected"),
    [
        (1, 1, "Here is its only picture."),
        (12, 12, "Here are its pictures, from one side of the map to the other."),
        (200, 9000, "Here are 200 of its pictures, from one side of the map to the other."),
    ],
)
def test_listed(shown, total, expected):
    assert wording.listed(shown, total) == f"The map needs JavaScript. {expected}"


def test_more_results():
    assert wording.show(48, 100) == "Show 48"
    assert wording.show(60, 60) == "Show all 60"
    assert wording.most_similar(1) == "The most similar one is shown."
    assert wording.most_similar(24) == "The 24 most similar are shown."


def test_similar_to():
    assert wording.similar_to("a.jpg", True, 0, 0) == "similar to a region of a.jpg"
    assert (
        wording.similar_to("a.jpg", False, 1, 2) == "similar to a.jpg and 1 other, unlike 2 others"
    )


def test_end_of_the_results():
    sentence = "These are the 200 most similar of more than 9,000 pictures"
    assert wording.end(200, 9000, exact=False).startswith(sentence)


def test_legend():
    assert "cosine is that" not in wording.legend("vgg16-rmac", available=True)
    assert "The cosine is that of vgg16-fc2" in wording.legend("vgg16-fc2", available=True)
    assert "own isn’t one" in wording.legend("own", available=False)


def test_method():
    assert wording.method("PCA", "t-SNE") == "PCA, t-SNE is being computed"
    assert wording.method("t-SNE", None) == "t-SNE"


def test_megabytes():
    assert wording.megabytes(1_234_567_890) == "1,234.6 MB"
