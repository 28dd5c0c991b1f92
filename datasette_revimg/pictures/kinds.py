"""Pictures that can't be read here: what kind they are, and what would read them.

Names come from the file's suffix alone. Nobody should believe that a whole folder is searchable
when half of it was passed over without a word.
"""

from __future__ import annotations

from . import opening, raw

_VIDEO = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mpeg", ".mts", ".webm", ".wmv")

_KINDS = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    **dict.fromkeys(raw.SUFFIXES, "camera RAW"),
    **dict.fromkeys(_VIDEO, "video"),
    **dict.fromkeys((".svg", ".svgz"), "SVG"),
    ".jxl": "JPEG XL",
    ".psd": "Photoshop",
    ".xcf": "GIMP",
    ".exr": "OpenEXR",
    ".hdr": "Radiance HDR",
    ".ico": "icon",
    ".tga": "Targa",
    ".eps": "EPS",
}

# What the user can do about it; for the others there is nothing to install.
_WAY_OUT = {
    "HEIC": "`datasette install pillow-heif` and embed again to read them; it needs libheif where "
    "there is no wheel of it for your system",
    "camera RAW": "`datasette install rawpy` and embed again to read the previews in them",
}


def kind_of_unreadable(suffix: str) -> str | None:
    """Return the kind of picture that a suffix, in lower case, stands for.

    None for a format that can be read here, and for what is no picture at all.
    """
    return None if suffix in opening.suffixes() else _KINDS.get(suffix)


def skipped_sentence(kind: str, count: int) -> str:
    """Say how many files of a kind were skipped, and what would read them."""
    files = f"{count:,} {kind} file{'' if count == 1 else 's'} skipped"
    way_out = _WAY_OUT.get(kind, "this format can't be read")
    return f"{files}: {way_out}"
