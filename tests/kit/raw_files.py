"""Camera RAW files: DNGs with previews, after Adobe's specification of Digital Negative 1.4."""

from __future__ import annotations

import struct
from collections.abc import Sequence

# TIFF's field types: BYTE, ASCII, SHORT, LONG, and signed RATIONAL.
_BYTE, _ASCII, _SHORT, _LONG, _SRATIONAL = 1, 2, 3, 4, 10
_CODES = {_BYTE: "B", _SHORT: "H", _LONG: "I"}

Field = tuple[int, int, bytes | Sequence[int]]


def dng(
    previews: Sequence[tuple[bytes, tuple[int, int]]],
    *,
    orientation: int = 1,
    taken: str = "2024:05:06 07:08:09",
    sensor: tuple[int, int] = (64, 48),
) -> bytes:
    """Return a DNG of a grey sensor with JPEG previews, each (its bytes, its width and height)."""
    width, height = sensor
    file = bytearray(b"II*\0\0\0\0\0")
    raw = _append(file, struct.pack("<H", 1000) * (width * height))
    subs = [
        _directory(
            file,
            [
                (254, _LONG, [0]),
                (256, _LONG, [width]),
                (257, _LONG, [height]),
                (258, _SHORT, [16]),
                (259, _SHORT, [1]),
                (262, _SHORT, [32803]),
                (273, _LONG, [raw]),
                (277, _SHORT, [1]),
                (278, _LONG, [height]),
                (279, _LONG, [2 * width * height]),
                (33421, _SHORT, [2, 2]),
                (33422, _BYTE, [0, 1, 1, 2]),
            ],
        )
    ]
    for jpeg, (preview_width, preview_height) in previews:
        place = _append(file, jpeg)
        subs.append(
            _directory(
                file,
                [
                    (254, _LONG, [1]),
                    (256, _LONG, [preview_width]),
                    (257, _LONG, [preview_height]),
                    (258, _SHORT, [8, 8, 8]),
                    (259, _SHORT, [7]),
                    (262, _SHORT, [6]),
                    (273, _LONG, [place]),
                    (277, _SHORT, [3]),
                    (278, _LONG, [preview_height]),
                    (279, _LONG, [len(jpeg)]),
                ],
            )
        )
    exif = _directory(file, [(36867, _ASCII, taken.encode() + b"\0")])
    first = _directory(
        file,
        [
            (254, _LONG, [1]),
            (271, _ASCII, b"Camera Works\0"),
            (272, _ASCII, b"Model One\0"),
            (274, _SHORT, [orientation]),
            (330, _LONG, subs),
            (34665, _LONG, [exif]),
            (50706, _BYTE, [1, 4, 0, 0]),
            (50708, _ASCII, b"Camera Works Model One\0"),
            (50721, _SRATIONAL, struct.pack("<18i", *(n for v in _IDENTITY for n in (v, 1)))),
        ],
    )
    file[4:8] = struct.pack("<I", first)
    return bytes(file)


_IDENTITY = (1, 0, 0, 0, 1, 0, 0, 0, 1)


def _append(file: bytearray, data: bytes) -> int:
    """Append data at an even offset, and return that."""
    file.extend(b"\0" * (len(file) % 2))
    place = len(file)
    file.extend(data)
    return place


def _directory(file: bytearray, fields: Sequence[Field]) -> int:
    """Append a TIFF directory after the values that don't fit into it, and return its offset."""
    entries = []
    for tag, kind, values in fields:
        if isinstance(values, bytes):
            data, count = values, len(values) // (8 if kind == _SRATIONAL else 1)
        else:
            data, count = struct.pack(f"<{len(values)}{_CODES[kind]}", *values), len(values)
        value = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", _append(file, data))
        entries.append(struct.pack("<HHI", tag, kind, count) + value)
    return _append(file, struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
