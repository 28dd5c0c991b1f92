"""What only converting weights needs is imported by nothing else: it takes a second."""

import subprocess
import sys

import pytest

from kit.pictures import mosaic, photos_database
from kit.tiny_network import Tiny

CODE = """
import sys
from datasette_revimg.cli import revimg
try:
    revimg()
finally:
    print(sorted({"onnx", "h5py", "safetensors"} & set(sys.modules)), file=sys.stderr)
"""


def imported(*arguments: object, code: str = CODE) -> str:
    """Run the command in a process of its own; return which of the libraries it imported."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1]


@pytest.fixture
def database(tmp_path):
    return photos_database(tmp_path / "photos.db", {n: mosaic(n) for n in range(1, 4)})


def test_embed_and_similar(database, tmp_path):
    query = tmp_path / "query.png"
    query.write_bytes(mosaic(3))
    assert imported("embed", database, "photos", "--limit", 2) == "[]"
    assert imported("similar", database, "photos", query) == "[]"


def test_a_model_of_ones_own(database, tmp_path):
    tiny = Tiny(tmp_path / "tiny.onnx")
    tiny.describe()
    assert imported("embed", database, "photos", "--model", tiny.save()) == "[]"


@pytest.mark.parametrize("name", [[], ["vgg16-rmac"]])
def test_models(name):
    assert imported("models", *name) == "[]"


@pytest.mark.parametrize("module", ["datasette_revimg.web", "datasette_revimg.sqlite_utils_plugin"])
def test_plugins(module):
    code = CODE.replace("datasette_revimg.cli import revimg", f"{module} import *")
    assert imported(code=code.replace("revimg()", "pass")) == "[]"
