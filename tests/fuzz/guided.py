"""Fuzzing that is guided by coverage (atheris), of what reads strangers' files.

python tests/fuzz/guided.py pictures|weights [RUNS]

The seeds are made by the tests; nothing is kept. It stops at the first input that raises anything
but the error that means "this file can't be used", and prints it. The same runs are made every
time. Without RUNS it goes on until Ctrl-C.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# The package and what its tests share, from the checkout.
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import atheris  # noqa: E402

# Only what is imported in this block is watched: our own code, not numpy's.
with atheris.instrument_imports(include=["datasette_revimg"]):
    from datasette_revimg.errors import WeightsError
    from datasette_revimg.models.weights import readers
    from datasette_revimg.pictures import opening
    from datasette_revimg.pictures.isolated import IsolatedDecoder
    from datasette_revimg.pictures.quiet import silence_pillow
    from kit import seeds


def pictures() -> Callable[[bytes], None]:
    """Return what judges a picture here, and decodes it in another process."""
    silence_pillow()
    decoder = IsolatedDecoder()

    def judge(data: bytes) -> None:
        try:
            opening.open_picture(data)
            decoder.decode(data, (24, 16))
        except opening.ImageError as error:
            if "crash" in str(error):
                raise

    return judge


def weights(folder: Path) -> Callable[[bytes], None]:
    """Return what reads a file of weights."""
    file = folder / "weights"

    def judge(data: bytes) -> None:
        file.write_bytes(data)
        try:
            readers.read_convolutions(file)
        except WeightsError:
            return

    return judge


def fuzz(what: str, folder: Path, runs: str) -> None:
    """Fuzz one of the two; at the end libFuzzer ends the process."""
    corpus, scratch = folder / "corpus", folder / "scratch"
    corpus.mkdir()
    scratch.mkdir()
    files = seeds.pictures() if what == "pictures" else seeds.weights(scratch)
    for number, data in enumerate(files.values()):
        (corpus / str(number)).write_bytes(data)
    judge = pictures() if what == "pictures" else weights(scratch)
    options = ["-seed=1914", "-max_len=50000", "-timeout=60", "-rss_limit_mb=2000", "-verbosity=0"]
    options += [f"-runs={runs}", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], judge)
    atheris.Fuzz()


def main() -> None:
    """Fuzz in another process, and leave nothing behind."""
    what, runs = sys.argv[1], (sys.argv[2:] or ["-1"])[0]
    if what not in ("pictures", "weights"):
        sys.exit(__doc__)
    if folder := sys.argv[3:]:
        fuzz(what, Path(folder[0]), runs)
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, __file__, what, runs, name]
        sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
