"""The EXIF of a JPEG 2000 file, which Pillow doesn't read."""

from __future__ import annotations

# The box for data that the format doesn't know, and the identifier of EXIF in it: as ExifTool and
# Exiv2 write it ("JpgTiffExif->JP2"), followed by a TIFF file.
_BOX = b"uuid"
_EXIF = b"JpgTiffExif->JP2"

_HEADER = 8


def find_exif(data: bytes) -> bytes | None:
    """Return the EXIF in the bytes of a JPEG 2000 file, None without any.

    Boxes are those of ISO 15444-1, Annex I: a length of 4 bytes, or of 8 more if it is 1, a type,
    and contents; a length of 0 reaches to the end of the file.
    """
    at = 0
    while at + _HEADER <= len(data):
        length, start = int.from_bytes(data[at : at + 4], "big"), at + _HEADER
        if length == 1:
            length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        end = at + length if length else len(data)
        if end < start:
            return None
        if data[at + 4 : at + 8] == _BOX and data[start : start + len(_EXIF)] == _EXIF:
            return data[start + len(_EXIF) : end]
        at = end
    return None
