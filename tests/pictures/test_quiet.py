"""What Pillow and the libraries under it print reaches nobody; our own sentences do."""

from __future__ import annotations

import io
import struct
import subprocess
import sys

from PIL import Image


def noisy() -> bytes:
    """Return a fax TIFF with damaged data, for which libtiff writes warnings."""
    buffer = io.BytesIO()
    noise = Image.effect_noise((300, 300), 60).convert("1")
    noise.save(buffer, "TIFF", compression="group4")
    data = bytearray(buffer.getvalue())
    data[200:600] = b"\xff" * 400
    return bytes(data)


def logging() -> bytes:
    """Return a TIFF with more samples a pixel than there can be, which Pillow logs."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "TIFF")
    field = struct.pack("<HHIH", 277, 3, 1, 3)
    assert field in buffer.getvalue()
    return buffer.getvalue().replace(field, struct.pack("<HHIH", 277, 3, 1, 65535))


def test_embed_prints_only_its_own_lines(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "noisy.tif").write_bytes(noisy())
    (folder / "logging.tif").write_bytes(logging())
    Image.effect_noise((64, 64), 60).save(folder / "good.png")
    command = [sys.executable, "-m", "datasette", "revimg", "embed", "--silent"]
    done = subprocess.run(
        [*command, str(tmp_path / "x.db"), "photos", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "photos: " in done.stdout
    assert "logging.tif" in done.stderr
    strange = [line for line in done.stderr.splitlines() if not line.startswith("photos ")]
    assert strange == []
