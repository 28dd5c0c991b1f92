"""Maps by t-SNE in a process of its own, which ends when nobody waits for it."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys

import numpy as np
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.overview import layout, tsne_worker
from datasette_revimg.web.work import better_map
from kit.clusters import clusters

pytestmark = pytest.mark.asyncio


async def test_the_same_map_as_in_this_process():
    vectors, _ = clusters([15, 20, 12])
    components = layout.leading_components(vectors)
    assert (await better_map.tsne(components) == layout.tsne(components)).all()


async def test_a_map_that_nobody_waits_for_is_given_up(monkeypatch):
    started, create = [], asyncio.create_subprocess_exec

    async def noted(*arguments, **options):
        process = await create(*arguments, **options)
        started.append(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    # Enough that it would go on for minutes.
    components = np.random.default_rng(0).normal(size=(20_000, 50)).astype(np.float32)
    waiting = asyncio.create_task(better_map.tsne(components))
    while not started:
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    (process,) = started
    # Killed, and waited for: no zombie is left.
    assert process.returncode not in (None, 0)


async def test_the_worker_ends_with_its_server():
    """A server that was killed left it to compute for minutes."""
    # Enough that it would go on for minutes.
    components = np.random.default_rng(0).normal(size=(20_000, 50)).astype(np.float32)
    written = io.BytesIO()
    np.save(written, components)
    with subprocess.Popen(
        [sys.executable, "-m", tsne_worker.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as worker:
        assert worker.stdin
        worker.stdin.write(tsne_worker.LENGTH.pack(written.tell()) + written.getvalue())
        # As when the process at the other end has gone.
        worker.stdin.close()
        try:
            assert worker.wait(30) == 1
        finally:
            worker.kill()
        assert (worker.stdout.read(), worker.stderr.read()) == (b"", b"")


async def test_a_failure_is_an_error_of_ours():
    with pytest.raises(RevimgError, match="t-SNE failed with status 1"):
        await better_map.tsne(np.full((20, 2), np.nan, np.float32))
