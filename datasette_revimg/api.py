"""The public Python functions: what the commands do, without a terminal."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .embedding import run
from .embedding.encoder import Encoder
from .embedding.request import BATCH_SIZE, EmbedRequest
from .embedding.run import Summary
from .errors import RevimgError
from .models.devices import DEVICES
from .search import functions, queries
from .search.queries import Match, Query
from .store import connection, registry, tables
from .store.registry import EmbeddedTable
from .store.tables import Table
from .teaching import functions as learnt_functions
from .vectors.percentiles import Minimum, parse_minimum

__all__ = ["Match", "Summary", "connect", "embed", "similar"]

StrPath = str | os.PathLike[str]


def connect(path: StrPath) -> sqlite3.Connection:
    """Open an existing database, with ``cosine_similarity`` and ``revimg_top`` to use in SQL.

    The caller closes the connection. Raises RevimgError when there is no such file, or it isn't a
    SQLite database that can be read.
    """
    conn = connection.connect(Path(path))
    functions.register(conn)
    learnt_functions.register(conn)
    return conn


def embed(
    database: StrPath,
    table: str,
    *paths: StrPath,
    column: str | None = None,
    model: str | None = None,
    base_dir: StrPath | None = None,
    store: bool = False,
    labels: bool = False,
    device: str = "auto",
    threads: int | None = None,
    batch_size: int = BATCH_SIZE,
    limit: int | None = None,
    replace: bool = False,
    isolate: bool = False,
    whiten: bool = False,
) -> Summary:
    """Embed the pictures of a table, or those in files and folders.

    Without ``paths``, embeds the pictures of an existing table: those in ``column``, or in the
    column of BLOBs or of paths that is detected. With ``paths``, embeds the pictures in these
    files and, recursively, folders: the database and the table, whose primary key is ``path``, are
    created or brought up to date. Pictures that have not changed since the last call are skipped.

    Args:
        database: The SQLite file.
        table: The table's name.
        paths: Files and folders.
        column: The column with the pictures, or with their paths.
        model: A name that ``datasette revimg models`` lists, or the path of an ``.onnx`` file. By
            default the table's own model, else vgg16-fc2 if it is installed, else vgg16-rmac.
        base_dir: The folder that the paths in the table are relative to.
        store: Also store the bytes of the files in ``paths`` in the table.
        labels: Also store the five best of ImageNet's 1000 classes for each picture.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"coreml"``, ``"openvino"`` or ``"directml"``.
        threads: The most processor threads to use.
        batch_size: Pictures per run of the network and per transaction.
        limit: The most pictures to embed in this call.
        replace: Discard the table's vectors and start again.
        isolate: Decode the pictures in processes of its own, with limits of memory and time, for
            pictures that strangers made.
        whiten: Learn from the table's own vectors, at least 1,000, what its pictures have in
            common, and let that count no longer. Vectors that are whitened already stay so.

    Returns:
        What was done, as counts of pictures. A picture that can't be used doesn't stop the run;
        the table ``_revimg_failures`` has the reason for each.

    Raises:
        RevimgError: The request can't be met, or the run can't go on; the message names the way
            out. Batches that were finished are kept.
        ValueError: ``column`` was given with ``paths``, or ``store`` without; a number is below
            1; or there is no such device.
    """
    if column is not None and paths:
        raise ValueError("column goes with a table's own pictures, not with paths")
    if store and not paths:
        raise ValueError("store goes with paths: it stores the files' bytes")
    _check_positive(batch_size=batch_size, threads=threads, limit=limit)
    _check_device(device)
    request = EmbedRequest(
        database=Path(database),
        table=table,
        paths=tuple(map(Path, paths)),
        column=column,
        model_name=model,
        base_dir=None if base_dir is None else Path(base_dir),
        keep_content=store,
        labels=labels,
        device=device,
        threads=threads,
        batch_size=batch_size,
        limit=limit,
        start_over=replace,
        isolate=isolate,
        whiten=whiten,
    )
    with run.prepared(request) as ready:
        return ready.embed()


def similar(
    database: StrPath,
    table: str,
    query: str | int | tuple[Any, ...] | Path | np.ndarray,
    *,
    k: int = 5,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
    minimum: float | str | None = None,
    model: str | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> list[Match]:
    """Return the ``k`` rows whose pictures are most similar to a query, best first.

    The search is exact. The row that the query names is not among the results.

    Args:
        database: The SQLite file.
        table: A table that was embedded.
        query: A row's key (a text or a whole number, or a tuple if the primary key has several
            columns), the ``Path`` of a picture file, or a vector (D,) of the table's model, of any
            length. A text that is no row's key may also be the path of a picture file.
        k: How many rows to return at most.
        where: An SQL condition that the rows must meet, such as ``"year > ?"``.
        parameters: The values for the placeholders in ``where``.
        minimum: The lowest score, a cosine from -1 to 1, or the lowest percentile as a text like
            ``"99.9%"``.
        model: The path of the table's own ``.onnx`` file; needed for picture files only, if the
            table was embedded with a model that is not built in.
        device: Where to embed a picture file, as in ``embed``.
        threads: The most processor threads to embed it with.

    Raises:
        RevimgError: The table isn't embedded, the query can't be found or used, the condition
            isn't valid SQL, or the database can't be read.
        ValueError: ``k`` or ``threads`` is below 1, ``minimum`` is out of range, or there is no
            such device.
    """
    _check_positive(k=k, threads=threads)
    _check_device(device)
    least = None if minimum is None else _minimum(minimum)
    with connection.opened(Path(database)) as conn:
        embedded = registry.require_embedded(conn, table)
        source = tables.find(conn, embedded.table_name)
        encoder = Encoder(conn, embedded, model, device, threads)
        return queries.best_matches(
            conn,
            source,
            [_query(conn, source, embedded, query, encoder)],
            k=k,
            where=where,
            parameters=parameters,
            minimum=least,
        )


def _query(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    query: str | int | tuple[Any, ...] | Path | np.ndarray,
    encoder: Encoder,
) -> Query:
    if isinstance(query, np.ndarray):
        return queries.vector_query(query, embedded.dimension)
    if isinstance(query, Path):
        if not query.is_file():
            raise RevimgError(f"{query}: there is no such file")
        return queries.file_query(query, encoder.encode_file)
    if isinstance(query, str):
        return queries.text_query(conn, source, query, encoder.encode_file)
    return queries.row_query(conn, source, query if isinstance(query, tuple) else (query,))


def _minimum(value: float | str) -> Minimum:
    try:
        return parse_minimum(str(value))
    except ValueError:
        raise ValueError(
            f"minimum is a cosine from -1 to 1 or a percentage like '99.9%', not {value!r}"
        ) from None


def _check_positive(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")


def _check_device(device: str) -> None:
    if device not in DEVICES:
        raise ValueError(f"device is one of {', '.join(DEVICES)}, not {device!r}")
