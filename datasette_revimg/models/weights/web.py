"""Requests for a file, to the addresses and by the redirections that are allowed."""

from __future__ import annotations

import urllib.request
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from ...errors import RevimgError

SCHEMES = ("http", "https", "file")


class AddressError(RevimgError):
    """An address that nothing is downloaded from."""


def check_address(url: str) -> None:
    """Raise AddressError unless the address is a web address or that of a regular file here."""
    scheme = url.partition(":")[0].lower()
    if scheme not in SCHEMES:
        raise AddressError(f"{url} can't be downloaded: give an https, http or file address")
    if scheme == "file":
        file = Path(urllib.request.url2pathname(urlsplit(url).path))
        # Opening a pipe would wait for somebody to write to it.
        if file.exists() and not file.is_file():
            raise AddressError(f"{url} can't be downloaded: it is no file")


def open_address(url: str, headers: dict[str, str], timeout: float) -> HTTPResponse:
    """Return the answer to a request for the address.

    Raises AddressError for a redirection to anything but the web, or from https to http, and what
    urllib raises.
    """
    request = urllib.request.Request(url, headers=headers)
    # urlopen would keep the proxies of its first call.
    response: HTTPResponse = urllib.request.build_opener(_Redirections).open(
        request, timeout=timeout
    )
    return response


class _Redirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme.lower()
        if scheme not in ("http", "https"):
            raise AddressError(
                f"{req.full_url} redirects to {newurl}: only web addresses are followed"
            )
        if req.type == "https" and scheme == "http":
            raise AddressError(
                f"{req.full_url} redirects to {newurl}, which anybody on the way could change: "
                "give an https address"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)
