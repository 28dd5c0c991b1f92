"""Pictures that can't be read here: what kind they are, and what would read them.

Names come from the file's suffix alone. Nobody should believe that a whole folder is searchable
when half of it was passed over without a word.
"""

from __future__ import annotations

from . import opening

_RAW = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos"),
    *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf"),
    *(".srw", ".x3f"),
)
_VIDEO = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mpeg", ".mts", ".webm", ".wmv")

_KINDS = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    **dict.fromkeys(_RAW, "camera RAW"),
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
_WAY_OUT = {"HEIC": "`datasette install pillow-heif` and embed again to read them"}


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
