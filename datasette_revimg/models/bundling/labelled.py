"""Sets of pictures with known answers: categories, copies, and photographs of printed covers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ...pictures.rgb import upright_rgb
from ...vectors.measures import (
    Measure,
    mean_average_precision,
    micro_average_precision,
    precision_at_20,
    recall_at_1,
)
from .edits import EDITS, photograph_cover

# Larger originals are made smaller before they are edited, as a collection's uploads are.
LONGEST_SIDE = 800
COVER_RATIO = (2, 3)
PHOTOS_PER_COVER = 4


@dataclass(frozen=True)
class View:
    """A picture file, or what becomes of it: an edit's result, a cover, a photograph of one.

    ``kind`` is empty for the picture itself, the name of one of EDITS, ``cover``, or ``photo``,
    for which ``number`` counts and ``table`` is the picture that the cover lies on.
    """

    file: Path
    kind: str = ""
    number: int = 0
    table: Path | None = None

    def image(self) -> Image.Image:
        """Return the picture in RGB; always the same, whatever was drawn before it."""
        image = _open(self.file)
        rng = np.random.default_rng(
            [zlib.crc32(f"{self.file.name} {self.kind}".encode()), self.number]
        )
        if self.kind in EDITS:
            return EDITS[self.kind](image, rng)
        if self.kind:
            image = ImageOps.fit(image, (COVER_RATIO[0] * 160, COVER_RATIO[1] * 160))
        if self.table:
            return photograph_cover(image, _open(self.table), rng)
        return image


SEVERAL_ANSWERS: dict[str, Measure] = {
    "R@1": recall_at_1,
    "P@20": precision_at_20,
    "mAP": mean_average_precision,
}
ONE_ANSWER: dict[str, Measure] = {"R@1": recall_at_1, "µAP": micro_average_precision}


@dataclass(frozen=True)
class LabelledSet:
    """Queries, the pictures to find them among, and which of these are right.

    ``relevant`` is bool (queries, database). Where a query is one of the database's pictures, that
    one is not an answer.
    """

    name: str
    queries: list[View]
    database: list[View]
    relevant: np.ndarray

    @property
    def measures(self) -> dict[str, Measure]:
        """The measures that fit the set: for one answer a query, or for more."""
        return SEVERAL_ANSWERS if self.relevant.sum(axis=1).max() > 1 else ONE_ANSWER

    def scores(self, numbers: Mapping[View, np.ndarray]) -> np.ndarray:
        """Return the products of the queries' and the database's numbers, such as unit vectors."""
        queries, database = (
            np.stack([numbers[view] for view in views]) for views in (self.queries, self.database)
        )
        return np.asarray(queries @ database.T)

    def measure(self, scores: np.ndarray) -> dict[str, float]:
        """Return the measures of all scores (queries, database), higher for what is more alike."""
        places = {view: number for number, view in enumerate(self.database)}
        ranked = np.array(scores, np.float32)
        for row, view in enumerate(self.queries):
            if view in places:
                ranked[row, places[view]] = -np.inf
        return {name: measure(ranked, self.relevant) for name, measure in self.measures.items()}


def _open(file: Path) -> Image.Image:
    opened = Image.open(file)
    opened.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))
    image = upright_rgb(opened)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BILINEAR)
    return image


def split(items: Sequence[Path], shares: Sequence[float], seed: int) -> list[list[Path]]:
    """Return the items in random parts with these shares of them, each part sorted."""
    order = np.random.default_rng(seed).permutation(len(items))
    ends = np.rint(np.cumsum([0, *shares]) / sum(shares) * len(items)).astype(int)
    return [sorted(items[at] for at in order[start:end]) for start, end in pairwise(ends)]


def by_group(name: str, files: Sequence[Path], groups: Sequence[str]) -> LabelledSet:
    """Return a set in which each picture is asked, and the others of its group are right.

    A picture that is alone in its group isn't asked.
    """
    labels = np.array(groups)
    same = labels[:, None] == labels
    np.fill_diagonal(same, False)
    asked = same.any(axis=1)
    views = [View(file) for file in files]
    queries = [view for view, ask in zip(views, asked, strict=True) if ask]
    return LabelledSet(name, queries, views, same[asked])


def copies(
    name: str, originals: Sequence[Path], among: Sequence[Path], strangers: Sequence[Path]
) -> LabelledSet:
    """Return a set of every edit of every original, and strangers, which have no answer."""
    database = [View(file) for file in (*originals, *among)]
    queries = [View(file, kind) for file in originals for kind in EDITS]
    answers = [at for at in range(len(originals)) for _ in EDITS] + [-1] * len(strangers)
    queries += [View(file) for file in strangers]
    return LabelledSet(name, queries, database, np.arange(len(database)) == np.c_[answers])


def covers(
    name: str, printed: Sequence[Path], among: Sequence[Path], tables: Sequence[Path]
) -> LabelledSet:
    """Return a set of photographs of covers, each lying on one of the ``tables``."""
    database = [View(file, "cover") for file in (*printed, *among)]
    queries, answers = [], []
    for at, file in enumerate(printed):
        for number in range(PHOTOS_PER_COVER):
            table = tables[(at * PHOTOS_PER_COVER + number) % len(tables)]
            queries.append(View(file, "photo", number, table))
            answers.append(at)
    return LabelledSet(name, queries, database, np.arange(len(database)) == np.c_[answers])
