"""Requests that upload a picture, or decide: their address, the site they come from, the form."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from datasette.utils.asgi import Request

from ..compat import Datasette
from ..problems import Problem
from .filters import from_form, sent_by_form

PATH = r"^/(?P<database>[^/\.]+)/(?P<table>[^/]+?)/-/similar(\.(?P<format>json))?$"

# Decisions on duplicates are guarded in the same way.
DECISIONS_PATH = r"^/(?P<database>[^/\.]+)/(?P<table>[^/]+?)/-/duplicates(\.(?P<format>json))?$"

# Datasette 0.65's own field in every form.
_TOKEN = "csrftoken"


def is_guarded(datasette: Datasette, scope: dict[str, Any]) -> bool:
    """Return whether a request uploads a picture or decides, so that ``check_site`` guards it.

    Datasette 0.65's own check of tokens fails for every form with a file in it.
    """
    # Read as Datasette's router reads it, so that no other page can be meant.
    raw = scope.get("raw_path") or scope["path"].encode()
    path: str = raw.decode("latin-1").partition("?")[0]
    base: str = datasette.setting("base_url")
    if base != "/" and path.startswith(base):
        path = "/" + path[len(base) :]
    return any(re.match(pattern, path) for pattern in (PATH, DECISIONS_PATH))


def with_fields(request: Request, fields: list[tuple[str, str]]) -> Request:
    """Return the request with the fields of its form added to the parameters of its address."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    pairs += [(name, text) for name, text in fields if name != _TOKEN]
    if sent_by_form(pairs):
        pairs = from_form(pairs)
    return Request({**request.scope, "query_string": urlencode(pairs).encode()}, request.receive)


def check_site(request: Request, what: str = "a picture") -> None:
    """Raise Problem 403 when another site made a browser send this; ``what`` it is, in words.

    Inference is costly, and the answer is for the actor only; a decision is the actor's own.
    Datasette 1.0 checks all of its forms like this. Programs other than browsers send neither
    header.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        same = site in ("same-origin", "none")
    else:
        # The scheme is ignored: a proxy in front of this server may speak https.
        same = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if not same:
        raise Problem(403, f"{what} can’t be sent here from another site, only from this page")
