"""Embed many pictures: jobs → decode threads → network → store.

Threads read and decode a bounded number of pictures ahead while the network works on the batch
before. Every batch is one transaction: whatever stops the run, finished batches are kept.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..models import labels
from ..models.batches import Encode, encode_shapes
from ..models.network import Batch
from ..pictures import decoding
from ..pictures.decoding import Picture
from ..pictures.files import MissingError
from ..pictures.opening import ImageError
from ..pictures.pool import Decode
from ..pictures.sizing import Size
from ..store import upkeep, writing
from ..store.equal_pictures import Find
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..store.writing import Embedding, Failure
from .ahead import Content, work_ahead
from .counts import Counts
from .equal import EqualPictures, Shared, find_nothing
from .jobs import Job
from .request import BATCH_SIZE

# Does work with a connection that may write, and returns when it is done.
Write = Callable[[Callable[[sqlite3.Connection], None]], None]


@dataclass(frozen=True)
class _Decoded:
    """The result of a decode thread: a picture, a failure, or neither if nothing changed.

    ``equal`` says that another row has or had the same picture. It took ``seconds`` to decode.
    """

    job: Job
    content_hash: bytes | None = None
    shared: Shared | None = None
    equal: bool = False
    failure: Failure | None = None
    content: bytes | None = None
    seconds: float = 0.0


@dataclass
class _Pending:
    """Results that wait to be stored in one transaction; ``rows`` are those of a file table.

    ``new`` are the pictures that the network has not seen, by their content hash.
    """

    pictures: list[_Decoded] = field(default_factory=list)
    new: dict[bytes, Shared] = field(default_factory=dict)
    failures: list[_Decoded] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def content_hashes(self) -> list[bytes]:
        """Return those of all pictures, also of those that can't be decoded."""
        decoded = (*self.pictures, *self.failures)
        return [each.content_hash for each in decoded if each.content_hash]

    def is_full(self, batch_size: int) -> bool:
        """Return whether there is enough for the network, or for a transaction."""
        others = len(self.pictures) - len(self.new) + len(self.failures)
        return len(self.new) >= batch_size or others + len(self.rows) >= 2 * batch_size


def default_threads() -> int:
    """Return one decode thread per processor, at most 8: beyond that the network is the limit."""
    return min(8, os.cpu_count() or 1)


def run(
    write: Write,
    source: Table,
    embedded: EmbeddedTable,
    jobs: Iterator[Job],
    encode: Encode,
    counts: Counts,
    *,
    decode: Decode = decoding.decode,
    size: Size = (decoding.SIDE, decoding.SIDE),
    batch_size: int = BATCH_SIZE,
    threads: int = 1,
    limit: int | None = None,
    find: Find = find_nothing,
    on_done: Callable[[Failure | None], None] = lambda failure: None,
) -> None:
    """Embed the jobs' pictures and store their vectors, a batch at a time.

    ``embedded`` is the table's record, which says what its vectors are made with.
    ``size`` is the (height, width) in pixels of the pictures that ``encode`` takes, None if it
    takes any, of one shape in each call; ``threads`` threads call ``decode`` with it, once for rows
    with the same picture, and not at all if ``find`` finds what is stored for that. ``counts`` grow
    as batches are stored, so that they are right after an interruption too. The run ends when
    ``limit`` pictures were embedded or failed. ``on_done`` is called for every job, with the
    failure if it failed.
    Raises RevimgError when the network can't be run, or the table's vectors are made with another
    one by now, sqlite3.Error when a batch can't be stored.
    """
    started = time.perf_counter()
    batch = _Pending()
    try:
        equal = EqualPictures(find)
        work = partial(_decode, decode=decode, size=size, equal=equal)
        ahead = 2 * batch_size + threads
        changed = _changed(jobs, counts, on_done)
        with closing(work_ahead(changed, work, ahead=ahead, threads=threads)) as results:
            waiting = time.perf_counter()
            for decoded in results:
                counts.timing.waiting += time.perf_counter() - waiting
                _collect(decoded, batch, counts)
                on_done(decoded.failure)
                attempted = counts.embedded + counts.failed + len(batch.pictures)
                if batch.is_full(batch_size):
                    _store(write, source, embedded, batch, encode, counts)
                    equal.forget(batch.content_hashes())
                    batch = _Pending()
                if limit is not None and attempted >= limit:
                    break
                waiting = time.perf_counter()
        _store(write, source, embedded, batch, encode, counts)
        finish(write, source, counts)
    finally:
        counts.seconds = time.perf_counter() - started


def finish(write: Write, source: Table, counts: Counts) -> None:
    """End a run: make the codes that are due for what is stored now."""
    counts.codes_error = ""
    started = time.perf_counter()
    _keep_up(upkeep.finish, write, source, counts)
    counts.timing.storing += time.perf_counter() - started


def _changed(
    jobs: Iterator[Job], counts: Counts, on_done: Callable[[Failure | None], None]
) -> Iterator[Job]:
    """Yield the jobs that there is something to do for, and count the others."""
    for job in jobs:
        if job.untouched:
            counts.unchanged += 1
            on_done(None)
        else:
            yield job


def _decode(
    job: Job, content: Content, decode: Decode, size: Size, equal: EqualPictures
) -> _Decoded:
    """Decode one picture, unless it is the one that the stored vector was made from."""
    if isinstance(content, ImageError):
        return _failed(job, None, content)
    content_hash = hashlib.sha256(content).digest()
    kept = content if job.keep_content else None
    if content_hash == job.content_hash:
        return _Decoded(job, content_hash, content=kept)
    started = time.perf_counter()
    try:
        shared, known = equal.obtain(content_hash, lambda: decode(content, size))
    except ImageError as error:
        return _failed(job, content_hash, error)
    # Whoever waited for another thread has not decoded meanwhile.
    seconds = 0.0 if known else time.perf_counter() - started
    return _Decoded(job, content_hash, shared, equal=known, content=kept, seconds=seconds)


def _failed(job: Job, content_hash: bytes | None, error: ImageError) -> _Decoded:
    """Return the failure of a job.

    Unless its picture only can't be read now, it isn't the one that the row's vector was made from
    any longer.
    """
    stale = not isinstance(error, MissingError)
    return _Decoded(job, content_hash, failure=Failure(job.key, str(error), stale=stale))


def _collect(decoded: _Decoded, batch: _Pending, counts: Counts) -> None:
    """Add a result to the batch, and count it unless it is counted when it is stored."""
    counts.timing.decoding += decoded.seconds
    if decoded.failure:
        counts.failed += 1
        batch.failures.append(decoded)
    elif decoded.shared:
        batch.pictures.append(decoded)
        if decoded.shared.vector is None:
            batch.new[decoded.content_hash or b""] = decoded.shared
    else:
        counts.unchanged += 1
    if decoded.job.row:
        batch.rows.append(_row(decoded))


def _row(decoded: _Decoded) -> dict[str, Any]:
    """Return the columns that a table made from files has for this one."""
    row = dict(decoded.job.row)
    if decoded.shared:
        picture = decoded.shared.picture
        row.update(
            width=picture.width, height=picture.height, format=picture.format, taken=picture.taken
        )
    if decoded.content is not None:
        row["content"] = decoded.content
    return row


def _store(
    write: Write,
    source: Table,
    embedded: EmbeddedTable,
    batch: _Pending,
    encode: Encode,
    counts: Counts,
) -> None:
    """Run the network on a batch and store the results in one transaction."""
    started = time.perf_counter()
    _encode(list(batch.new.values()), encode)
    counts.timing.network += time.perf_counter() - started
    embeddings = [
        Embedding(
            key=decoded.job.key,
            embedding=shared.vector,
            content_hash=decoded.content_hash or b"",
            thumbnail=shared.picture.thumbnail,
            width=shared.picture.width,
            height=shared.picture.height,
            labels=shared.labels,
        )
        for decoded in batch.pictures
        if (shared := decoded.shared) and shared.vector is not None
    ]
    failures = [decoded.failure for decoded in batch.failures if decoded.failure]
    started = time.perf_counter()
    write(lambda conn: writing.write(conn, source, embeddings, failures, batch.rows, embedded))
    counts.embedded += len(embeddings)
    counts.equal += sum(decoded.equal for decoded in batch.pictures)
    if not counts.codes_error:
        _keep_up(upkeep.maintain, write, source, counts)
    counts.timing.storing += time.perf_counter() - started


def _encode(new: Sequence[Shared], encode: Encode) -> None:
    """Run the network on pictures, and keep their vectors and labels with them."""
    arrays = [shared.picture.array for shared in new if isinstance(shared.picture, Picture)]
    if not arrays:
        return
    encoded = encode_shapes(encode, arrays)
    for shared, vector, best in zip(new, encoded.vectors, _labels(encoded), strict=True):
        shared.vector, shared.labels = vector, tuple(best)


def _keep_up(
    work: Callable[[sqlite3.Connection, Table], None],
    write: Write,
    source: Table,
    counts: Counts,
) -> None:
    """Do work on the codes, without which searches are slow but right, so it may fail."""
    try:
        write(lambda conn: work(conn, source))
    except sqlite3.OperationalError as error:
        counts.codes_error = str(error)


def _labels(encoded: Batch) -> Sequence[Sequence[labels.Label]]:
    """Return the best classes of each picture, none unless the network returned classes."""
    if encoded.probabilities is None:
        return [()] * len(encoded.vectors)
    return labels.best(encoded.probabilities)
