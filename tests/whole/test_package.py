"""What is shipped: the files, the licences, and what the command line imports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# What the package would not work without, or may not be shipped without.
NEEDED = {
    "datasette_revimg/py.typed",
    "datasette_revimg/models/bundled/LICENSE",
    "datasette_revimg/models/bundled/imagenet_classes.txt",
    "datasette_revimg/models/bundled/vgg16-rmac-tail.npz",
    "datasette_revimg/models/bundled/vgg16-rmac.onnx",
    "datasette_revimg/web/static/revimg.css",
    "datasette_revimg/web/templates/revimg/similar.html",
}


def test_the_command_line_does_not_need_datasette() -> None:
    """Importing it is quick and works without a server."""
    code = "import sys, datasette_revimg.cli; sys.exit('datasette.app' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the files that git has, or would add."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no checkout: git says which files belong to the package")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    copy = tmp_path_factory.mktemp("checkout")
    for name in os.fsdecode(listed.stdout).split("\0"):
        if name.split("/")[0] not in ("tests", "demo", "docs") and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def shipped(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Build both distributions; return the names of their files, the wheel's from the sdist."""
    # Older ones can't read pyproject.toml; the extra "test" brings one.
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("dist")
    sdist = folder / build("sdist", checkout, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
        files = [member.name for member in archive if member.isfile()]
    (unpacked,) = (folder / "unpacked").iterdir()
    wheel = folder / build("wheel", unpacked, folder)
    return {
        "sdist": {name.partition("/")[2] for name in files},
        "wheel": set(zipfile.ZipFile(wheel).namelist()),
    }


def build(kind: str, source: Path, folder: Path) -> str:
    """Build an sdist or a wheel; return its file's name."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return built.name


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_every_file_of_the_package_is_shipped(
    checkout: Path, shipped: dict[str, set[str]], kind: str
) -> None:
    """Everything below the package in git, and nothing else."""
    files = {
        file.relative_to(checkout).as_posix()
        for file in (checkout / "datasette_revimg").rglob("*")
        if file.is_file()
    }
    assert files >= NEEDED
    assert {name for name in shipped[kind] if name.startswith("datasette_revimg/")} == files


def test_the_sdist_has_what_a_build_needs(shipped: dict[str, set[str]]) -> None:
    assert {"setup.py", "pyproject.toml", "README.md", "LICENSE"} <= shipped["sdist"]


def test_licences_are_shipped(shipped: dict[str, set[str]]) -> None:
    """The package's own and the network's, where installers look for them too."""
    licences = {name.partition("dist-info/licenses/")[2] for name in shipped["wheel"]}
    assert {"LICENSE", "datasette_revimg/models/bundled/LICENSE"} <= licences
    text = (ROOT / "datasette_revimg/models/bundled/LICENSE").read_text(encoding="utf-8")
    assert "Simonyan" in text
