"""Pictures as the page of similar pictures shows them: the results, the parts of the query."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from ...keys import row_path
from ...pictures.looks import Look
from ...pictures.scaling import THUMBNAIL_SIDE
from ...search.rows import Row
from ...search.similar import Answer
from ...vectors.percentiles import in_words
from ..requests.parameters import ROWS, Pairs, Parameters, address
from ..requests.place import Place
from ..rows import below, displayed, label_of
from . import wording
from .context import Link
from .looking import style

_BOX = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)


@dataclass(frozen=True)
class Thumbnail:
    """A picture, its alternative text, and the size to draw it at, where that is known."""

    url: str
    label: str
    width: int | None
    height: int | None


@dataclass(frozen=True)
class QueryRow:
    """The row that the results are similar to; ``duplicates`` leads to its group."""

    picture: Thumbnail
    url: str
    details: list[tuple[str, object]]
    duplicates: Link | None


@dataclass(frozen=True)
class Part:
    """One of the pictures that make up a query; only the first has no sign.

    ``url`` leads to its own similar pictures, ``remove_url`` to the results without it.
    """

    picture: Thumbnail
    sign: str
    url: str | None
    remove_label: str
    remove_url: str | None


@dataclass(frozen=True)
class Result:
    """A similar picture, with its score in words.

    ``mark`` is its tier, or that it holds too little to tell, with the score as ``detail``; where
    tiers can't be claimed, the score with its percentile. ``hint`` is the percentile as a sentence.
    ``duplicates`` leads to its group. ``found_with`` says which part of the query's picture it was
    found with, or how it is turned, and ``box`` is the number of that part's box.
    """

    picture: Thumbnail
    mark: str
    detail: str | None
    hint: str | None
    duplicates: Link | None
    url: str
    similar_url: str
    details: list[tuple[str, object]]
    like_url: str
    unlike_url: str
    compare_url: str | None
    found_with: str | None
    box: int | None


@dataclass(frozen=True)
class Region:
    """The tool that draws a region on the query's picture; ``crop`` is the one searched with."""

    whole_url: str
    crop: str | None
    style: str | None


@dataclass(frozen=True)
class Cards:
    """The maker of an answer's cards on the page ``here``.

    ``label`` is the column that names rows, None for their key. ``looks`` are those at the query's
    picture.
    """

    place: Place
    parameters: Parameters
    answer: Answer
    here: str
    label: str | None
    looks: Sequence[Look] = ()

    def thumbnail(self, row: Row) -> Thumbnail:
        """Return the thumbnail of a row."""
        return self._thumbnail(row, self.place.url(row.key))

    def _thumbnail(self, row: Row, url: str) -> Thumbnail:
        return thumbnail(below(url, "thumbnail"), label_of(row, self.label), row.size)

    def details(self, row: Row) -> list[tuple[str, object]]:
        """Return the columns that are configured to be shown, with their values."""
        return [(name, row.columns[name]) for name in self._columns if row.columns.get(name)]

    def query(self, row: Row) -> QueryRow:
        """Return the card of the row that the results are similar to."""
        return QueryRow(
            self.thumbnail(row),
            self.place.url(row.key),
            self.details(row),
            self.duplicates(row),
        )

    def results(self) -> list[Result]:
        """Return the similar pictures, best first."""
        return [self._result(row) for row in self.answer.rows]

    def _result(self, row: Row) -> Result:
        path, url = row_path(row.key), self.place.url(row.key)
        tiers = self.answer.tiers
        tier = tiers.of(row.key)
        percentile = self.answer.percentile(row)
        look = self.looks[row.query] if len(self.looks) > 1 else Look()
        words = None if percentile is None else in_words(percentile)
        score = f"{row.score:.4f}"
        mark, detail = score, words and f"{words} %"
        if tier or tiers.claimed:
            mark, detail = wording.TOO_PLAIN if row.key in tiers.plain else tier or "", score
        return Result(
            picture=self._thumbnail(row, url),
            mark=mark,
            detail=detail,
            hint=words and wording.percentile(words, self.place.source.name),
            duplicates=self.duplicates(row),
            url=url,
            similar_url=below(url, "similar") + self._kept,
            details=self.details(row),
            like_url=self._refined + urlencode([("like", path)]),
            unlike_url=self._refined + urlencode([("unlike", path)]),
            compare_url=self._compared and address(self._compared, [("with", path)]),
            found_with=wording.found_with(look),
            box=row.query if look.part else None,
        )

    def duplicates(self, row: Row) -> Link | None:
        """Return the link to the group of duplicates that a row is in."""
        count = self.answer.duplicates.get(row.key)
        if not count:
            return None
        return Link(wording.count(count, "duplicate"), self.place.duplicates_url(row.key))

    # The same for all cards, of which there may be 200, and as many parameters as fit into 8 KB.

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """The columns that are configured to be shown."""
        return self.place.settings.similar_columns

    @cached_property
    def _kept(self) -> str:
        """The query string from picture to picture among the same rows, with its question mark."""
        return address("", self.parameters.without(*ROWS, "_crop", "_ways", "_turn"))

    @cached_property
    def _refined(self) -> str:
        """The address of this page, up to where one more parameter follows."""
        page = address(self.here, self.parameters.pairs)
        return page + ("&" if self.parameters.pairs else "?")

    @cached_property
    def _compared(self) -> str | None:
        """The address of the page that compares the query's row, None for a picture sent here."""
        return self.place.url(self.answer.row.key, "compare") if self.answer.row else None

    def parts(self, query: Thumbnail) -> list[Part]:
        """Return the parts of the query, whose own picture is ``query``; none if it is alone."""
        answer, parameters = self.answer, self.parameters
        examples = [
            *self._examples("like", "+", answer.like, parameters.like),
            *self._examples("unlike", "−", answer.unlike, parameters.unlike),
        ]
        url = self.place.url(answer.row.key, "similar") if answer.row else None
        first = Part(query, "", url, f"Remove {query.label}", self._without_query())
        return [first, *examples] if examples else []

    def _examples(
        self, name: str, sign: str, rows: list[Row], paths: tuple[str, ...]
    ) -> list[Part]:
        return [
            Part(
                picture=self.thumbnail(row),
                sign=sign,
                url=self.place.url(row.key, "similar"),
                remove_label=f"Remove {'more' if name == 'like' else 'less'} like "
                f"{label_of(row, self.label)}",
                remove_url=address(self.here, self._but(name, path)),
            )
            for row, path in zip(rows, paths, strict=True)
        ]

    def _without_query(self) -> str | None:
        """Return the address without the query's own picture: the first example replaces it."""
        if not self.answer.like:
            return None
        base = self.place.url(self.answer.like[0].key, "similar")
        names = ("_crop", "_ways", "_turn", "_shape")
        return address(base, self._but("like", self.parameters.like[0], *names))

    def _but(self, name: str, value: str, *names: str) -> Pairs:
        return [pair for pair in self.parameters.without(*names) if pair != (name, value)]

    def region(self) -> Region:
        """Return the tool that draws a region on the query's picture."""
        crop = self.parameters.crop
        whole = address(self.here, self.parameters.without("_crop"))
        if crop is None:
            return Region(whole, None, None)
        return Region(whole, crop.text, style(crop))

    def frame(self) -> str:
        """Return the shape of frame that wastes least space on most of the pictures."""
        rows = [self.answer.row, *self.answer.rows] if self.answer.row else self.answer.rows
        ratios = [row.size[0] / row.size[1] for row in rows if row.size]
        ratio = statistics.median(ratios) if ratios else 1.0
        if ratio > 1.2:
            return "wide"
        return "tall" if ratio < 1 / 1.2 else "square"


def thumbnail(url: str, label: str, size: tuple[int, int] | None) -> Thumbnail:
    """Return the thumbnail at this address of a picture of width and height ``size``."""
    width, height = displayed(size, _BOX) if size else (None, None)
    return Thumbnail(url, label, width, height)
