"""Groups of similar pictures in which every two members are similar.

Joining whatever is linked makes chains: a is like b, b like c, and at the end the group holds
pictures that have nothing in common. Complete linkage (T. Sørensen, 1948) doesn't: two groups are
joined when all pairs between them are similar, those first whose least similar pair is the most
similar.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..store.comparisons import Pairs


def complete_link(pairs: Pairs, different: Collection[tuple[int, int]] = ()) -> list[list[int]]:
    """Return groups of pictures, by number, in which every two are one of ``pairs``.

    The largest group comes first, equal ones by their smallest number; the numbers in a group
    ascend. A picture that fits several groups is in the one that it is most similar to. Pairs that
    are ``different``, the smaller number first, whatever their score, are never in one group.
    """
    groups: dict[int, list[int]] = {}
    group_of: dict[int, int] = {}
    # Between two groups, by number: how many of their pairs have come by, the best first.
    links: dict[int, dict[int, int]] = {}
    for place in np.lexsort((pairs.second, pairs.first, -pairs.scores)).tolist():
        first, second = int(pairs.first[place]), int(pairs.second[place])
        if (first, second) in different:
            continue
        for number in (first, second):
            if number not in group_of:
                group_of[number] = number
                groups[number], links[number] = [number], {}
        a, b = group_of[first], group_of[second]
        links[a][b] = links[b][a] = links[a].get(b, 0) + 1
        if links[a][b] == len(groups[a]) * len(groups[b]):
            _join(
                groups, group_of, links, *((a, b) if len(groups[a]) >= len(groups[b]) else (b, a))
            )
    sorted_groups = [sorted(members) for members in groups.values() if len(members) > 1]
    return sorted(sorted_groups, key=lambda members: (-len(members), members[0]))


def _join(
    groups: dict[int, list[int]],
    group_of: dict[int, int],
    links: dict[int, dict[int, int]],
    into: int,
    other: int,
) -> None:
    for number in groups[other]:
        group_of[number] = into
    groups[into] += groups.pop(other)
    del links[into][other]
    for third, count in links.pop(other).items():
        if third != into:
            del links[third][other]
            links[into][third] = links[third][into] = links[into].get(third, 0) + count
