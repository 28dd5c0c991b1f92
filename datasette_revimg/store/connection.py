"""Connections: opened with errors in one sentence, fast to read, on one state of the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlite_utils

from ..errors import RevimgError
from . import version

# How long to wait for another program's write to end before calling the database locked.
BUSY_SECONDS = 15.0

# SQLite's own builds map no more than this.
_MAPPED_BYTES = 2 << 30


def connect(path: Path, *, create: bool = False, shared: bool = False) -> sqlite3.Connection:
    """Open a database file, which must exist unless ``create``.

    Threads may use a ``shared`` connection, one at a time, for which its owner cares. Raises
    RevimgError when the file isn't there, can't be read or isn't SQLite.
    """
    if not create and not path.is_file():
        raise RevimgError(f"{path}: there is no such database file")
    try:
        conn = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=not shared)
        conn.execute("select count(*) from sqlite_master")
    except sqlite3.Error as error:
        raise translated(error, path) from error
    return conn


def data_version(conn: sqlite3.Connection) -> int:
    """Return the number that changes with whatever other connections write to the database."""
    (number,) = conn.execute("pragma data_version").fetchone()
    return int(number)


@contextmanager
def opened(
    path: Path, *, create: bool = False, writable: bool = True
) -> Iterator[sqlite3.Connection]:
    """Open a database file for a while, turn SQLite's errors into RevimgErrors, and close it.

    SQLite itself refuses to write to one that isn't ``writable``.
    Raises NewerVersionError for one that a later version of this program has written to.
    """
    try:
        with closing(connect(path, create=create)) as conn:
            if not writable:
                conn.execute("pragma query_only = 1")
            version.check(conn, path)
            yield conn
    except sqlite3.Error as error:
        raise translated(error, path) from error


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """Write in one transaction, whole or not at all; within another one, as a part of it.

    It takes the lock first, for which it waits while another program writes. SQLite lets nobody
    wait who has begun to read: the others' change might be to what was read. A later version of
    this program may have been one of them: then NewerVersionError is raised, and nothing written.
    """
    if conn.in_transaction:
        with sqlite_utils.Database(conn, execute_plugins=False).atomic():
            yield
        return
    conn.execute("begin immediate")
    try:
        version.check(conn)
        yield
        conn.execute("commit")
    finally:
        # After a commit, or an error that has ended the transaction, this does nothing.
        conn.rollback()


def map_pages(conn: sqlite3.Connection) -> None:
    """Let SQLite read the database file through memory-mapped pages.

    Without copying them, a scan of vectors is nearly twice as fast.
    """
    conn.execute(f"pragma mmap_size = {_MAPPED_BYTES}")


@contextmanager
def snapshot(conn: sqlite3.Connection) -> Iterator[None]:
    """Read everything from one state of the database, even while others write to it.

    A statement that isn't finished holds that state. A transaction would need a second statement
    to end it, which a time limit may interrupt, and which fails within a statement that writes.
    """
    with closing(conn.cursor()) as held:
        held.row_factory = None
        held.execute("select 1 from sqlite_master").fetchone()
        yield


def translated(error: sqlite3.Error, path: Path) -> RevimgError:
    """Return SQLite's error as a sentence that names the file and the way out."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    match code & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return RevimgError(f"{path} is not a SQLite database")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return RevimgError(
                f"{path} is locked by another program: close it, then run this again"
            )
        case sqlite3.SQLITE_READONLY:
            return RevimgError(f"{path} is read-only: change its permissions, or work on a copy")
        case sqlite3.SQLITE_FULL:
            return RevimgError(
                f"{path}: the disk is full; what was finished is kept: free some space, then "
                "run this again"
            )
        case sqlite3.SQLITE_IOERR:
            return RevimgError(
                f"{path} can't be written or read ({error}), so its disk may be full or gone, or "
                "the file may not grow; what was finished is kept: free some space, then run "
                "this again"
            )
        case sqlite3.SQLITE_CORRUPT:
            return RevimgError(f"{path} is damaged: restore it, or try sqlite3's .recover")
        case sqlite3.SQLITE_CANTOPEN:
            return RevimgError(f"{path} can't be opened: {error}")
    return RevimgError(f"{path}: {error}")
