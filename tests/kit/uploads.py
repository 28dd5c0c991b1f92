"""Send a picture to a page, as a browser or curl does."""

from __future__ import annotations

from typing import Any

from datasette.app import Datasette

from kit import scenes

PAGE = "/scenes/photos/-/similar"
PICTURE = scenes.saved(scenes.scene(3))

BOUNDARY = "----revimg"
START = f"--{BOUNDARY}\r\n".encode()


def part(content: bytes, name: str = "image", filename: str | None = "x.jpg") -> bytes:
    """Return a part of a form: a file, or without a file name a field."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"\r\nContent-Type: image/jpeg'
    return f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """Join parts to the body of a form."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


async def post(
    ds: Datasette,
    content: bytes,
    path: str = PAGE + ".json",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Any:
    """Post a form; return Datasette's response."""
    return await ds.client.post(
        path,
        content=content,
        headers={
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
            **(headers or {}),
        },
        **options,
    )


async def uploaded(
    ds: Datasette, picture: bytes, path: str = PAGE + ".json", **options: Any
) -> Any:
    """Return the JSON that answers a picture, which must be searched for with success."""
    response = await post(ds, form(part(picture)), path, **options)
    assert response.status_code == 200, response.text
    return response.json()
