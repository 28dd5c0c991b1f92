"""A query of ``datasette revimg similar`` that is looked at in several ways."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from ..embedding.base import base_folder
from ..embedding.encoder import Encoder
from ..embedding.looking import Looked
from ..embedding.originals import read_original
from ..errors import RevimgError
from ..keys import row_path
from ..pictures.identity import Identity
from ..pictures.looks import AS_A_WHOLE, EVERY, WAYS, Look, Ways, parse_ways
from ..search.queries import Query, text_query
from ..store.registry import EmbeddedTable
from ..store.tables import Table


def _parse(context: click.Context, parameter: click.Parameter, text: str | None) -> Ways | None:
    try:
        return None if text is None else parse_ways(text)
    except RevimgError as error:
        raise click.BadParameter(str(error)) from None


ways_option = click.option(
    "--ways",
    metavar="NAMES",
    callback=_parse,
    help=f"Look at the picture in several ways: {', '.join(WAYS)}, or {EVERY}. Each row says which "
    "it was found with. The original picture of a row is read.",
)

any_turn_option = click.option(
    "--orientations",
    "any_turn",
    is_flag=True,
    help="Search with the picture in all eight orientations, for copies that are turned by "
    "quarters or mirrored. Each row says how it is turned.",
)


def chosen_ways(ways: Ways | None, any_turn: bool) -> Ways | None:
    """Return the ways in which to look at a picture; None if its vector as it is will do."""
    return replace(ways or AS_A_WHOLE, any_turn=True) if any_turn else ways


def look_at(
    conn: sqlite3.Connection,
    database: Path,
    source: Table,
    embedded: EmbeddedTable,
    encoder: Encoder,
    text: str,
    ways: Ways,
) -> tuple[Query, list[Look]]:
    """Return the query of the picture that a text names, seen in these ways, and the looks.

    The text is a row's key or a picture file. Raises RevimgError when it is neither, or when the
    picture can't be read, or not be seen in these ways.
    """
    seen: list[Looked] = []

    def encode_file(file: Path) -> tuple[np.ndarray, Identity]:
        seen.append(encoder.look_at_file(file, ways))
        # Scores of several views have no tiers, so nothing else need be known.
        return seen[0].vectors, Identity(None, None)

    query = text_query(conn, source, text, encode_file)
    if query.key is not None:
        base = base_folder(database, embedded)
        data = read_original(conn, source, embedded, base, query.key)
        seen.append(encoder.look_at(f"row {row_path(query.key)}", data, ways))
    return Query(seen[0].vectors, query.key), seen[0].looks


def words(look: Look) -> str:
    """Return what a row was found with."""
    return look.words or "the whole picture"
