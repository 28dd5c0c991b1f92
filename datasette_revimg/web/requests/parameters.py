"""The parameters of a request, from its query string."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from datasette.utils.asgi import Request

from ...pictures.looks import Ways, parse_ways
from ...pictures.region import Crop, parse_region
from ...vectors.expansion import MAX_EXPAND
from ...vectors.percentiles import Minimum, parse_minimum
from ..problems import Problem
from ..settings import MAX_SIZE

SHAPES = ("objects", "arrays", "array")

# The value of ``_turn``: the picture is searched with in any orientation.
ANY_TURN = "any"

# Ours. A column of this name is filtered with like__exact=.
ROWS = ("like", "unlike")

Pairs = list[tuple[str, str]]

# A query string may have no more. Every link of a page repeats all of it.
MAX_PAIRS = 100
MAX_QUERY_BYTES = 8192
MAX_EXAMPLES = 50


@dataclass(frozen=True)
class Parameters:
    """Valid parameters of a search.

    ``like`` and ``unlike`` are rows as their addresses name them. ``ways`` are those of
    ``pictures.looks`` in which the picture is searched with, None if none was asked for, and
    ``any_turn`` asks for all its orientations too. ``expand`` is the number of results that the
    query is expanded with. ``collapse`` asks for one row of each group of duplicates.
    """

    pairs: Pairs
    size: int
    minimum: Minimum | None
    shape: str
    like: tuple[str, ...]
    unlike: tuple[str, ...]
    crop: Crop | None = None
    ways: Ways | None = None
    any_turn: bool = False
    expand: int = 0
    collapse: bool = False

    @property
    def looked_at(self) -> bool:
        """Whether the picture itself is needed, in place of the vector of its row."""
        return bool(self.crop or self.ways or self.any_turn)

    def ways_or(self, default: Ways) -> Ways:
        """Return the ways in which the picture is searched with; ``default`` if none are named."""
        return replace(self.ways or default, any_turn=self.any_turn)

    def only(self, *names: str) -> Pairs:
        """Return the pairs of the query string with these names."""
        return [pair for pair in self.pairs if pair[0] in names]

    def without(self, *names: str) -> Pairs:
        """Return the pairs of the query string but those with these names."""
        return [pair for pair in self.pairs if pair[0] not in names]


def parse(request: Request, default_size: int) -> Parameters:
    """Read everything but the filters.

    Raises Problem 400 for a value that isn't valid, and RevimgError for such a region.
    """
    args = request.args
    pairs = parse_pairs(request)
    examples = sum(name in ROWS for name, _ in pairs)
    if examples > MAX_EXAMPLES:
        raise Problem(
            400, f"like and unlike name {examples} rows; at most {MAX_EXAMPLES} are allowed"
        )
    return Parameters(
        pairs=pairs,
        size=parse_size(request, default_size, MAX_SIZE),
        minimum=_minimum(args.get("_min")),
        shape=_shape(args.get("_shape", SHAPES[0])),
        like=tuple(args.getlist("like")),
        unlike=tuple(args.getlist("unlike")),
        crop=parse_region(args.get("_crop")),
        ways=parse_ways(args["_ways"]) if "_ways" in args else None,
        any_turn=_any_turn(args.get("_turn")),
        expand=_expand(args.get("_expand")),
        collapse=args.get("_collapse") == "1",
    )


def parse_pairs(request: Request) -> Pairs:
    """Return the names and values of the query string, or of a form's fields.

    Raises Problem 400 when there are too many, or when they are too long.
    """
    if len(request.query_string) > MAX_QUERY_BYTES:
        raise Problem(
            400,
            f"the parameters are {len(request.query_string):,} bytes long; at most "
            f"{MAX_QUERY_BYTES:,} are allowed",
        )
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    if len(pairs) > MAX_PAIRS:
        raise Problem(400, f"there are {len(pairs):,} parameters; at most {MAX_PAIRS} are allowed")
    return pairs


def parse_size(request: Request, default: int, most: int) -> int:
    """Return ``_size``, from 1 to ``most``, or else the default. Raises Problem 400."""
    text = request.args.get("_size")
    if text is None:
        return default
    size = whole_number(text)
    if size is None or not 1 <= size <= most:
        raise Problem(400, f"_size must be a whole number from 1 to {most}, not {text!r}")
    return size


def whole_number(text: str) -> int | None:
    """Return a whole number of six digits at most, from 0 on; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def address(base: str, pairs: Pairs) -> str:
    """Return an address with a query string."""
    return base + "?" + urlencode(pairs) if pairs else base


def _expand(text: str | None) -> int:
    if text is None:
        return 0
    count = whole_number(text)
    if count is None or not 1 <= count <= MAX_EXPAND:
        raise Problem(400, f"_expand must be a whole number from 1 to {MAX_EXPAND}, not {text!r}")
    return count


def _any_turn(text: str | None) -> bool:
    if text not in (None, ANY_TURN):
        raise Problem(400, f"_turn must be {ANY_TURN}, for all eight orientations, not {text!r}")
    return text is not None


def _minimum(text: str | None) -> Minimum | None:
    try:
        return None if text is None else parse_minimum(text)
    except ValueError:
        raise Problem(
            400,
            "_min must be a cosine, a number from -1 to 1, or a percentage like 99.9%, "
            f"not {text!r}",
        ) from None


def _shape(text: str) -> str:
    if text not in SHAPES:
        raise Problem(400, f"_shape must be one of {', '.join(SHAPES)}, not {text!r}")
    return text
