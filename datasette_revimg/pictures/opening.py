"""Open a picture that somebody else made: judge its bytes before a pixel of it is decoded.

Only the formats in FORMATS are ever opened, a picture's size is checked first, and whatever goes
wrong inside a decoder becomes one ImageError with a reason that a person can read.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from functools import cache

from PIL import Image, UnidentifiedImageError

from . import raw
from .cost import decoded_bytes, webp_bytes
from .jpeg2000 import find_exif

# Twice Pillow's default, which is also where Pillow itself calls a picture a bomb: room for
# medium format cameras (150 megapixels).
MAX_PIXELS = 178_956_970

# What decoding may take: 150 megapixels of RGB.
MAX_BYTES = 600 << 20

# The same for a picture that a visitor sends: 100 megapixels of RGB, 24 of WebP, 50 of HEIC, and
# JPEGs of any size that is opened, which are scaled down meanwhile.
MAX_UPLOAD_MEMORY = 400 << 20

# A JPEG may go over all its pixels as often as it likes, in scans of some bytes each.
# Progressive ones from cameras and programs have about ten.
MAX_SCANS = 100

# Pillow's names. Left out on purpose: formats that run other programs (EPS), that hold
# documents (PDF) or that nobody keeps photographs in.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF", "JPEG2000", "PPM")

# The next marker of a JPEG: no stuffed 0xFF, no restart, no fill byte.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_SOI, _SOS, _EOI = b"\xd8", b"\xda", b"\xd9"

# How Pillow and its decoders say that there should be more bytes.
_CUT_OFF = re.compile(
    "truncate|truncation|bytes not processed|unexpected end|not enough|premature", re.I
)

# How files of the formats begin.
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}

# Formats that have more kinds than anybody reads: Pillow's name of each, and its name in words.
_MANY_KINDS = {name.replace(" ", ""): name for name in ("TIFF", "JPEG 2000", "BMP")}

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


class ImageError(ValueError):
    """The bytes can't be used as a picture; the message is the reason, without a full stop."""


class TooLargeError(ImageError):
    """The picture has more pixels than are decoded, or is decoded too often."""


class TooCostlyError(TooLargeError):
    """Decoding the picture would take more memory than the caller allows."""


class DamagedError(ImageError):
    """A decoder has failed on the bytes."""


def failure(error: Exception, kind: str) -> ImageError:
    """Return the error that says why a decoder of format ``kind`` has failed.

    The decoders' own words ("decoder error -2", "tile cannot extend outside image") are for those
    who write decoders.
    """
    if isinstance(error, ImageError):
        return error
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text:
        return TooLargeError("too large: it needs too much memory to decode")
    if isinstance(error, EOFError) or _CUT_OFF.search(text):
        return DamagedError("damaged picture: the file is cut off")
    if name := _MANY_KINDS.get(kind):
        return DamagedError(f"damaged picture, or a kind of {name} that can't be read")
    return DamagedError("damaged picture: what is in the file can't be decoded")


@cache
def formats() -> tuple[str, ...]:
    """Return the names of the formats that can be read here, HEIF only with pillow-heif."""
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
    except ImportError:
        pass
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@cache
def suffixes() -> frozenset[str]:
    """Return the file name endings of the formats that can be read, lower-case with the dot."""
    readable = formats()
    names = {suffix for suffix, name in Image.registered_extensions().items() if name in readable}
    return frozenset(names | raw.SUFFIXES if raw.available() else names)


def begins_like_picture(data: bytes) -> bool:
    """Return whether the first bytes are those of a format that can be read; nothing is opened."""
    if raw.can_read(data):
        return True
    if data[4:8] == b"ftyp":
        kind = "HEIF" if data[8:12] in _HEIC_BRANDS else "AVIF"
        return kind in formats()
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    netpbm = data[:1] == b"P" and data[1:2].isdigit() and data[2:3].isspace()
    return webp or netpbm or data.startswith(tuple(_BEGINNINGS))


def is_picture(data: bytes) -> bool:
    """Return whether the header is that of a picture that can be read; no pixel is decoded."""
    try:
        open_picture(data)
    except ImageError:
        return False
    return True


def open_picture(data: bytes, max_bytes: int = MAX_BYTES) -> Image.Image:
    """Return the picture in the bytes, not yet decoded; of a camera RAW file, its preview.

    Raises TooCostlyError when decoding it would take more than ``max_bytes`` of memory, and
    ImageError when it can't be used.
    """
    if not data:
        raise ImageError("empty: 0 bytes")
    if raw.can_read(data):
        return _open_raw(data, max_bytes)
    return _open(data, max_bytes)


def _open_raw(data: bytes, max_bytes: int) -> Image.Image:
    try:
        preview = raw.read_preview(data)
    except raw.NoPreviewError as error:
        raise DamagedError(str(error)) from error
    except Exception as error:
        raise failure(error, "") from error
    image = _open(preview.data, max_bytes)
    # Pillow raises nearly anything on damaged EXIF, which costs no picture.
    with suppress(Exception):
        preview.complete_exif(image)
    return image


def _open(data: bytes, max_bytes: int) -> Image.Image:
    if (needed := webp_bytes(data)) > max_bytes:
        raise TooCostlyError(
            f"too large: this WebP needs {_size(needed)} to decode, "
            f"at most {_size(max_bytes)} are allowed"
        )
    try:
        image = Image.open(io.BytesIO(data), formats=formats())
    except UnidentifiedImageError as error:
        raise ImageError(_unidentified(data)) from error
    except Image.DecompressionBombError as error:
        raise TooLargeError(f"too large: more than {MAX_PIXELS // 10**6} megapixels") from error
    except Exception as error:
        kind = (_format_by_beginning(data) or "").replace(" ", "")
        raise failure(error, kind) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise TooLargeError(
            f"too large: {width}×{height} pixels, the limit is {MAX_PIXELS // 10**6} megapixels"
        )
    if image.format == "TIFF":
        _check_samples(image)
    if image.format == "JPEG2000" and (exif := find_exif(data)):
        image.info["exif"] = exif
    scans = _count_scans(data) if image.format in ("JPEG", "MPO") else 1
    if scans > MAX_SCANS:
        raise TooLargeError(f"too large: a JPEG of more than {MAX_SCANS} scans")
    _check_cost(image, scans, max_bytes)
    return image


def _check_cost(image: Image.Image, scans: int, max_bytes: int) -> None:
    """Raise TooCostlyError when decoding the picture would take more than ``max_bytes``."""
    needed = decoded_bytes(image, scans)
    if needed > max_bytes:
        name = {"JPEG2000": "JPEG 2000", "MPO": "JPEG"}.get(image.format or "", image.format)
        width, height = image.size
        raise TooCostlyError(
            f"too large: {name} of {width}×{height} pixels needs {_size(needed)} to decode, "
            f"at most {_size(max_bytes)} are allowed"
        )


def _size(count: int) -> str:
    """Return a number of bytes in words."""
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"


def _check_samples(image: Image.Image) -> None:
    """Raise ImageError for a TIFF whose samples Pillow would read wrong, without a word.

    TIFF 6.0: BitsPerSample, SamplesPerPixel, PlanarConfiguration and SampleFormat.
    """
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = max(tags.get(258) or (1,))
    if bits > 8 and tags.get(284) == 2 and tags.get(277, 1) > 1:
        raise ImageError(
            f"a {bits}-bit TIFF by planes, which can't be read right: "
            "save it with interleaved channels"
        )
    if bits <= 8 and 2 in (tags.get(339) or ()):
        raise ImageError(
            f"a TIFF of {bits}-bit numbers below and above 0, which can't be read right: "
            "save it with levels from 0 to 255"
        )


def _count_scans(jpeg: bytes) -> int:
    """Return how many scans the first picture in a JPEG file has, at most MAX_SCANS + 1.

    ITU-T T.81, B.1: markers, most of them followed by a segment that begins with its length.
    """
    scans, place = 0, 0
    while match := _MARKER.search(jpeg, place):
        marker, place = match[1], match.end()
        if marker == _EOI:
            break
        if marker != _SOI:
            # The bytes in a segment are no markers, whatever they look like.
            place += max(2, int.from_bytes(jpeg[place : place + 2], "big"))
        scans += marker == _SOS
        if scans > MAX_SCANS:
            break
    return scans


def _unidentified(data: bytes) -> str:
    if raw.is_raw(data):
        return "a camera RAW file, whose preview can be read with the package rawpy"
    name = _format_by_beginning(data)
    if name == "HEIC" and "HEIF" not in formats():
        return "a HEIC picture, which needs the package pillow-heif"
    if name == "AVIF" and "AVIF" not in formats():
        return "an AVIF picture, which this machine's Pillow can't read"
    if name in _MANY_KINDS.values():
        return f"damaged picture, or a kind of {name} that can't be read"
    if name:
        return f"damaged picture: the header of this {name} file can't be read"
    return "not a picture in a format that can be read"


def _format_by_beginning(data: bytes) -> str | None:
    """Return the format in words that the first bytes claim, None where they claim none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "HEIC"
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS:
        return "AVIF"
    return next((name for start, name in _BEGINNINGS.items() if data.startswith(start)), None)
