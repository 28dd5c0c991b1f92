"""How much a picture's EXIF says; programs that save a copy often leave it out."""

from __future__ import annotations

from PIL import ExifTags

from .loading import read_exif
from .opening import ImageError, open_picture


def count_exif(data: bytes) -> int:
    """Return how many fields a picture's EXIF has, 0 for a picture that can't be read."""
    try:
        exif = read_exif(open_picture(data))
        details = exif.get_ifd(ExifTags.IFD.Exif)
    except ImageError:
        return 0
    except Exception:
        # Pillow raises nearly anything on damaged EXIF.
        return 0
    return len(exif) + len(details)
