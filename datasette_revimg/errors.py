"""The error that a user gets to read."""

from collections.abc import Mapping


class RevimgError(Exception):
    """What was asked can't be done. The message is one sentence: the thing, and the way out."""


class Problem(RevimgError):  # noqa: N818
    """Why a page isn't shown: an HTTP status, a sentence, a command that would help, and
    headers of the response."""

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
