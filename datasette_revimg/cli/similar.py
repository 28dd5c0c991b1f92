"""``datasette revimg similar``."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import click
import numpy as np
from tabulate import tabulate

from ..embedding import choice
from ..embedding.choice import load_network
from ..errors import RevimgError
from ..keys import Key, typed_keys
from ..models.catalogue import Model
from ..models.network import Network
from ..pictures import decoding, opening
from ..pictures.files import read_file
from ..search import top_k
from ..store import distributions, reading, registry, tables
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors import percentiles
from ..vectors.cosine import combine
from ..vectors.percentiles import Minimum
from .options import (
    DATABASE,
    model_option,
    naming_where,
    network_options,
    open_database,
)


def _minimum(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Minimum | None:
    try:
        return None if text is None else percentiles.parse_minimum(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a cosine from -1 to 1 nor a percentage like 99.9%"
        ) from None


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.argument("queries", metavar="QUERY...", nargs=-1, required=True)
@click.option(
    "-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many."
)
@click.option(
    "--min",
    "minimum",
    metavar="COSINE|PERCENT%",
    callback=_minimum,
    help="The least cosine to show, or the least percentile, like 99.9%.",
)
@click.option("--not", "unlike", metavar="QUERY", multiple=True, help="Less like this one.")
@click.option("--where", metavar="SQL", default="", help="Only rows of TABLE that meet this.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
@model_option
@network_options
def similar(
    database: Path,
    table: str,
    queries: tuple[str, ...],
    count: int,
    minimum: Minimum | None,
    unlike: tuple[str, ...],
    where: str,
    output: str,
    model_name: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Print the rows of TABLE whose pictures are most similar to QUERY.

    QUERY is a row's key, as in its Datasette URL, or a picture file. Several are averaged.
    The percentile tells what share of the table's own pairs is less similar.

    --model is needed for picture files only, when TABLE was embedded with a model of your own.

    Example:

    \b
        datasette revimg similar cards.db cards 14 --where "deck = 'modern'"
    """
    with open_database(database) as conn:
        embedded = registry.require_embedded(conn, table)
        source = tables.find(conn, embedded.table_name)
        finder = _QueryFinder(conn, source, embedded, model_name, device, threads)
        query = combine(
            [finder.vector(text) for text in queries], [finder.vector(text) for text in unlike]
        )
        background = distributions.read(conn, source.name)
        with naming_where(where):
            result = top_k.top_k(
                conn,
                source.name,
                query,
                count,
                where=where,
                exclude=finder.keys,
                minimum=minimum.score(background) if minimum else None,
            )
        rows = tables.rows(conn, source, [hit.key for hit in result.hits])
    scored = [
        {
            "score": round(hit.score, 6),
            **({"percentile": round(background.percentile(hit.score), 4)} if background else {}),
            # A column of such a name is the table's own business.
            **{name: value for name, value in row.items() if name not in ("score", "percentile")},
        }
        for hit, row in zip(result.hits, rows, strict=True)
    ]
    click.echo(_formatted(scored, output), nl=output != "csv")


class _QueryFinder:
    """Turns what the user calls a query into its vector, and remembers the rows' keys.

    The network is loaded for the first picture file only: a row needs none.
    """

    def __init__(
        self,
        conn: sqlite3.Connection,
        source: Table,
        embedded: EmbeddedTable,
        model_name: str | None,
        device: str,
        threads: int | None,
    ) -> None:
        self.keys: set[Key] = set()
        self._conn, self._source, self._entry = conn, source, embedded
        # One that was named must fit, whether a picture needs it or not.
        self._model = self._checked(model_name) if model_name else None
        self._device, self._threads = device, threads
        self._network: Network | None = None

    def vector(self, text: str) -> np.ndarray:
        for key in typed_keys(text, len(self._source.key_columns)):
            found = reading.vector(self._conn, self._source.name, key)
            if found is not None:
                # As stored: "7" names the row whose key is the integer 7.
                self.keys.add(tables.resolve_key(self._conn, self._source, key))
                return found
        file = Path(text)
        if not file.is_file():
            raise RevimgError(
                f"{text!r} is neither the key of an embedded row of {self._source.name!r} nor a "
                "picture file"
            )
        network = self._loaded()
        try:
            picture = decoding.decode(read_file(file), network.size)
        except opening.ImageError as error:
            raise RevimgError(f"{text}: {error}") from error
        return np.asarray(network.embed(picture.array[np.newaxis])[0])

    def _loaded(self) -> Network:
        if self._network is None:
            model = self._model or self._checked(None)
            self._network = load_network(model, self._device, self._threads)
        return self._network

    def _checked(self, model_name: str | None) -> Model:
        model = choice.choose_model(self._entry, model_name)
        choice.check_model(self._entry, model)
        return model


def _formatted(rows: list[dict[str, Any]], output: str) -> str:
    if output == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False)
    if output == "csv":
        buffer = io.StringIO()
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(buffer, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()
    return str(tabulate(rows, headers="keys", floatfmt=".4f")) if rows else "no rows"
