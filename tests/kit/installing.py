"""Run ``datasette revimg install`` in a process of its own, whose memory is known at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def install(
    folder: Path, *arguments: str | Path, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run ``install`` with the caffe preprocessing into a folder of models; it must succeed.

    ``before`` is Python that the process runs first. On Linux, the end of stderr is what the kernel
    says of the process, not ru_maxrss, which a child inherits from the process that started it.
    """
    code = (
        "import sys; from datasette_revimg.cli import revimg\n"
        f"{before}\n"
        "try: revimg()\n"
        "finally: print(open('/proc/self/status').read() if sys.platform == 'linux' else '', "
        "file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "install", *arguments, "--preprocessing", "caffe"],
        env={**os.environ, "DATASETTE_REVIMG_MODELS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done
