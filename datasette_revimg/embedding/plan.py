"""The main job: which rows of which table, with which model, from where.

Settles everything that has to be settled before the pipeline runs, and refuses, in one
sentence, what would mix vectors that can't be compared.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import RevimgError
from ..models.catalogue import Model
from ..store import file_table, registry, tables, writing
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from . import jobs as sources
from .choice import check_model
from .jobs import Job


@dataclass(frozen=True)
class Plan:
    """A run that can start: the table, its record, how many pictures there are at most."""

    source: Table
    embedded: EmbeddedTable
    jobs: Iterator[Job]
    total: int
    removed: int


def base_folder(database: Path, embedded: EmbeddedTable) -> Path:
    """The folder that a table's paths start from; by default the database's own."""
    return Path(os.path.normpath(database.absolute().parent / (embedded.base_dir or "")))


def plan_table(
    conn: sqlite3.Connection,
    database: Path,
    table: str,
    model: Model,
    *,
    column: str | None = None,
    base_dir: Path | None = None,
    labels: bool = False,
    start_over: bool = False,
) -> Plan:
    """Embed the pictures of an existing table's column.

    A table that was embedded before keeps its column, model and base folder, unless it is to
    ``start_over``, which forgets its vectors.
    """
    source = tables.find(conn, table)
    recorded = registry.embedded(conn, table)
    if recorded and not start_over:
        _check_same(recorded, model, column)
    if recorded and base_dir is None:
        base_dir = base_folder(database, recorded)
    if column is None and recorded:
        column = recorded.column_name
    found = (
        (column, sources.column_kind(conn, source, column))
        if column
        else sources.find_column(conn, source)
    )
    embedded = _entry(source, found, _stored_base(database, base_dir or database.parent), model)
    if embedded.kind == "path":
        sources.check_paths(conn, source, embedded.column_name, base_folder(database, embedded))
    if recorded and start_over:
        # Before anything is forgotten.
        registry.check_names(conn, source, labels)
        writing.forget(conn, table)
    writing.prepare(conn, source, embedded, labels)
    return Plan(
        source,
        embedded,
        sources.column_jobs(conn, source, embedded, base_folder(database, embedded), labels),
        tables.count_pictures(conn, source, embedded.column_name)[0],
        writing.remove_missing(conn, source, embedded.column_name),
    )


def plan_files(
    conn: sqlite3.Connection,
    database: Path,
    table: str,
    model: Model,
    paths: Sequence[Path],
    files: Sequence[Path],
    *,
    base_dir: Path | None = None,
    keep_content: bool = False,
    labels: bool = False,
    start_over: bool = False,
) -> Plan:
    """Embed files into a table of their own, created where it is missing.

    ``files`` are the pictures found in ``paths``, see sources.picture_files. Paths are kept
    relative to ``base_dir``, by default the folder they share. Rows whose file is gone from one
    of the folders are deleted, with their vectors.
    """
    recorded = registry.embedded(conn, table)
    if recorded and not start_over:
        _check_same(recorded, model, None)
    if recorded and recorded.column_name not in ("path", "content"):
        raise RevimgError(
            f"{table!r} was embedded from its column {recorded.column_name!r}, not from files: "
            "choose another name for the new table"
        )
    base = _file_base(database, recorded, paths, base_dir)
    keep_content = keep_content or bool(recorded and recorded.kind == "blob")
    source = file_table.prepare(conn, table, keep_content)
    found = ("content", "blob") if keep_content else ("path", "path")
    embedded = _entry(source, found, _stored_base(database, base), model)
    if recorded:
        old_base = base_folder(database, recorded)
        if old_base != base:
            file_table.move_paths(conn, source, f"{old_base.relative_to(base).as_posix()}/")
        if start_over:
            writing.forget(conn, table)
    writing.prepare(conn, source, embedded, labels)
    gone = sources.missing_files(conn, source, files, paths, base)
    writing.remove_rows(conn, source, gone)
    writing.clear_failures(conn, source, [(sources.relative(file, base),) for file in files])
    return Plan(
        source,
        embedded,
        sources.file_jobs(conn, source, files, base, keep_content, labels),
        len(files),
        len(gone),
    )


def _file_base(
    database: Path, recorded: EmbeddedTable | None, paths: Sequence[Path], base_dir: Path | None
) -> Path:
    """The folder that the table's paths are relative to: given, recorded or what they share."""
    common = sources.common_folder(paths)
    if not recorded:
        base = Path(os.path.abspath(base_dir)) if base_dir else common
    else:
        old = base_folder(database, recorded)
        base = Path(os.path.abspath(base_dir)) if base_dir else old
        if not old.is_relative_to(base):
            raise RevimgError(
                f"{recorded.table_name!r} keeps its paths below {old}, which is not in {base}: "
                "give a --base-dir that holds both"
            )
    if not common.is_relative_to(base):
        both = Path(os.path.commonpath([common, base]))
        raise RevimgError(
            f"{common} is not below {base}, where the table's paths start: give --base-dir {both} "
            "to let them start there, or choose another table"
        )
    return base


def _check_same(recorded: EmbeddedTable, model: Model, column: str | None) -> None:
    check_model(recorded, model)
    if column and column != recorded.column_name:
        raise RevimgError(
            f"{recorded.table_name!r} was embedded from its column {recorded.column_name!r}: "
            f"use --replace to start again with {column!r}"
        )


def _stored_base(database: Path, base: Path) -> str:
    """The base folder relative to the database's, so that both can move, and no home folder's
    name is published with the database; absolute only when it is on another drive."""
    try:
        return Path(os.path.relpath(base, database.absolute().parent)).as_posix()
    except ValueError:
        return os.path.abspath(base)


def _entry(source: Table, found: tuple[str, str], base: str, model: Model) -> EmbeddedTable:
    column, kind = found
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
