"""The sentences of the pages that depend on numbers: one place for plurals and word order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...models.catalogue import is_built_in_whitened
from ...pictures.looks import MIDDLE, MIRROR, TURNS, WHOLE, WINDOWS, Look
from ...pictures.orientations import OTHERS
from ...store.registry import EmbeddedTable
from ...vectors.calibration import EDITED_COPY, RATES, needed
from ...vectors.whitening import base_name


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: “1 picture”, “2,000 pictures”."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def at_least(number: int, noun: str, exact: bool) -> str:
    """Return a number with its noun; unless ``exact``, there are more."""
    return count(number, noun) if exact else f"more than {count(number, noun)}"


def capitalized(sentence: str) -> str:
    """Return a sentence that begins with a capital, the rest of it unchanged."""
    return sentence[:1].upper() + sentence[1:]


def network(embedded: EmbeddedTable) -> str:
    """Return the network that made a table's vectors: “vgg16-rmac, 1024 dimensions”."""
    return f"{embedded.model}, {embedded.dimension:,} dimensions"


def compared(candidates: int, exact: bool, filtered: bool) -> str:
    """Return how many pictures there were to choose from; ``filtered`` are those that match."""
    pictures = capitalized(at_least(candidates, "picture", exact))
    if not filtered:
        return f"{pictures} compared"
    return f"{pictures} {'matches' if candidates == 1 else 'match'}"


def results(candidates: int, exact: bool, shown: int, condition: str) -> str:
    """Return the heading over results that reach a threshold, in words ``condition``."""
    number = at_least(candidates, "result", exact)
    if exact and candidates == shown and candidates > 1:
        number = f"all {number}"
    return f"{capitalized(number)} {condition}"


def facet_hint(candidates: int, *, enumerated: bool, minimum: bool, conditions: int) -> str:
    """Return the sentence over facets: which pictures their values were counted in.

    ``enumerated``: only the results were counted. ``minimum``: there is a threshold, which is one
    of the ``conditions``.
    """
    if enumerated:
        one = candidates == 1
        return f"Counts for {'the one result' if one else f'all {candidates:,} results'}"
    if minimum:
        others = " that match the other filters" if conditions > 1 else ""
        return f"Counts for all pictures{others}, whatever their similarity"
    if conditions:
        return f"Counts for all {count(candidates, 'picture')} matching the filters"
    return f"Counts for all {count(candidates, 'picture')}"


def differing(different: int, columns: int) -> str:
    """Return the caption of a table of two rows' columns."""
    if not different:
        return "All columns are the same"
    verb = "differs" if different == 1 else "differ"
    return f"{different} of {count(columns, 'column')} {verb}"


def position(rank: int | None, neighbours: int) -> str:
    """Return where a picture stands among the most similar ones."""
    return f"{rank} of {neighbours}" if rank else f"{neighbours} most similar"


def no_pictures(table: str, filtered: bool) -> str:
    """Return the sentence of a page about a table when no picture can be shown."""
    return f"No picture of {table} {_which(filtered)}."


def only_one(table: str, filtered: bool) -> str:
    """Return the sentence of the matrix of one picture."""
    return (
        f"Only one picture of {table} {_which(filtered)}, so there is nothing to compare it with."
    )


def _which(filtered: bool) -> str:
    return "meets these filters" if filtered else "is embedded"


def nothing_similar(table: str, of_a_row: bool) -> str:
    """Return the sentence when a table has no picture to compare with."""
    other = "other " if of_a_row else ""
    return f"There is no {other}picture in {table} to compare this one with."


def listed(shown: int, total: int) -> str:
    """Return the introduction of the map's list for browsers without JavaScript."""
    if total == 1:
        return "The map needs JavaScript. Here is its only picture."
    which = f"{shown:,} of its pictures" if shown < total else "its pictures"
    return f"The map needs JavaScript. Here are {which}, from one side of the map to the other."


def megabytes(size: int) -> str:
    """Return a number of bytes: “12.3 MB”."""
    return f"{size / 1_000_000:,.1f} MB"


def most_similar(shown: int) -> str:
    """Return the sentence under the heading over results of which only some are shown."""
    which = "most similar one is" if shown == 1 else f"{shown:,} most similar are"
    return f"The {which} shown."


def show(shown: int, candidates: int) -> str:
    """Return the text of a link to more results: “Show 48”, “Show all 60”."""
    return f"Show all {shown}" if shown == candidates else f"Show {shown}"


def show_more(shown: int) -> str:
    """Return the text of a link to more results of an unknown number."""
    return f"Show {shown}"


def similar_to(label: str, region: bool, like: int, unlike: int) -> str:
    """Return what the results are similar to; ``like`` and ``unlike`` count further pictures."""
    more = f" and {count(like, 'other')}" if like else ""
    less = f", unlike {count(unlike, 'other')}" if unlike else ""
    return f"similar to {'a region of ' if region else ''}{label}{more}{less}"


CLOSER = "at parts, turned and mirrored"
LOOKING_CLOSER = "Your picture will be looked at in parts, turned and mirrored."
TURNING = "Your picture will be looked at in all eight orientations."


def looked(looks: Sequence[Look]) -> str:
    """Return what a picture was searched with, “” if that is the whole one, as it is, alone."""
    counts = Counter(look.way for look in looks)
    any_turn = {look.orientation for look in looks}.issuperset(OTHERS)
    named = []
    if any_turn:
        named.append("the whole picture in all eight orientations")
    elif counts[WHOLE]:
        named.append("the whole picture")
    if counts[MIDDLE]:
        named.append("its middle")
    if counts[WINDOWS]:
        named.append(count(counts[WINDOWS], "overlapping part"))
    if counts[TURNS] and not any_turn:
        named.append(count(counts[TURNS], "turn"))
    if counts[MIRROR] and not any_turn:
        named.append("its mirror image")
    if len(looks) < 2:
        return ""
    *others, last = named
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"Searched with {listed}."


def found_with(look: Look) -> str | None:
    """Return what a result was found with, or how it is turned; None for the whole picture."""
    if look.part:
        return f"Found with {look.words}"
    return capitalized(look.words) or None


def expanded(number: int) -> str:
    """Return what the best results were added to."""
    return f"The query is mixed with its {count(number, 'best result')}."


def end(shown: int, candidates: int, exact: bool) -> str:
    """Return the sentence under the last results that a page can show."""
    pictures = at_least(candidates, "picture", exact)
    return (
        f"These are the {shown:,} most similar of {pictures}, and this page shows no more: "
        "filters lead to the others."
    )


def legend(model: str, available: bool) -> str:
    """Return the explanation of a model's heat maps, or that there are none."""
    if not available:
        if is_built_in_whitened(model):
            return (
                "The matching parts of the pictures can’t be shown: the vectors of "
                f"{base_name(model)} are whitened once more for this table."
            )
        return (
            "The matching parts of the pictures can’t be shown: "
            f"only VGG16 networks support this, and {model} isn’t one."
        )
    sentence = (
        "Bright areas show what the two pictures have in common in the network’s last "
        "convolutional layers; dark areas add nothing to their similarity."
    )
    if model.startswith("vgg16-rmac"):
        return sentence
    return f"{sentence} The cosine is that of {model}, whose dense layers come after these."


def method(name: str, pending: str | None) -> str:
    """Return how a map was laid out, and which better way is being computed."""
    return f"{name}, {pending} is being computed" if pending else name


# What a picture's mark says in place of a tier.
TOO_PLAIN = "too plain to tell"
PLAIN_PAIR = "too plain to tell copies: blank, or almost of one colour"


# For those who run the server, where a table isn't calibrated.
CALIBRATE = (
    "What do these scores mean? This command works it out from the table’s own pictures, so that "
    "copies are told from lookalikes:"
)


def percentile(percent: str, table: str) -> str:
    """Return what a percentile means."""
    return f"More similar than {percent} % of all pairs in {table}"


def above_the_line(table: str, vouched: bool) -> str:
    """Return the caption of the copies; ``vouched``: they are more than the same file."""
    if not vouched:
        return "The same file, byte for byte."
    share = round(1 / RATES[EDITED_COPY])
    return f"Of the pictures without a copy in {table}, at most 1 in {share} has anything here."


def below_the_line(table: str, copies: bool, vouched: bool, plain: bool) -> str:
    """Return the caption of the pictures that are no copies as far as their scores say.

    ``copies``: there are some above them. ``vouched``: the table has enough pictures to say what a
    copy is. ``plain``: the picture searched with holds too little to tell.
    """
    if plain:
        return (
            "The picture is blank or almost of one colour, which is too little to tell copies "
            "from other pictures."
        )
    if not vouched:
        return (
            f"{table} has too few pictures to tell edited copies from others: "
            f"{needed(EDITED_COPY)} are needed."
        )
    first = "" if copies else "None of these scores as high as a copy. "
    return f"{first}Copies that were turned or changed a lot may be among them."


def collapsed(shown: int) -> str:
    """Return the sentence over collapsed results, of which there are more pictures."""
    verb = "is" if shown == 1 else "are"
    return f"{shown:,} {verb} shown, one for each group of duplicates."


def not_collapsed(table: str) -> str:
    """Return the sentence when duplicates can't be collapsed."""
    return f"Nothing is collapsed: nobody has looked for duplicates in {table} yet."
