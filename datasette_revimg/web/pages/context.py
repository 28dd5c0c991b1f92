"""Template contexts: the variables that a page's template may use, declared as dataclasses.

Every page has one, beside the code that fills it; its ``template`` names the file below
templates/. The parts here are shared by several pages. Templates get whole sentences, see
``wording``, and put none together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import compat
from ..requests.parameters import Pairs, address

if TYPE_CHECKING:
    from ..requests.filters import Filter
    from ..requests.place import Place


@dataclass(frozen=True, kw_only=True)
class TablePage:
    """The part that the contexts of all pages about a table have in common."""

    database: str
    table: str
    database_color: str
    private: bool


@dataclass(frozen=True)
class Link:
    """A text that leads somewhere."""

    text: str
    url: str


@dataclass(frozen=True)
class RemovableFilter:
    """A condition in words, and the address of the page without it."""

    text: str
    remove_url: str


@dataclass(frozen=True)
class Conditions:
    """The conditions that the rows have to meet; ``clear_url`` removes several at once."""

    filters: list[RemovableFilter]
    clear_url: str | None


@dataclass(frozen=True)
class Empty:
    """The sentence in place of an empty list, and a link to more."""

    sentence: str
    link: Link | None = None


def table_fields(place: Place) -> dict[str, Any]:
    """Return the fields of ``TablePage``."""
    return {
        "database": place.db.name,
        "table": place.source.name,
        "database_color": compat.database_color(place.db),
        "private": place.private,
    }


def removable(filters: list[Filter], here: str) -> list[RemovableFilter]:
    """Return the filters of the page ``here``, each with the address of the page without it."""
    return [RemovableFilter(each.text, address(here, each.without)) for each in filters]


def conditions(filters: list[RemovableFilter], here: str, kept: Pairs) -> Conditions:
    """Return the conditions of the page ``here``; without any it keeps the pairs ``kept``."""
    return Conditions(filters, address(here, kept) if len(filters) > 1 else None)
