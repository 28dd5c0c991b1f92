"""Downloads to try out: the bytes, and the folder that they go to."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from datasette_revimg.models.weights.download import DownloadError, Expected, download

PAYLOAD = random.Random(3).randbytes(150_000)
OTHER = random.Random(4).randbytes(150_000)


def expected(payload: bytes = PAYLOAD, algorithm: str = "sha256") -> Expected:
    """Return the size and the hash of the payload."""
    return Expected(len(payload), algorithm, hashlib.new(algorithm, payload).hexdigest())


class Target:
    """A folder and a file in it to download to, and checks of what is there afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "vgg16.h5"
        self.part = folder / "vgg16.h5.part"
        self.source = folder / "vgg16.h5.part.source"
        self.reports: list[tuple[int, int | None]] = []

    def fetch(self, url: str, expected: Expected | None) -> None:
        """Download, and note down the progress."""
        self.reports.clear()
        download(url, self.file, expected, lambda done, total: self.reports.append((done, total)))

    def refused(self, url: str, expected: Expected | None, pattern: str) -> str:
        """Return the error, after checking that nothing has the destination's name."""
        with pytest.raises(DownloadError, match=pattern) as caught:
            self.fetch(url, expected)
        assert not self.file.exists()
        assert not self.file.with_name("vgg16.h5.lock").exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def has(self, payload: bytes = PAYLOAD) -> None:
        """Check that there is exactly the payload, and nothing beside it."""
        assert self.file.read_bytes() == payload
        assert [path.name for path in self.folder.iterdir()] == [self.file.name]
        numbers = [done for done, _ in self.reports]
        assert numbers == sorted(numbers)
        assert self.reports[-1] == (len(payload), len(payload))

    def is_empty(self) -> None:
        """Check that nothing is left."""
        assert list(self.folder.iterdir()) == []

    def leave(self, part: bytes, url: str, version: str = '"one"') -> None:
        """Leave what an earlier run would have left."""
        self.part.write_bytes(part)
        self.source.write_text(f"{url}\n{version}\n")
