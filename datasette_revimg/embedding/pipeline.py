"""Embed many pictures: jobs → decode threads → network → store.

Threads read and decode a bounded number of pictures ahead, while the network works on the
batch before. Every batch is one transaction: whatever stops the run, the finished batches stay.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..models import labels
from ..models.network import Batch
from ..pictures import decoding
from ..pictures.decoding import Picture
from ..pictures.files import MissingError
from ..pictures.opening import ImageError
from ..store import upkeep, writing
from ..store.tables import Table
from ..store.writing import Embedding, Failure
from .jobs import Job
from .request import BATCH_SIZE

# Pictures (N, height, width, 3) uint8 → their vectors. Threads and one network today; whatever else
# can turn a batch of pictures into vectors fits here too.
Encode = Callable[[np.ndarray], Batch]


@dataclass
class Counts:
    """How many pictures a run has embedded, found unchanged and failed at, in how many seconds."""

    embedded: int = 0
    unchanged: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _Decoded:
    """What a decode thread made of a job: a picture, a failure, or neither when unchanged."""

    job: Job
    content_hash: bytes | None = None
    picture: Picture | None = None
    failure: Failure | None = None
    content: bytes | None = None


@dataclass
class _Batch:
    pictures: list[_Decoded] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def default_threads() -> int:
    """One decode thread per processor, at most 8: beyond that the network is the limit."""
    return min(8, os.cpu_count() or 1)


def run(
    conn: sqlite3.Connection,
    source: Table,
    jobs: Iterator[Job],
    encode: Encode,
    counts: Counts,
    *,
    size: tuple[int, int] = (decoding.SIDE, decoding.SIDE),
    batch_size: int = BATCH_SIZE,
    threads: int = 0,
    limit: int | None = None,
    on_done: Callable[[Failure | None], None] = lambda failure: None,
) -> None:
    """Embed the jobs' pictures and store them, a batch at a time.

    ``size`` is the (height, width) of the pictures that ``encode`` takes. Counts into ``counts``
    as it goes, so that it tells the truth after an interruption too.
    ``limit`` ends the run after so many pictures embedded or failed; ``on_done`` is called for
    every row, with the failure if it failed.
    """
    started = time.perf_counter()
    batch = _Batch()
    try:
        for decoded in _decode_ahead(jobs, size, batch_size, threads or default_threads()):
            _collect(decoded, batch, counts)
            on_done(decoded.failure)
            attempted = counts.embedded + counts.failed + len(batch.pictures)
            full = len(batch.pictures) >= batch_size
            if full or len(batch.failures) + len(batch.rows) >= 2 * batch_size:
                _store(conn, source, batch, encode, counts)
                batch = _Batch()
            if limit is not None and attempted >= limit:
                break
        _store(conn, source, batch, encode, counts)
        upkeep.finish(conn, source)
    finally:
        counts.seconds = time.perf_counter() - started


def _decode_ahead(
    jobs: Iterator[Job], size: tuple[int, int], batch_size: int, threads: int
) -> Iterator[_Decoded]:
    """The decoded jobs in order, at most two batches and what the threads hold in memory."""
    pending: deque[Future[_Decoded]] = deque()
    executor = ThreadPoolExecutor(threads, thread_name_prefix="revimg-decode")
    try:
        for job in jobs:
            pending.append(executor.submit(_decode, job, size))
            if len(pending) >= 2 * batch_size + threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)


def _decode(job: Job, size: tuple[int, int]) -> _Decoded:
    if job.untouched:
        return _Decoded(job, job.content_hash)
    content_hash = None
    try:
        data = job.read()
        content_hash = hashlib.sha256(data).digest()
        picture = None if content_hash == job.content_hash else decoding.decode(data, size)
    except MissingError as error:
        return _Decoded(job, failure=Failure(job.key, str(error)))
    except ImageError as error:
        # The row shows something else now than what its vector was made of.
        return _Decoded(job, content_hash, failure=Failure(job.key, str(error), stale=True))
    return _Decoded(job, content_hash, picture, content=data if job.keep_content else None)


def _collect(decoded: _Decoded, batch: _Batch, counts: Counts) -> None:
    if decoded.failure:
        counts.failed += 1
        batch.failures.append(decoded.failure)
    elif decoded.picture:
        batch.pictures.append(decoded)
    else:
        counts.unchanged += 1
    if decoded.job.row and not decoded.job.untouched:
        batch.rows.append(_row(decoded))


def _row(decoded: _Decoded) -> dict[str, Any]:
    """What a table made from files holds of this one."""
    row = dict(decoded.job.row)
    picture = decoded.picture
    if picture:
        row.update(
            width=picture.width, height=picture.height, format=picture.format, taken=picture.taken
        )
    if decoded.content is not None:
        row["content"] = decoded.content
    return row


def _store(
    conn: sqlite3.Connection, source: Table, batch: _Batch, encode: Encode, counts: Counts
) -> None:
    entries = []
    if batch.pictures:
        pictures = [decoded.picture for decoded in batch.pictures if decoded.picture]
        encoded = encode(np.stack([picture.array for picture in pictures]))
        entries = [
            Embedding(
                decoded.job.key,
                vector,
                decoded.content_hash or b"",
                picture.thumbnail,
                picture.width,
                picture.height,
                labelled,
            )
            for decoded, picture, vector, labelled in zip(
                batch.pictures, pictures, encoded.vectors, _labels(encoded), strict=True
            )
        ]
    writing.write(conn, source, entries, batch.failures, batch.rows)
    upkeep.maintain(conn, source)
    counts.embedded += len(entries)


def _labels(encoded: Batch) -> Sequence[Sequence[labels.Label]]:
    """The best classes of each picture, none where they were not asked for."""
    if encoded.probabilities is None:
        return [()] * len(encoded.vectors)
    return labels.best(encoded.probabilities)
