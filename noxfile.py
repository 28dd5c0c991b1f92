"""Every check but the tests, in one command: ``nox -s check``.

``nox`` makes an environment for it once. In an environment that has the ``test`` extra, such as
the one of ``tests/run.sh``, ``nox --no-venv -s check`` installs nothing. ``nox -s fix`` formats,
and mends what can be mended by itself.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.sessions = ["check"]
nox.options.reuse_venv = "yes"

BIOME = ("npx", "--yes", "@biomejs/biome@2.6.8")
TYPED = (
    "datasette_revimg",
    "demo",
    "tests/kit",
    "tests/conftest.py",
    "tests/typing",
    "noxfile.py",
)
GENERATED = ("README.md", *map(str, sorted(Path("docs").glob("*.md"))))


@nox.session
def check(session: nox.Session) -> None:
    """Check style, format, types, imports, generated documentation, spelling and JavaScript."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", *TYPED)
    session.run("lint-imports")
    session.run("cog", "--check", *GENERATED)
    session.run("codespell")
    biome(session, "ci")


@nox.session
def fix(session: nox.Session) -> None:
    """Format everything, mend what can be mended, and write the generated documentation."""
    install(session)
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")
    session.run("cog", "-r", *GENERATED)
    biome(session, "check", "--write")


def install(session: nox.Session) -> None:
    """Install the package with the tools, unless the environment is one that has them."""
    if session.venv_backend != "none":
        session.install("--quiet", "--editable", ".[test]", "datasette>=1.0a0")


def biome(session: nox.Session, *arguments: str) -> None:
    """Run Biome over the pages' JavaScript and CSS; only CI insists on it."""
    if shutil.which("npx"):
        colours = () if sys.stdout.isatty() else ("--colors=off",)
        session.run(*BIOME, *arguments, *colours, external=True)
    elif os.environ.get("CI"):
        session.error("there is no npx, which runs Biome: install Node.js")
    else:
        session.warn("JavaScript and CSS not checked: there is no npx; install Node.js")
