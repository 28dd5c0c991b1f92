"""Send a picture to a page, as a browser or curl does."""

from __future__ import annotations

from kit import scenes

PAGE = "/scenes/photos/-/similar"
PICTURE = scenes.saved(scenes.scene(3))

BOUNDARY = "----revimg"
START = f"--{BOUNDARY}\r\n".encode()


def part(content: bytes, name="image", filename="x.jpg") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"\r\nContent-Type: image/jpeg'
    return f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


async def post(ds, content: bytes, path=PAGE + ".json", headers=None, **options):
    return await ds.client.post(
        path,
        content=content,
        headers={
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
            **(headers or {}),
        },
        **options,
    )


async def uploaded(ds, picture: bytes, path=PAGE + ".json", **options):
    response = await post(ds, form(part(picture)), path, **options)
    assert response.status_code == 200, response.text
    return response.json()
