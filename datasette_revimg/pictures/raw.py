"""Camera RAW files: the preview that the camera has put into them, by means of rawpy.

What a sensor has measured is no picture before somebody has developed it, and every program does
that in its own way. The largest preview is what the camera made of it, mostly in full size.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

from PIL import ExifTags, Image

SUFFIXES = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos"),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf"),
        *(".srw", ".x3f"),
    )
)

# How the files begin that aren't TIFFs, or TIFFs by another name: Fujifilm, Minolta, Sigma,
# Olympus, Panasonic, Phase One.
_BEGINNINGS = (b"FUJIFILMCCD-RAW", b"\0MRM", b"FOVb", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"IIII")

_NEW_SUBFILE_TYPE, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 254, 262, 271, 330, 50706

# A colour filter array, and DNG's linear raw.
_UNDEVELOPED = (32803, 34892)

# LibRaw's way to say how a picture lies, in EXIF's.
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}


# Its name for itself, as the program that has written the EXIF.
_LIBRAW = b"dcraw v"


class NoPreviewError(Exception):
    """A RAW file can't be used; the message is the reason, without a full stop."""


@dataclass(frozen=True)
class Preview:
    """A preview: its bytes, EXIF's ``orientation``, and when the picture was ``taken``."""

    data: bytes
    orientation: int
    taken: datetime | None

    def complete_exif(self, image: Image.Image) -> None:
        """Add to the opened preview's EXIF what only the RAW file around it says."""
        exif = image.getexif()
        exif.setdefault(ExifTags.Base.Orientation, self.orientation)
        if self.taken:
            details = exif.get_ifd(ExifTags.IFD.Exif)
            text = self.taken.strftime("%Y:%m:%d %H:%M:%S")
            details.setdefault(ExifTags.Base.DateTimeOriginal, text)


@cache
def available() -> bool:
    """Return whether previews can be read here: whether rawpy is installed."""
    return find_spec("rawpy") is not None


def can_read(data: bytes) -> bool:
    """Return whether bytes are those of a RAW file whose preview can be read here."""
    return available() and is_raw(data)


def is_raw(data: bytes) -> bool:
    """Return whether bytes, or their beginning, are those of a camera RAW file."""
    if data.startswith(_BEGINNINGS) or data[4:12] == b"ftypcrx " or data[6:14] == b"HEAPCCDR":
        return True
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return False
    if data[8:10] == b"CR":
        return True
    tags = _first_directory(data, order)
    reduced = tags.get(_NEW_SUBFILE_TYPE) == 1 and _SUB_IFDS in tags and _MAKE in tags
    return _DNG_VERSION in tags or reduced or tags.get(_PHOTOMETRIC) in _UNDEVELOPED


def _first_directory(data: bytes, order: str) -> dict[int, int]:
    """Return the numbers in a TIFF's first directory; for what isn't a number, any."""
    tags: dict[int, int] = {}
    try:
        (place,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, place)
        for at in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", data, at)
            (tags[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, at + 8)
    except struct.error:
        # Cut off, or only the beginning is here: as far as it goes.
        pass
    return tags


def load_library() -> Any:
    """Import rawpy and return it; ImportError where it isn't installed."""
    import rawpy

    return rawpy


def read_preview(data: bytes) -> Preview:
    """Return the largest preview in a RAW file. NoPreviewError when there is none to be had."""
    rawpy = load_library()
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            thumbnail = raw.extract_thumb()
            orientation = _ORIENTATIONS.get(raw.sizes.flip, 1)
            taken = raw.other.timestamp
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise NoPreviewError(
            "a camera RAW file without a preview that can be read: convert it to JPEG"
        ) from error
    except rawpy.LibRawError as error:
        raise NoPreviewError("damaged picture, or a camera RAW file that can't be read") from error
    return Preview(
        data=_bytes(thumbnail, rawpy),
        orientation=orientation,
        # Cameras that don't know give the beginning of Unix time.
        taken=taken if taken and taken.year > 1970 else None,
    )


def _bytes(thumbnail: Any, rawpy: Any) -> bytes:
    """Return the file of a preview; pixels, which some cameras store, become a PPM."""
    if thumbnail.format == rawpy.ThumbFormat.JPEG:
        return _without_added_exif(bytes(thumbnail.data))
    height, width = thumbnail.data.shape[:2]
    return b"P6 %d %d 255\n%b" % (width, height, thumbnail.data.tobytes())


def _without_added_exif(jpeg: bytes) -> bytes:
    """Return a preview without the EXIF that LibRaw has put before its own, if it has any."""
    end = 4 + int.from_bytes(jpeg[4:6], "big")
    added = jpeg[2:4] == b"\xff\xe1" and _LIBRAW in jpeg[4:end]
    return jpeg[:2] + jpeg[end:] if added else jpeg
