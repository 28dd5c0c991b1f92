"""Everything that is kept for one Datasette, and ends with it."""

from __future__ import annotations

import atexit
import threading
import time
from weakref import WeakKeyDictionary

import numpy as np

from ...overview.matrix import SimilarityMatrix
from ...pictures.isolated import UPLOAD_LIMITS, IsolatedDecoder
from ...search.cache import Cache
from ..compat import Database, Datasette
from ..embedded import CurrentRegistry, Registry
from ..query_results import ResultColumns
from ..visible import VisibleTables
from .damage import KnownDamage
from .kept import Kept
from .pace import Pace
from .pending import Pending
from .queue import RETRY_SECONDS, Queue
from .room import Room, Shares
from .turns import FairSemaphore

# Pictures that wait for the network or are in it: some seconds of work on a small machine.
INFERENCE_QUEUE = 8
INFERENCE_BUSY = "too many image searches are running; try again in a few seconds"

# Two for each visitor, some seconds' work in ordinary photos.
RENDITION_QUEUE = 24

# Answers of some megabytes that wait to be written, or are. One at a time: while one thread writes
# JSON, the others, and the event loop among them, get their turns in between.
WRITING_QUEUE = 32

# Files of pictures that are read or wait for it. A file may hold its thread for ever.
FILE_QUEUE = 32
FILE_THREADS = 8

# Forms that are read at the same time, each in memory, and how many of them from one address.
MAX_FORMS = 16
CLIENT_FORMS = 4
FORM_RETRY_SECONDS = 5

# Tables with changed rows that wait to be embedded, and how many are worked on at the same time.
EMBEDDING_QUEUE = 1000
EMBEDDING_THREADS = 2

# Computations of one kind that wait or are made; each is for a question that somebody has asked.
COMPUTING_ROOM = 16

# Maps by t-SNE: one takes a minute or more, and three may wait.
BETTER_MAPS_ROOM = 4

COMPUTING_RETRY_SECONDS = 5

# Four matrices of 2,000 rows.
MATRICES_BYTES = 64_000_000

# The longest JSON of a matrix, of 500 rows, has 2 MB.
MATRIX_TEXTS_BYTES = 16_000_000

# The longest work of a thread takes some seconds.
CLOSE_SECONDS = 5.0


class DatabaseState:
    """Everything that is kept for one database of a Datasette."""

    def __init__(self) -> None:
        self.search = Cache()
        self.registry = CurrentRegistry()
        self.results = ResultColumns()
        self.damage = KnownDamage()


class State:
    """Everything that is kept for one Datasette: queues, results, and a part for each database.

    ``upload_decoder`` and ``row_decoder`` are the processes that decode what visitors send and the
    pictures of rows. ``changed`` are the tables that ``embedding`` works on. ``forms`` is the room
    for forms with a picture that are being read, ``form_shares`` what each client may have of it.
    ``features`` are the maps of pictures that explain their similarity, 700 KB each: enough for a
    visitor who steps through 24 results, twice over. ``quick_maps``
    and ``better_maps`` are places on a map, float32 (n, 2); ``sheets`` are WebP files of 300 KB
    at most, ``matrix_pictures`` PNG files, ``matrix_texts`` the cosines as JSON.
    """

    def __init__(self, sql_threads: int) -> None:
        self.inference = Queue(
            "revimg-inference",
            INFERENCE_QUEUE,
            INFERENCE_BUSY,
        )
        self.renditions = Queue(
            "revimg-renditions",
            RENDITION_QUEUE,
            "too many pictures are being opened; try again in a few seconds",
        )
        self.writing = Queue(
            "revimg-writing",
            WRITING_QUEUE,
            "too many answers are being written; try again in a few seconds",
        )
        self.files = Queue(
            "revimg-files",
            FILE_QUEUE,
            "too many files of pictures are being read; try again in a few seconds",
            FILE_THREADS,
        )
        self.embedding = Queue(
            "revimg-embedding",
            EMBEDDING_QUEUE,
            "too many tables wait to be embedded",
            EMBEDDING_THREADS,
        )
        self.changed = Pending()
        self.upload_decoder = IsolatedDecoder(UPLOAD_LIMITS)
        self.row_decoder = IsolatedDecoder()
        self.forms = Room(
            MAX_FORMS,
            "too many pictures are being sent; try again in a few seconds",
            FORM_RETRY_SECONDS,
        )
        self.form_shares = Shares(
            CLIENT_FORMS,
            f"{CLIENT_FORMS} pictures from your address are being sent already; "
            "try again in a few seconds",
            FORM_RETRY_SECONDS,
        )
        self.features: Kept[tuple[np.ndarray, ...]] = Kept(
            self.inference, Room(INFERENCE_QUEUE, INFERENCE_BUSY, RETRY_SECONDS), 50
        )
        self.matrices: Kept[SimilarityMatrix] = Kept(
            *_computing("matrices"), 64, MATRICES_BYTES, lambda matrix: matrix.cosines.nbytes
        )
        self.matrix_texts: Kept[str] = Kept(
            *_computing("matrix-texts"), 64, MATRIX_TEXTS_BYTES, len
        )
        self.matrix_pictures: Kept[bytes] = Kept(*_computing("matrix-pictures"), 8)
        self.quick_maps: Kept[np.ndarray] = Kept(*_computing("quick-maps"), 32)
        self.better_maps: Kept[np.ndarray] = Kept(*_computing("better-maps", BETTER_MAPS_ROOM), 32)
        self.sheets: Kept[bytes] = Kept(*_computing("sheets"), 96)
        self.visible = VisibleTables()
        self.pace = Pace()
        # What may read every vector of a table takes a second or more: one of Datasette's SQL
        # threads is left for everything else.
        self.long_reads = FairSemaphore(max(1, sql_threads - 1))
        # Of whole tables one after the other: who asks the same finds what the first one found.
        self.overview_reads = FairSemaphore()
        # By the Database object: a name says nothing, each Datasette may have its own "data".
        self._databases: WeakKeyDictionary[Database, DatabaseState] = WeakKeyDictionary()

    def database(self, db: Database) -> DatabaseState:
        """Return everything that is kept for a database."""
        with _lock:
            if db not in self._databases:
                self._databases[db] = DatabaseState()
            return self._databases[db]

    async def registry(self, db: Database, *, current: bool = False) -> Registry:
        """Return a database's registry, as ``CurrentRegistry.get``."""
        return await self.database(db).registry.get(db, current=current)

    def stop(self) -> None:
        """Refuse new work and what waits."""
        for queue in self._queues():
            queue.stop()

    def close(self) -> None:
        """Stop, and wait for what runs, CLOSE_SECONDS at most."""
        self.stop()
        deadline = time.monotonic() + CLOSE_SECONDS
        for queue in self._queues():
            queue.join(deadline)
        self.upload_decoder.close()
        self.row_decoder.close()

    def _queues(self) -> list[Queue]:
        kept = (
            self.matrices,
            self.matrix_texts,
            self.matrix_pictures,
            self.quick_maps,
            self.better_maps,
            self.sheets,
        )
        return [
            # First, so that it sees the end before the others refuse its work.
            self.embedding,
            self.inference,
            self.renditions,
            self.writing,
            self.files,
            *(each.queue for each in kept),
        ]


_states: WeakKeyDictionary[Datasette, State] = WeakKeyDictionary()

# Datasette's SQL threads ask too, when they open connections.
_lock = threading.Lock()


def state_of(datasette: Datasette) -> State:
    """Return everything that is kept for a Datasette."""
    with _lock:
        if datasette not in _states:
            _states[datasette] = State(datasette.setting("num_sql_threads"))
        return _states[datasette]


@atexit.register
def _close_all() -> None:
    # A Datasette in another program, which no server has ended.
    for state in list(_states.values()):
        state.close()


def _computing(name: str, size: int = COMPUTING_ROOM) -> tuple[Queue, Room]:
    busy = "there is too much to compute at the moment; try again later"
    return Queue(f"revimg-{name}", size, busy), Room(size, busy, COMPUTING_RETRY_SECONDS)
