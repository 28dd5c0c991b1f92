"""Problems: the HTTP status that each expected error means, in one table."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from datasette.utils.asgi import Base400
from datasette.views.base import DatasetteError

from ..errors import (
    ModelMissingError,
    NewerVersionError,
    NoPictureError,
    NotEmbeddedError,
    OtherModelError,
    OutsideFolderError,
    PictureGoneError,
    RevimgError,
    RowNotFoundError,
    UnusablePictureError,
)


class BusyError(RevimgError):
    """There is too much to do at the moment: come back, after ``retry_seconds`` if given."""

    def __init__(self, message: str, retry_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class TooManyError(BusyError):
    """One client asks for more at the same time than it may."""


class TooLargeError(RevimgError):
    """A picture that was sent is larger than is allowed here."""


class ModelUnavailableError(RevimgError):
    """The model that made a table's vectors can't be run on this server; a ``command`` may help."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class NoFeaturesError(RevimgError):
    """The model has no maps of features that could explain a similarity."""


# Any other RevimgError is a mistake in the request: 400.
STATUS: dict[type[RevimgError], int] = {
    RowNotFoundError: 404,
    NotEmbeddedError: 404,
    NoPictureError: 404,
    OutsideFolderError: 403,
    PictureGoneError: 410,
    UnusablePictureError: 422,
    ModelMissingError: 503,
    NewerVersionError: 503,
    OtherModelError: 409,
    BusyError: 503,
    TooManyError: 429,
    TooLargeError: 413,
    ModelUnavailableError: 503,
    NoFeaturesError: 501,
}

# The time limit of a search, and of any other read for a page.
SEARCH_SECONDS = 30.0


class Problem(RevimgError):  # noqa: N818
    """An HTTP status, a sentence, a command that would help, and headers of the response."""

    def __init__(
        self,
        status: int,
        message: str,
        command: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.command = command
        self.headers = dict(headers or {})


# The errors that ``problem_of`` takes; anything else is a mistake in this plugin.
Expected = (RevimgError, Base400, DatasetteError, sqlite3.Error)


def problem_of(error: Exception) -> Problem:
    """Return the problem that an expected error means for a page."""
    match error:
        case Problem():
            return error
        case RevimgError():
            return Problem(
                next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400),
                str(error),
                command=getattr(error, "command", ""),
                headers=_retry_after(getattr(error, "retry_seconds", None)),
            )
        case DatasetteError():
            return Problem(error.status, str(error.message))
        case Base400():
            return Problem(error.status, str(error))
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Problem(503, "the database is locked by another program; try again in a moment")
        case sqlite3.SQLITE_INTERRUPT:
            return Problem(503, f"the search took more than {SEARCH_SECONDS:.0f} seconds")
    return Problem(500, f"the database can’t be read: {error}")


def _retry_after(seconds: int | None) -> dict[str, str]:
    return {"Retry-After": str(seconds)} if seconds else {}
