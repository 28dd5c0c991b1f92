"""The tables that an actor may view, each asked about once and kept for a second.

A request on Datasette 1.0 makes several decisions, each of which asks about every embedded table.
"""

from __future__ import annotations

import json
import time

from . import compat
from .compat import Actor, Datasette
from .embedded import FRESH_SECONDS


class VisibleTables:
    """The answers about a Datasette's tables, at most FRESH_SECONDS old."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, str], bool] = {}
        self._begun = -FRESH_SECONDS

    async def may_view(self, datasette: Datasette, actor: Actor, database: str, table: str) -> bool:
        """Return whether the actor may view the table."""
        now = time.monotonic()
        if now - self._begun >= FRESH_SECONDS:
            # A new dictionary: answers that are on their way belong to the old one.
            self._answers, self._begun = {}, now
        answers = self._answers
        # All of the actor counts: a token may allow less than the person may.
        key = (json.dumps(actor, sort_keys=True, default=repr), database, table)
        if key not in answers:
            answers[key], _ = await compat.visibility(datasette, actor, database, table)
        return answers[key]
