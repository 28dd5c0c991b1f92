"""The page of two pictures: its context, and how a comparison fills it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from datasette.utils import is_url

from ...keys import Key, row_path
from ...pictures.scaling import THUMBNAIL_SIDE
from ...search.pair import Comparison
from ...search.rows import Row
from ...vectors.percentiles import in_words
from ..permissions import may_upload
from ..requests.parameters import address
from ..requests.place import Place
from ..rows import MAX_ENLARGEMENT, label_of
from ..work import agreement, renditions
from . import context, wording
from .context import TablePage

# The narrowest and the widest frame, width by height: a panorama leaves room beside it.
_NARROWEST, _WIDEST = 0.4, 3.0

# The height of a picture whose size isn't stored.
_UNKNOWN = THUMBNAIL_SIDE


@dataclass(frozen=True)
class Side:
    """One of the two pictures; ``ratio`` and ``frame`` are width by height."""

    label: str
    url: str
    similar_url: str
    thumbnail_url: str
    picture_url: str
    why_url: str
    width: int | None
    height: int | None
    ratio: float
    frame: float


@dataclass(frozen=True)
class Steps:
    """The neighbours of the second picture among those most similar to the first."""

    previous_url: str | None
    next_url: str | None
    position: str


@dataclass(frozen=True)
class Why:
    """The switch of the heat maps, without a script a link to ``url``."""

    shown: bool
    label: str
    url: str
    show_url: str
    hide_url: str
    json_url: str


@dataclass(frozen=True)
class Value:
    """A row's value in a column; ``missing``: the text says why there is none."""

    text: str
    url: str | None = None
    missing: bool = False


@dataclass(frozen=True)
class Column:
    """The two rows' values in a column."""

    name: str
    a: Value
    b: Value
    differs: bool


@dataclass(frozen=True, kw_only=True)
class ComparePage(TablePage):
    """The page of two pictures.

    ``stage`` is the shape, width by height, that suits both one over the other, and ``most`` the
    greatest height in CSS pixels. ``why`` is None where there are no heat maps, and ``legend``
    explains either.
    """

    template: ClassVar[str] = "revimg/compare.html"

    a: Side
    b: Side
    score: str
    facts: list[str]
    json_url: str
    steps: Steps
    stage: float
    most: float
    why: Why | None
    legend: str | None
    caption: str
    columns: list[Column]


def why_url(place: Place, key: Key, other: Key, json: bool = False) -> str:
    """Return the address of the heat map over a row's picture, compared with another row's."""
    base = place.url(key, "why") + (".json" if json else "")
    return address(base, [("with", row_path(other))])


async def make_page(place: Place, comparison: Comparison) -> ComparePage:
    """Return the page of a comparison."""
    label = await place.label_column([comparison.a, comparison.b])
    allowed = await may_upload(
        place.datasette, place.request.actor, place.db.name, place.source.name
    )
    a = _side(place, comparison.a, comparison.b, label)
    b = _side(place, comparison.b, comparison.a, label)
    # The "with" of the address as the row's own key, in its canonical form.
    pairs = [("with", row_path(comparison.b.key))]
    heights = [side.height or _UNKNOWN for side in (a, b)]
    available = agreement.available(place.embedded)
    return ComparePage(
        **context.table_fields(place),
        a=a,
        b=b,
        score=f"{comparison.score:.4f}",
        facts=[*_meaning(comparison), place.embedded.model],
        json_url=address(place.url(comparison.a.key, "compare") + ".json", pairs),
        steps=_steps(place, comparison),
        stage=round(math.sqrt(a.frame * b.frame), 4),
        most=MAX_ENLARGEMENT * max(heights),
        why=_why(place, comparison) if available and allowed else None,
        legend=_legend(place, available, allowed),
        caption=wording.differing(len(comparison.differences), len(comparison.columns)),
        columns=_columns(comparison, place.datasette.setting("truncate_cells_html")),
    )


def _meaning(comparison: Comparison) -> list[str]:
    """Return what the score means, in words, as far as that is known."""
    tiers = comparison.tiers
    if comparison.tier:
        return [comparison.tier]
    said = [wording.PLAIN_PAIR] if tiers.plain_query or tiers.plain else []
    if comparison.percentile is not None:
        said.append(f"more similar than {in_words(comparison.percentile)} % of all pairs")
    return said


def _legend(place: Place, available: bool, allowed: bool) -> str | None:
    # Those who may not have the network run need no explanation of what they don't see.
    if available and not allowed:
        return None
    return wording.legend(place.embedded.model, available)


def _here(place: Place, a: Key, b: Key, explained: bool) -> str:
    flag = [("_why", "1")] if explained else []
    return address(place.url(a, "compare"), [("with", row_path(b)), *flag])


def _explained(place: Place) -> bool:
    """Return whether the request asks for the heat maps."""
    return bool(place.request.args.get("_why") == "1")


def _steps(place: Place, comparison: Comparison) -> Steps:
    def step(key: Key | None) -> str | None:
        return _here(place, comparison.a.key, key, _explained(place)) if key else None

    return Steps(
        step(comparison.previous),
        step(comparison.next),
        wording.position(comparison.rank, len(comparison.neighbours)),
    )


def _why(place: Place, comparison: Comparison) -> Why:
    a, b = comparison.a.key, comparison.b.key
    shown = _explained(place)
    show_url, hide_url = _here(place, a, b, True), _here(place, a, b, False)
    return Why(
        shown=shown,
        label="Hide why" if shown else "Show why",
        url=hide_url if shown else show_url,
        show_url=show_url,
        hide_url=hide_url,
        json_url=why_url(place, a, b, json=True),
    )


def _side(place: Place, row: Row, other: Row, label: str | None) -> Side:
    width, height = renditions.size(row.size) if row.size else (None, None)
    ratio = row.size[0] / row.size[1] if row.size else 1.0
    return Side(
        label=label_of(row, label),
        url=place.url(row.key),
        similar_url=place.url(row.key, "similar"),
        thumbnail_url=place.url(row.key, "thumbnail"),
        picture_url=place.url(row.key, "picture"),
        why_url=why_url(place, row.key, other.key),
        width=width,
        height=height,
        ratio=round(ratio, 4),
        frame=round(min(max(ratio, _NARROWEST), _WIDEST), 4),
    )


def _columns(comparison: Comparison, longest: int) -> list[Column]:
    return [
        Column(
            name,
            _value(comparison.a, name, longest),
            _value(comparison.b, name, longest),
            name in comparison.differences,
        )
        for name in comparison.columns
    ]


def _value(row: Row, name: str, longest: int) -> Value:
    """Return a value of at most ``longest`` characters; 0 means all of them."""
    if name not in row.columns:
        return Value("binary data", missing=True)
    value = row.columns[name]
    if value is None:
        return Value("null", missing=True)
    text = str(value)
    if longest and len(text) > longest:
        text = text[:longest] + "…"
    return Value(text, value if isinstance(value, str) and is_url(value) else None)
