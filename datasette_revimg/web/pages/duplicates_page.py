"""The context of the page of duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...keys import parse_row_path, row_path
from ...search.rows import Row
from ...store.duplicates import Member
from ...store.picture_facts import PictureFacts
from ...vectors.calibration import TIERS
from .. import permissions
from ..requests.forms import megabytes
from ..requests.parameters import Pairs, address
from ..requests.place import Place
from ..rows import label_of
from . import context, wording
from .cards import Thumbnail, thumbnail
from .context import Conditions, Empty, Link, RemovableFilter, TablePage

if TYPE_CHECKING:
    from .duplicates import Selection, Shown

# Columns in which the rows of a group differ, at most.
_COLUMNS = 6


@dataclass(frozen=True)
class Copy:
    """A row of a group; ``path`` is its key as in its address, and the value of its buttons.

    ``mark`` is its score and tier in words, or that it is the best; ``details`` are what is known
    of its picture and the columns in which the rows of the group differ.
    """

    picture: Thumbnail
    path: str
    url: str
    similar_url: str
    compare_url: str | None
    best: bool
    mark: str
    reasons: str
    details: list[tuple[str, object]]
    keep_label: str
    different_label: str


@dataclass(frozen=True)
class Group:
    """A group of duplicates; ``paths`` are the keys of its rows."""

    number: int
    heading: str
    copies: list[Copy]
    paths: list[str]
    decided: bool


@dataclass(frozen=True, kw_only=True)
class DuplicatesPage(TablePage):
    """The page of duplicates; ``command`` finds them where nobody has looked yet.

    ``tiers`` are links to the groups of one tier and those above it, None for the one shown.
    ``action_url`` is where decisions are sent, None where the actor may not decide.
    """

    template: ClassVar[str] = "revimg/duplicates.html"

    heading: str
    facts: list[str]
    json_url: str
    csv_url: str
    conditions: Conditions
    tiers: list[Link | str]
    groups: list[Group]
    next: Link | None
    previous: Link | None
    other: Link | None
    action_url: str | None
    empty: Empty | None
    command: str | None


async def make_page(place: Place, selection: Selection, shown: Shown) -> DuplicatesPage:
    """Return the context of the page."""
    here = place.duplicates_url()
    label = await place.label_column(list(shown.rows.values()))
    may_decide = place.db.is_mutable and await permissions.may_decide(
        place.datasette, place.request.actor, place.db.name, place.source.name
    )
    kept = [pair for pair in selection.pairs if pair[0] not in ("_offset", "_size")]
    filters = context.removable(selection.condition.filters, here)
    if selection.row is not None:
        pairs = [pair for pair in selection.pairs if pair[0] not in ("_row", "_offset")]
        text = f"duplicates of {', '.join(parse_row_path(selection.row))}"
        filters.append(RemovableFilter(text, address(here, pairs)))
    return DuplicatesPage(
        **context.table_fields(place),
        heading=f"Duplicates in {place.source.name}",
        facts=_facts(shown, selection),
        json_url=address(f"{here}.json", selection.pairs),
        csv_url=address(f"{here}.csv", kept),
        conditions=context.conditions(filters, here, _only(selection.pairs, "_tier")),
        tiers=_tiers(selection, here),
        groups=[_group(place, shown, number, label) for number in range(len(shown.groups))],
        next=_page(place, selection, "Next groups", selection.offset + selection.size)
        if selection.offset + selection.size < shown.total
        else None,
        previous=_page(
            place, selection, "Previous groups", max(0, selection.offset - selection.size)
        )
        if selection.offset
        else None,
        other=_other(selection, shown, here),
        action_url=address(here, selection.pairs) if may_decide else None,
        empty=None if shown.groups else _empty(place, shown, selection),
        command=None if shown.found else place.command("duplicates"),
    )


def next_url(place: Place, selection: Selection, shown: Shown, ending: str) -> str | None:
    """Return the address of the next groups, None where these are the last."""
    offset = selection.offset + selection.size
    if offset >= shown.total:
        return None
    return address(place.duplicates_url() + ending, _at(selection, offset))


def _only(pairs: Pairs, *names: str) -> Pairs:
    return [pair for pair in pairs if pair[0] in names]


def _at(selection: Selection, offset: int) -> Pairs:
    pairs = [pair for pair in selection.pairs if pair[0] != "_offset"]
    return [*pairs, ("_offset", str(offset))] if offset else pairs


def _page(place: Place, selection: Selection, text: str, offset: int) -> Link:
    return Link(text, address(place.duplicates_url(), _at(selection, offset)))


def _facts(shown: Shown, selection: Selection) -> list[str]:
    if not shown.total:
        return []
    facts = [f"{wording.count(shown.total, 'group')} of {wording.count(shown.row_count, 'row')}"]
    if len(shown.groups) < shown.total:
        last = selection.offset + len(shown.groups)
        facts.append(f"groups {selection.offset + 1:,} to {last:,}")
    return facts


def _tiers(selection: Selection, here: str) -> list[Link | str]:
    pairs = [pair for pair in selection.pairs if pair[0] not in ("_tier", "_offset")]
    links: list[Link | str] = []
    for tier in (None, *TIERS[:-1]):
        text = tier or "all"
        if tier == selection.tier:
            links.append(text)
        else:
            chosen = [("_tier", tier.replace(" ", "-"))] if tier else []
            links.append(Link(text, address(here, [*pairs, *chosen])))
    return links


def _other(selection: Selection, shown: Shown, here: str) -> Link | None:
    """Return a link to the groups that are decided, or back to those that are left."""
    pairs = [pair for pair in selection.pairs if pair[0] not in ("_decided", "_offset")]
    if selection.decided:
        return Link("Undecided groups", address(here, pairs))
    if not shown.decided or selection.row is not None:
        return None
    text = wording.count(shown.decided, "decided group")
    return Link(text, address(here, [*pairs, ("_decided", "1")]))


def _empty(place: Place, shown: Shown, selection: Selection) -> Empty:
    name = place.source.name
    if not shown.found:
        return Empty(f"Nobody has looked for duplicates in {name} yet. This command does:")
    if selection.row is not None:
        return Empty("This row has no duplicates.", Link("All groups", place.duplicates_url()))
    if selection.decided:
        return Empty("No group is decided.")
    narrowed = bool(selection.condition.filters or selection.tier or selection.offset)
    if narrowed:
        return Empty("No group is left here.", Link("All groups", place.duplicates_url()))
    if shown.decided:
        return Empty("No group is left to decide.")
    return Empty(f"There are no duplicates in {name}, as far as anybody has looked.")


def _group(place: Place, shown: Shown, number: int, label: str | None) -> Group:
    group = shown.groups[number]
    rows = [shown.rows[member.key] for member in group.members]
    differing = _differing(place, rows, label)
    best = row_path(group.members[0].key)
    return Group(
        number=group.number,
        heading=f"Group {group.number:,}: {wording.count(len(rows), 'row')}",
        copies=[
            _copy(place, member, row, shown.facts[member.key], best, label, differing)
            for member, row in zip(group.members, rows, strict=True)
        ],
        paths=[row_path(member.key) for member in group.members],
        decided=group.decided,
    )


def _copy(
    place: Place,
    member: Member,
    row: Row,
    facts: PictureFacts,
    best: str,
    label: str | None,
    differing: list[str],
) -> Copy:
    path = row_path(member.key)
    name = label_of(row, label)
    compare = address(place.url(row.key, "compare"), [("with", best)])
    known = _known(facts)
    columns = [(column, row.columns.get(column, "")) for column in differing]
    return Copy(
        picture=thumbnail(place.url(row.key, "thumbnail"), name, row.size),
        path=path,
        url=place.url(row.key),
        similar_url=place.url(row.key, "similar"),
        compare_url=None if path == best else compare,
        best=member.best,
        mark="Best" if member.best else _mark(member),
        reasons=member.reasons,
        details=[*known, *columns],
        keep_label=f"Keep {name}",
        different_label=f"{name} is not a duplicate",
    )


def _mark(member: Member) -> str:
    return f"{member.tier}, {member.score:.4f}" if member.tier else f"{member.score:.4f}"


def _known(facts: PictureFacts) -> list[tuple[str, object]]:
    details: list[tuple[str, object]] = []
    if facts.width and facts.height:
        details.append(("pixels", f"{facts.width:,} × {facts.height:,}"))
    if facts.bytes:
        details.append(("file", megabytes(facts.bytes)))
    if facts.taken or facts.modified:
        date = (facts.taken or facts.modified or "")[:10]
        details.append(("taken" if facts.taken else "changed", date))
    return details


def _differing(place: Place, rows: list[Row], label: str | None) -> list[str]:
    """Return the columns in which the rows differ, without those that are shown anyway."""
    shown = {label, *place.source.key_columns, "size", "mtime", "taken", "width", "height"}
    names = [name for name in rows[0].columns if name not in shown]
    different = [name for name in names if len({repr(row.columns.get(name)) for row in rows}) > 1]
    return different[:_COLUMNS]
