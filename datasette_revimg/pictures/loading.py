"""Decode the pixels of an opened picture, and read what its EXIF says about them."""

from __future__ import annotations

from datetime import datetime

from PIL import ExifTags, Image

from .background import choose_background
from .bands import bands

# Where in its EXIF a camera says when the picture was taken, best first.
_TAKEN_TAGS = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized)


def load_pixels(image: Image.Image) -> Image.Image:
    """Decode the image; return it, or its pixels on a background where they don't fill it."""
    box = image.tile[0][1] if image.format == "GIF" and image.tile else None  # type: ignore[attr-defined]
    image.load()
    # Pillow fills what a GIF's first frame leaves free with the palette's first colour, unless
    # a colour is transparent.
    if box is None or box == (0, 0, *image.size) or image.has_transparency_data:
        return image
    frame = image.crop(box)
    whole = Image.new("RGB", image.size, choose_background(band for _, band in bands(frame)))
    for top, band in bands(frame):
        whole.paste(band.convert("RGB"), (box[0], box[1] + top))
    return whole


def read_exif(image: Image.Image) -> Image.Exif:
    """Return the image's EXIF; none when it can't be read, which costs no picture."""
    try:
        return image.getexif()
    except MemoryError:
        raise
    except Exception:
        return Image.Exif()


def read_taken(image: Image.Image) -> str | None:
    """Return when the picture was taken, ISO 8601 local time, where its EXIF says so."""
    try:
        details = read_exif(image).get_ifd(ExifTags.IFD.Exif)
    except Exception:
        # Pillow raises nearly anything on damaged EXIF.
        return None
    for tag in _TAKEN_TAGS:
        try:
            return datetime.strptime(
                str(details[tag]).strip("\0 "), "%Y:%m:%d %H:%M:%S"
            ).isoformat()
        except (KeyError, ValueError):
            continue
    return None
