"""Groups after what people have decided."""

from __future__ import annotations

from datasette_revimg.duplicates.review import review
from datasette_revimg.store.decisions import DIFFERENT, SAME, Decision
from datasette_revimg.store.duplicates import Member


def member(name, content=None, best=False):
    return Member(1, (name,), (content or name).encode(), 0.9, "edited copy", best, "")


def reviewed(members, *decided):
    by_pair = {one.pair: one for one in decided}
    return [
        ([one.key[0] for one in group.members], group.decided)
        for group in review([members], by_pair)
    ]


GROUP = [member("a", best=True), member("b"), member("c")]


def test_nothing_decided():
    assert reviewed(GROUP) == [(["a", "b", "c"], False)]


def test_a_row_that_is_different_from_a_better_one():
    assert reviewed(GROUP, Decision(b"c", b"b", DIFFERENT)) == [(["a", "b"], False)]


def test_the_rest_of_a_group_of_which_the_best_is_different():
    """b and c may still be duplicates of each other: the next run finds that group."""
    one, two = Decision(b"a", b"b", DIFFERENT), Decision(b"a", b"c", DIFFERENT)
    assert reviewed(GROUP, one, two) == []


def test_the_one_to_keep_is_the_best():
    (group,) = review([GROUP], {(b"a", b"c"): Decision(b"c", b"a", SAME, keep=b"c")})
    assert [one.key[0] for one in group.members] == ["c", "a", "b"]
    assert [one.best for one in group.members] == [True, False, False]
    assert group.decided


def test_the_same_without_one_to_keep_decides_nothing():
    assert reviewed(GROUP, Decision(b"c", b"a", SAME)) == [(["a", "b", "c"], False)]


def test_rows_of_the_same_file():
    group = [member("a", "x", best=True), member("b", "x")]
    assert reviewed(group, Decision(b"x", b"x", SAME, keep=b"x")) == [(["a", "b"], True)]
