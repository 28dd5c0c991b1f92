"""The pictures that the bundled network's tail is learnt from, chosen by, and measured with.

None of them is in two parts, and no two parts share a category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .labelled import LabelledSet, View, by_group, copies, covers, split
from .photographs import photographs

SEED = 2016

# The parts of the categories to learn from, to choose by and to measure with; the photographs are
# for the last two in halves.
SHARES = (0.6, 0.2, 0.2)
ORIGINALS = 25
LARGE_ORIGINALS = 10
PRINTED = 60


@dataclass(frozen=True)
class Pictures:
    """The files to learn from, and the sets to choose by and to measure with."""

    learning: list[View]
    choosing: list[LabelledSet]
    measuring: list[LabelledSet]

    @property
    def sets(self) -> list[LabelledSet]:
        """All sets, those to choose by first."""
        return [*self.choosing, *self.measuring]

    @property
    def views(self) -> list[View]:
        """Every picture of these, once."""
        labelled = [view for each in self.sets for view in (*each.database, *each.queries)]
        return list(dict.fromkeys([*self.learning, *labelled]))


def read_pictures(categories: Path, photos: Sequence[Path], tables: Sequence[Path]) -> Pictures:
    """Divide pictures: categories in folders of their own, folders of photographs, and of tables.

    The tables are what covers lie on when they are photographed.
    """
    folders = sorted(folder for folder in categories.iterdir() if folder.is_dir())
    learning, *others = split(folders, SHARES, SEED)
    halves = [split(photographs(folders), (1, 1), SEED) for folders in (photos, tables)]
    choosing, measuring = (
        _sets(photographs(own), photo_half, table_half)
        for own, photo_half, table_half in zip(others, *halves, strict=True)
    )
    return Pictures([View(file) for file in photographs(learning)], choosing, measuring)


def _sets(
    files: Sequence[Path], photos: Sequence[Path], tables: Sequence[Path]
) -> list[LabelledSet]:
    originals, strangers = [*photos[:ORIGINALS], *tables[:LARGE_ORIGINALS]], photos[ORIGINALS:]
    printed, unprinted = photos[:PRINTED], photos[PRINTED:]
    return [
        by_group("categories", files, [file.parent.name for file in files]),
        copies("copies", originals, files, strangers),
        covers("covers", printed, [*files, *unprinted], tables),
    ]
