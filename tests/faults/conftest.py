"""The outcome of uninterrupted runs, which those that are disturbed are compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from faults.runs import Kind, Stored, finish, prepare, stored


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], tuple[Stored, int]]:
    """Return a function that embeds all pictures: what is stored, and the file's bytes."""

    @cache
    def run(kind: Kind) -> tuple[Stored, int]:
        database = prepare(tmp_path_factory.mktemp("whole"), kind)
        finish(database, kind)
        return stored(database), database.stat().st_size

    return run
