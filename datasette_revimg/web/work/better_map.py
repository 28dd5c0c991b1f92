"""A map by t-SNE, in a process of its own: it takes a minute or more, and can't be interrupted."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import numpy as np

from ...errors import RevimgError
from ...overview import tsne_worker

# Ten times what 10,000 pictures take on a small machine.
SECONDS = 900.0

_PACKAGES = Path(__file__).parents[3]


async def tsne(components: np.ndarray) -> np.ndarray:
    """Return places float32 (n, 2) for leading components (n, D), as ``layout.tsne``.

    When this is cancelled, so is the computation. Raises RevimgError when it fails, TimeoutError
    when it takes more than SECONDS.
    """
    written = io.BytesIO()
    np.save(written, components)
    question = tsne_worker.LENGTH.pack(written.tell()) + written.getvalue()
    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = await asyncio.create_subprocess_exec(
        # What lies in the current folder is nobody's module.
        *(sys.executable, "-P", "-m", tsne_worker.__name__),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        async with asyncio.timeout(SECONDS):
            places = await _ask(process, question)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        # It has said why where the server's other errors are.
        raise RevimgError(f"t-SNE failed with status {process.returncode}")
    return np.asarray(np.load(io.BytesIO(places), allow_pickle=False))


async def _ask(process: Process, question: bytes) -> bytes:
    """Return the answer of a worker. Its input stays open as long as this process lives."""
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(question)
        await process.stdin.drain()
    except ConnectionError:
        # It has failed already; its status says so.
        pass
    answer = await process.stdout.read()
    # The end of its input would end it at once, with another status, while it is still ending.
    await process.wait()
    process.stdin.close()
    return answer
