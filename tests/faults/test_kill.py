"""Kill -9 costs nothing but time."""

import pytest

from faults.kill import kill_again_and_again
from faults.runs import KINDS


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_kill_at_random_moments(kind, tmp_path):
    rows = list(kill_again_and_again(tmp_path, kind, kills=5, seed=1914))
    assert len(rows) == 5
