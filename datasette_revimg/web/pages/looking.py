"""How closely the query's picture is looked at: the switches, and the boxes drawn on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ...embedding.looking import Looked
from ...pictures.identity import Identity, of_file
from ...pictures.looks import AS_A_WHOLE, EVERY, Look
from ...pictures.region import Crop
from ...search.rows import Row
from ..requests.parameters import ANY_TURN, Parameters, address
from . import wording
from .context import Link

# How many results the switch expands a query with.
EXPAND = 5


@dataclass(frozen=True)
class Box:
    """A window of the query's picture, drawn for the results that were found with it."""

    number: int
    style: str


@dataclass(frozen=True)
class Switch:
    """A link that turns another way to search with the same picture on or off.

    ``sentence`` says how the page has searched, ``hint`` continues the text of the link.
    """

    sentence: str
    link: Link
    hint: str


async def identity(parameters: Parameters, looked: Looked, data: bytes) -> Identity | None:
    """Return what is known of a picture with this file; None unless the whole one was looked at."""
    # A region is no picture of the table's kind.
    if parameters.crop or looked.looks[0] != Look():
        return None
    return await asyncio.to_thread(of_file, data, looked.picture.thumbnail)


def style(part: Crop) -> str:
    """Return where a part of a picture lies, as CSS."""
    edges = {"left": part.x, "top": part.y, "width": part.width, "height": part.height}
    return "; ".join(f"{name}: {value / 10}%" for name, value in edges.items())


def boxes(looks: Sequence[Look], rows: Sequence[Row], crop: Crop | None) -> list[Box]:
    """Return the windows that some of the results ``rows`` were found with."""
    found = sorted({row.query for row in rows}) if len(looks) > 1 else []
    return [Box(number, style(part)) for number in found if (part := looks[number].within(crop))]


def switches(
    parameters: Parameters, looks: Sequence[Look], here: str, *, may_look: bool
) -> list[Switch]:
    """Return the switches of the page ``here``; without ``may_look`` the picture can't be read."""
    expand = expand_switch(parameters, here)
    return [*look_switches(parameters, looks, here), expand] if may_look else [expand]


def look_switches(parameters: Parameters, looks: Sequence[Look], here: str) -> list[Switch]:
    """Return the switches that take another look at the picture; no ``looks``, none was taken."""
    return [closer_switch(parameters, looks, here), turn_switch(parameters, looks, here)]


def closer_switch(parameters: Parameters, looks: Sequence[Look], here: str) -> Switch:
    """Return the switch that looks at the picture in all ways."""
    on = parameters.ways is not None and parameters.ways.names != AS_A_WHOLE.names
    pairs = parameters.without("_ways")
    if on:
        sentence = wording.looked(looks) or wording.LOOKING_CLOSER
        return Switch(sentence, Link("Look once", address(here, pairs)), "")
    url = address(here, [*pairs, ("_ways", EVERY)])
    return Switch(wording.looked(looks), Link("Look closer", url), wording.CLOSER)


def turn_switch(parameters: Parameters, looks: Sequence[Look], here: str) -> Switch:
    """Return the switch that searches with the picture in all orientations."""
    pairs = parameters.without("_turn")
    if parameters.any_turn:
        sentence = "" if looks else wording.TURNING
        return Switch(sentence, Link("Don’t turn it", address(here, pairs)), "")
    url = address(here, [*pairs, ("_turn", ANY_TURN)])
    return Switch("", Link("Find turned copies", url), "and mirrored ones")


def expand_switch(parameters: Parameters, here: str) -> Switch:
    """Return the switch that expands the query with its best results."""
    pairs = parameters.without("_expand")
    if parameters.expand:
        sentence = wording.expanded(parameters.expand)
        return Switch(sentence, Link("Don’t add them", address(here, pairs)), "")
    url = address(here, [*pairs, ("_expand", str(EXPAND))])
    return Switch("", Link(f"Add the {EXPAND} best results", url), "to the query")
