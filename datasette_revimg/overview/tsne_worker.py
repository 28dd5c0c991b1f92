"""The process in which a map by t-SNE is computed: ``python -m`` this module.

It reads the leading components from its input as a .npy file, and writes the places to its output
as another one.
"""

from __future__ import annotations

import io
import os
import signal
import sys

import numpy as np

from .layout import tsne

# As far behind the server as the system allows: nobody waits for this map to see one.
_NICE = 10


def main() -> None:
    """Answer one question."""
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints must not stand between.
    os.dup2(2, 1)
    # Ctrl-C in a terminal reaches this process too; the server ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    components = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    # numpy writes no arrays to pipes.
    written = io.BytesIO()
    np.save(written, tsne(components))
    answers.write(written.getvalue())
    answers.close()


if __name__ == "__main__":
    main()
