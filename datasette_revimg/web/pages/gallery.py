"""The page of similar pictures, of a row as well as of an uploaded picture: its context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...pictures.looks import Look
from ...search.similar import Answer
from ...vectors.calibration import COPIES, EDITED_COPY
from .. import compat
from ..permissions import may_upload
from ..requests.filters import Condition, Filter
from ..requests.parameters import ROWS, Parameters, address
from ..requests.place import Place
from ..rows import search_url
from ..settings import MAX_SIZE
from ..work.pace import PacedList
from ..work.state import state_of
from . import context, wording
from .cards import Cards, Part, Region, Result, Thumbnail
from .context import Conditions, Empty, Link, RemovableFilter, TablePage
from .looking import Box, Switch, boxes, switches
from .narrow import Narrow, narrow

# What remains of an address when all filters are removed.
_KEPT = ("_size", "_crop", "_ways", "_turn", "_expand", *ROWS)


@dataclass(frozen=True)
class Section:
    """Some of the results, under a heading if there is a line between copies and lookalikes."""

    heading: str | None
    caption: str | None
    results: PacedList[Result]


@dataclass(frozen=True)
class Advice:
    """A sentence for those who run the server, and the command that it is about."""

    sentence: str
    command: str


@dataclass(frozen=True, kw_only=True)
class ResultsPage(TablePage):
    """The part that the pages of a row and of an uploaded picture have in common.

    ``sent``: the query's picture was uploaded, so a link alone can't show the page again.
    ``collapse`` is the switch that shows one picture of each group of duplicates, or all again, and
    ``not_collapsed`` says why that can't be. ``advice`` says how scores get a meaning.
    """

    title: str
    heading: str
    facts: list[str]
    json_url: str | None
    search_url: str | None
    sent: bool
    conditions: Conditions
    frame: str
    parts: list[Part]
    region: Region | None
    boxes: list[Box]
    switches: list[Switch]
    narrow: Narrow
    results_heading: str | None
    results_hint: str | None
    collapse: Link | None
    not_collapsed: Empty | None
    sections: list[Section]
    more: Link | None
    end: str | None
    empty: Empty
    advice: Advice | None


async def make_cards(
    place: Place, parameters: Parameters, answer: Answer, here: str, looks: Sequence[Look]
) -> Cards:
    """Return the maker of an answer's cards for the page ``here``.

    ``looks`` are those at the query's picture, none if it is searched with its stored vector.
    """
    rows = [answer.row, *answer.rows] if answer.row else answer.rows
    # An uploaded picture may have no results, only the examples that its query was made with.
    rows = rows or [*answer.like, *answer.unlike]
    return Cards(place, parameters, answer, here, await place.label_column(rows), looks)


async def results_fields(
    place: Place, condition: Condition, cards: Cards, query: Thumbnail
) -> dict[str, Any]:
    """Return the fields of ``ResultsPage``; ``query`` is the picture searched with."""
    answer, parameters, here = cards.answer, cards.parameters, cards.here
    chosen = conditions(parameters, condition.filters, here)
    allowed = await may_upload(
        place.datasette, place.request.actor, place.db.name, place.source.name
    )
    of_a_row = answer.row is not None
    filtered = bool(chosen.filters)
    image_url = search_url(place.datasette, place.db.name, place.source.name)
    similar_to = wording.similar_to(
        query.label, bool(parameters.crop), len(answer.like), len(answer.unlike)
    )
    return {
        **context.table_fields(place),
        "title": similar_to,
        "heading": wording.capitalized(similar_to),
        "facts": _facts(place, answer, filtered),
        "json_url": address(here + ".json", parameters.pairs) if of_a_row else None,
        "search_url": image_url if allowed and of_a_row else None,
        "sent": not of_a_row,
        "conditions": chosen,
        "frame": cards.frame(),
        "parts": cards.parts(query),
        "region": cards.region() if allowed else None,
        "boxes": boxes(cards.looks, answer.rows, parameters.crop),
        "switches": switches(parameters, cards.looks, here, may_look=allowed),
        "narrow": await narrow(place, parameters, condition, answer, here),
        "results_heading": _heading(answer, parameters),
        "results_hint": _hint(answer, parameters),
        "collapse": _collapse(answer, parameters, here),
        "not_collapsed": _not_collapsed(place, answer, parameters),
        "sections": _sections(place, answer, cards.results()),
        "more": _more(answer, parameters, here),
        "end": _end(answer),
        "empty": _empty(place, parameters, here, filtered, of_a_row),
        "advice": await _advice(place, answer),
    }


def conditions(parameters: Parameters, filters: list[Filter], here: str) -> Conditions:
    """Return the filters and the threshold of the page ``here``."""
    removable = context.removable(filters, here)
    if parameters.minimum is not None:
        url = address(here, parameters.without("_min"))
        removable.append(RemovableFilter(parameters.minimum.in_words, url))
    return context.conditions(removable, here, parameters.only(*_KEPT))


def _collapse(answer: Answer, parameters: Parameters, here: str) -> Link | None:
    pairs = parameters.without("_collapse")
    if parameters.collapse:
        return Link("Show all duplicates", address(here, pairs))
    if not any(row.key in answer.duplicates for row in answer.rows):
        return None
    return Link("Collapse duplicates", address(here, [*pairs, ("_collapse", "1")]))


def _not_collapsed(place: Place, answer: Answer, parameters: Parameters) -> Empty | None:
    if not parameters.collapse or answer.collapsed:
        return None
    link = Link("Find duplicates", place.duplicates_url())
    return Empty(wording.not_collapsed(place.source.name), link)


def _sections(place: Place, answer: Answer, results: list[Result]) -> list[Section]:
    """Return the copies and the other results, the line between them where tiers are known."""
    tiers, table = answer.tiers, place.source.name
    pace = state_of(place.datasette).pace
    if tiers.by_key is None or tiers.calibration is None:
        return [Section(None, None, PacedList(results, pace))] if results else []
    vouched = tiers.calibration.threshold(EDITED_COPY) is not None
    by_kind: dict[bool, list[Result]] = {True: [], False: []}
    for row, result in zip(answer.rows, results, strict=True):
        by_kind[tiers.of(row.key) in COPIES].append(result)
    copies, others = (PacedList(by_kind[kind], pace) for kind in (True, False))
    sections = []
    if copies:
        caption = wording.above_the_line(table, vouched and tiers.claimed)
        sections.append(Section("Copies", caption, copies))
    if others:
        heading = "Lookalikes" if vouched and tiers.claimed else "Other pictures"
        caption = wording.below_the_line(table, bool(copies), vouched, tiers.plain_query)
        sections.append(Section(heading, caption, others))
    return sections


async def _advice(place: Place, answer: Answer) -> Advice | None:
    """Return how to calibrate the table, for those who run the server."""
    if answer.tiers.calibration or not answer.rows:
        return None
    if not await compat.may_debug(place.datasette, place.request.actor):
        return None
    return Advice(wording.CALIBRATE, place.command("calibrate"))


def _facts(place: Place, answer: Answer, filtered: bool) -> list[str]:
    return [
        wording.compared(answer.candidates, answer.counted_all, filtered),
        wording.network(place.embedded),
        f"{answer.ms:,.1f} ms",
    ]


def _heading(answer: Answer, parameters: Parameters) -> str | None:
    if not answer.rows or parameters.minimum is None:
        return None
    return wording.results(
        answer.candidates, answer.counted_all, len(answer.rows), parameters.minimum.as_score
    )


def _hint(answer: Answer, parameters: Parameters) -> str | None:
    shown = len(answer.rows)
    whole = answer.candidates <= shown and answer.counted_all
    if not shown or parameters.minimum is None or whole:
        return None
    if answer.collapsed:
        return wording.collapsed(shown)
    return wording.most_similar(shown)


def _more(answer: Answer, parameters: Parameters, here: str) -> Link | None:
    """Return the link to twice as many results, or to all."""
    size = min(2 * parameters.size, MAX_SIZE)
    # How many there are when they are collapsed is known only at the end.
    if answer.collapsed and len(answer.rows) < parameters.size:
        return None
    if not len(answer.rows) < min(size, answer.candidates):
        return None
    url = address(here, [*parameters.without("_size"), ("_size", str(size))])
    if answer.collapsed:
        return Link(wording.show_more(size), url)
    return Link(wording.show(min(size, answer.candidates), answer.candidates), url)


def _end(answer: Answer) -> str | None:
    """Return the sentence under as many results as a page may have, if there are more."""
    shown = len(answer.rows)
    if shown < MAX_SIZE or answer.candidates <= shown:
        return None
    return wording.end(shown, answer.candidates, answer.counted_all)


def _empty(
    place: Place, parameters: Parameters, here: str, filtered: bool, of_a_row: bool
) -> Empty:
    table = place.source.name
    if not filtered:
        return Empty(wording.nothing_similar(table, of_a_row))
    url = address(here, parameters.only(*_KEPT))
    return Empty("No picture meets these filters.", Link(f"Search all of {table}", url))
