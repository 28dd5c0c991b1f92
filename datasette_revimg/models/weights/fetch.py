"""Download a file of weights, and install it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import RevimgError, TooFewPicturesError
from ..catalogue import Installed, models_dir
from . import origins
from .download import DownloadError, Expected, download
from .install import PreprocessingError

WAYS_OUT = "give a copy of it with --from FILE, or use the bundled vgg16-rmac, which needs nothing"


@dataclass(frozen=True)
class Download:
    """A file of weights on the web, called ``name``, and where it is put meanwhile."""

    address: str
    name: str
    file: Path
    expected: Expected | None

    @property
    def complete(self) -> bool:
        """Whether the whole file is there already."""
        return self.file.is_file()

    def fetch(self, on_progress: Callable[[int, int | None], None]) -> None:
        """Download the file, or the rest of it.

        ``on_progress`` gets the bytes that are there and how many there will be, None if that is
        unknown. Raises RevimgError when the download fails; what has arrived is kept.
        """
        try:
            download(self.address, self.file, self.expected, on_progress)
        except DownloadError as error:
            raise RevimgError(f"{error}; {WAYS_OUT}") from error

    def install(self, convert: Callable[[Path, str], Installed]) -> Installed:
        """Install the network from the downloaded file, and delete the file.

        ``convert`` gets the file and its name. Raises PreprocessingError when the preprocessing
        isn't known, and keeps the file for the next try; RevimgError when the weights can't be
        used.
        """
        try:
            record = convert(self.file, self.name)
        except (PreprocessingError, TooFewPicturesError):
            # Half a gigabyte needn't be fetched again for an option.
            raise
        except RevimgError:
            self.file.unlink()
            raise
        self.file.unlink()
        return record


def weights_at(url: str | None) -> Download:
    """Return the download of the weights at this address, by default Keras' own, checked."""
    address = url or origins.KERAS.source
    expected = None if url else Expected(origins.KERAS.size or 0, "md5", origins.KERAS.md5 or "")
    name = Path(urlsplit(address).path).name
    # The address is part of the name: another address is another file.
    file = models_dir() / f"download-{sha256(address.encode()).hexdigest()[:8]}-{name}"
    return Download(address, name, file, expected)
