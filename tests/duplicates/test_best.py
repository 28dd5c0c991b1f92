"""The best of a group, and the reasons."""

from __future__ import annotations

import pytest

from datasette_revimg.duplicates.best import Candidate, choose_best
from datasette_revimg.store.picture_facts import PictureFacts


def candidate(name, width=400, height=300, size=1000, taken=None, modified=None):
    return Candidate((name,), PictureFacts(width, height, size, taken, modified))


def chosen(candidates, exif=None, keep=None):
    choice = choose_best(candidates, lambda key: (exif or {}).get(key[0], 0), keep)
    return choice.best[0], {key[0]: reason for key, reason in choice.reasons.items()}


@pytest.mark.parametrize(
    ("others", "exif", "best", "reasons"),
    [
        (
            [candidate("a", 200, 150), candidate("b")],
            {"a": 9},
            "b",
            {"b": "most pixels (400 × 300)", "a": "fewer pixels (200 × 150)"},
        ),
        (
            [candidate("a", size=2_000_000), candidate("b", size=2_500_000)],
            {"a": 9},
            "b",
            {"b": "least compressed (2.5 MB)", "a": "more compressed (2 MB)"},
        ),
        # About as large: it isn't the compression that differs.
        (
            [candidate("a", size=1000), candidate("b", size=960)],
            {"b": 9},
            "b",
            {"b": "most complete EXIF (9 fields)", "a": "no EXIF"},
        ),
        (
            [candidate("a"), candidate("b")],
            {"b": 9, "a": 3},
            "b",
            {"b": "most complete EXIF (9 fields)", "a": "less EXIF (3 fields)"},
        ),
        (
            [candidate("a", taken="2019-05-02T10:00:00"), candidate("b", taken="2018-01-01T00:00")],
            {},
            "b",
            {"b": "oldest (2018-01-01)", "a": "newer"},
        ),
        # One was never taken: the files' own times decide.
        (
            [
                candidate("a", taken="2010-05-02T10:00:00", modified="2020-02-02T00:00:00"),
                candidate("b", modified="2019-02-02T00:00:00"),
            ],
            {},
            "b",
            {"b": "oldest (2019-02-02)", "a": "newer"},
        ),
        (
            [candidate("a"), candidate("b")],
            {},
            "a",
            {"a": "the first of equals", "b": "equal in all respects"},
        ),
        (
            [candidate("a", size=None), candidate("b")],
            {},
            "a",
            {"a": "the first of equals", "b": "equal in all respects"},
        ),
    ],
)
def test_reasons_in_a_person_s_order(others, exif, best, reasons):
    assert chosen(others, exif) == (best, reasons)


def test_several_reasons():
    some = [candidate("a", 200, 150), candidate("b", size=500), candidate("c", size=900)]
    assert chosen(some) == (
        "c",
        {
            "a": "fewer pixels (200 × 150)",
            "b": "more compressed (500 bytes)",
            "c": "most pixels (400 × 300), least compressed (900 bytes)",
        },
    )


def test_what_somebody_has_chosen():
    some = [candidate("a"), candidate("b", 1, 1)]
    best, reasons = chosen(some, keep=("b",))
    assert best == "b"
    assert reasons == {"a": "not the one that was chosen", "b": "chosen by hand"}


def test_exif_is_read_only_where_it_decides():
    def never(key):
        raise AssertionError(key)

    assert choose_best([candidate("a", 1, 1), candidate("b")], never).best == ("b",)
