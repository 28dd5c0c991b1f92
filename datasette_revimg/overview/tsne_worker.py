"""The process in which a map by t-SNE is computed: ``python -m`` this module.

It reads the leading components from its input as a .npy file, with the number of its bytes before
it, and writes the places to its output as another one. Its input stays open for as long as somebody
wants the answer: when it ends before, so does this process. It would go on for minutes otherwise
after a server that was killed.
"""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
import threading

import numpy as np

from .layout import tsne

LENGTH = struct.Struct(">Q")

# As far behind the server as the system allows: nobody waits for this map to see one.
_NICE = 10


def _end_with_input() -> None:
    # Past Python's buffer, which the main thread could not close at its end while this waits.
    os.read(0, 1)
    os._exit(1)


def main() -> None:
    """Answer one question."""
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints must not stand between.
    os.dup2(2, 1)
    # Ctrl-C in a terminal reaches this process too; the server ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    (length,) = LENGTH.unpack(sys.stdin.buffer.read(LENGTH.size))
    components = np.load(io.BytesIO(sys.stdin.buffer.read(length)), allow_pickle=False)
    threading.Thread(target=_end_with_input, daemon=True).start()
    # numpy writes no arrays to pipes.
    written = io.BytesIO()
    np.save(written, tsne(components))
    answers.write(written.getvalue())
    answers.close()


if __name__ == "__main__":
    main()
