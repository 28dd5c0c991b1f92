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
