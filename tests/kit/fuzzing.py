"""Random input, the same in every run: a failure in CI is there again on the next machine.

``FUZZ=50 ./tests/run.sh tests/fuzz`` tries 50 times as much, and something else every time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_TIMES = int(os.environ.get("FUZZ", "0"))

# What SQLite has: every type, and numbers at the edges of theirs.
sql_values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 2**31, 2**63 - 1, -(2**63)]),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=100),
)


def examples(count: int) -> settings:
    """Return settings for ``count`` examples; no test fails because a machine is slow."""
    return settings(
        max_examples=count * max(_TIMES, 1),
        derandomize=not _TIMES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


Change = tuple[str, float, bytes]

# Where in the file, from 0 to 1, and what is done there. Most of what decides stands in front.
changes = st.lists(
    st.tuples(
        st.sampled_from(["replace", "replace", "insert", "cut", "zero", "swap"]),
        st.floats(0, 1) | st.floats(0, 0.05),
        st.binary(min_size=1, max_size=4) | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0"]),
    ),
    min_size=1,
    max_size=4,
)


def damaged(data: bytes, each: list[Change]) -> bytes:
    """Return the bytes with these changes."""
    for how, share, piece in each:
        place = int(share * len(data))
        before, after = data[:place], data[place:]
        if how == "replace":
            after = piece + after[len(piece) :]
        elif how == "insert":
            after = piece + after
        elif how == "zero":
            after = bytes(min(64, len(after))) + after[64:]
        elif how == "swap":
            before, after = after, before
        else:
            after = after[16:]
        data = before + after
    return data
