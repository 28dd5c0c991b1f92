"""The plan of a run: which rows of which table, from which column or files.

Decides everything that can be decided before the pipeline runs, and refuses, in one sentence,
what would mix vectors that can't be compared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from ..errors import RevimgError
from ..keys import Key
from ..models.catalogue import Model
from ..pictures.isolated import IsolatedDecoder
from ..store import (
    failed_rows,
    file_table,
    own_tables,
    picture_column,
    registry,
    removal,
    skipped,
    statistics,
    tables,
    writing,
)
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from . import columns, folders
from .base import base_folder, base_of_files, stored_base
from .choice import check_model
from .folders import Listing
from .jobs import Job
from .moved import find_moved
from .request import EmbedRequest
from .whitening import check_enough


@dataclass(frozen=True)
class Plan:
    """A table, its record and its jobs; ``total`` is the most jobs there can be.

    ``removed`` counts the rows whose vectors were deleted because their picture is gone,
    ``missing`` the rows of a table made from files whose file is gone: they are kept, and
    ``moved`` those whose file was found under another path.
    """

    source: Table
    embedded: EmbeddedTable
    jobs: Iterator[Job]
    total: int
    removed: int = 0
    missing: int = 0
    moved: int = 0


def plan_table(conn: sqlite3.Connection, request: EmbedRequest, model: Model) -> Plan:
    """Plan to embed the pictures in a column of an existing table.

    A table that was embedded before keeps its column, model and base folder, unless the request
    is to start over, which deletes its vectors. Raises RevimgError when the request can't be met.
    """
    source = tables.find(conn, request.table)
    if not request.start_over:
        registry.check_record(conn, request.table)
    recorded = registry.embedded(conn, request.table)
    if recorded and not request.start_over:
        _check_same(recorded, model, request.column)
    name = request.column or (recorded.column_name if recorded else None)
    if name:
        column, kind = name, columns.column_kind(conn, source, name)
    else:
        column, kind = _find_column(conn, source, request.isolate)
    base = request.base_dir or (
        base_folder(request.database, recorded) if recorded else request.database.parent
    )
    embedded = _record(source, column, kind, stored_base(request.database, base), model)
    base = base_folder(request.database, embedded)
    if kind == "path":
        columns.check_paths(conn, source, column, base)
    total = picture_column.count(conn, source, column)[0]
    if request.whiten and not model.whitening:
        check_enough(source.name, total)
    if request.start_over:
        _start_over(conn, source, request)
    writing.prepare(conn, source, embedded, request.labels)
    removal.remove_damaged(conn, source)
    return Plan(
        source=source,
        embedded=embedded,
        jobs=columns.column_jobs(conn, source, embedded, base, request.labels),
        total=total,
        removed=removal.remove_missing(conn, source, column),
    )


def plan_files(
    conn: sqlite3.Connection, request: EmbedRequest, model: Model, listing: Listing
) -> Plan:
    """Plan to embed files into a table of their own, which is created if it doesn't exist.

    ``listing`` is what is in the request's paths (see ``folders.find_pictures``). The table
    keeps their paths relative to the request's base folder, by default the deepest one that
    contains them all. Rows whose file is gone from one of the folders are kept, with their vectors:
    under its new path if it is elsewhere now, else marked missing. Raises RevimgError when the
    request can't be met.
    """
    if not request.start_over:
        registry.check_record(conn, request.table)
    recorded = registry.embedded(conn, request.table)
    if recorded and not request.start_over:
        _check_same(recorded, model, None)
    if recorded and recorded.column_name not in ("path", "content"):
        raise RevimgError(
            f"{request.table!r} was embedded from its column {recorded.column_name!r}, not from "
            "files: choose another name for the new table"
        )
    if request.whiten and not model.whitening:
        stored = 0 if request.start_over or not recorded else _stored(conn, recorded)
        check_enough(request.table, stored + len(listing.pictures))
    base = base_of_files(request.database, recorded, request.paths, request.base_dir)
    keep_content = request.keep_content or bool(recorded and recorded.kind == "blob")
    source = file_table.prepare(conn, request.table, keep_content)
    column, kind = ("content", "blob") if keep_content else ("path", "path")
    embedded = _record(source, column, kind, stored_base(request.database, base), model)
    if recorded:
        old_base = base_folder(request.database, recorded)
        if old_base != base:
            file_table.move_paths(conn, source, f"{old_base.relative_to(base).as_posix()}/")
    if request.start_over:
        _start_over(conn, source, request)
    writing.prepare(conn, source, embedded, request.labels)
    removal.remove_damaged(conn, source)
    gone = folders.missing_files(conn, source, listing, request.paths, base)
    moved = find_moved(conn, source, gone, listing.pictures, base)
    if moved:
        file_table.rename(conn, source, moved)
        gone = [key for key in gone if key[0] not in moved]
    present: list[Key] = [(folders.relative(file, base),) for file in listing.pictures]
    file_table.mark_missing(conn, source, gone, present)
    failed_rows.clear(conn, source, present)
    skipped.write(conn, source.name, listing.skipped)
    return Plan(
        source=source,
        embedded=embedded,
        jobs=folders.file_jobs(conn, source, listing.pictures, base, keep_content, request.labels),
        total=len(listing.pictures),
        missing=len(gone),
        moved=len(moved),
    )


def _find_column(conn: sqlite3.Connection, source: Table, isolate: bool) -> tuple[str, str]:
    """Return the column that holds pictures, and its kind, as ``columns.find_column``.

    With ``isolate`` the headers of pictures are read in a process of its own.
    """
    if not isolate:
        return columns.find_column(conn, source)
    with closing(IsolatedDecoder()) as decoder:
        return columns.find_column(conn, source, decoder.is_picture)


def _stored(conn: sqlite3.Connection, recorded: EmbeddedTable) -> int:
    """Return how many vectors a table has, at most."""
    return statistics.count_rows(conn, recorded).vectors


def _start_over(conn: sqlite3.Connection, source: Table, request: EmbedRequest) -> None:
    """Delete everything that was computed, also where there is no record of it any more."""
    # Before anything is deleted.
    own_tables.check_names(conn, source, request.labels)
    removal.discard(conn, source.name)


def _check_same(recorded: EmbeddedTable, model: Model, column: str | None) -> None:
    """Raise RevimgError unless the recorded model and column are the ones to be used now."""
    check_model(recorded, model)
    if column and column != recorded.column_name:
        raise RevimgError(
            f"{recorded.table_name!r} was embedded from its column {recorded.column_name!r}: "
            f"use --replace to start again with {column!r}"
        )


def _record(source: Table, column: str, kind: str, base: str, model: Model) -> EmbeddedTable:
    name, sha256, preprocessing = model.identity
    return EmbeddedTable(
        table_name=source.name,
        column_name=column,
        kind=kind,
        base_dir=base,
        model=name,
        weights_sha256=sha256,
        dimension=model.dimension,
        preprocessing=preprocessing,
    )
