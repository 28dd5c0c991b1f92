"""The tests themselves: each file stands alone, and uses the package as others may."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
FILES = sorted(TESTS.rglob("*.py"))
TEST_FILES = {file.stem for file in FILES if file.name.startswith("test_")}


def imported(tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Yield every import: the module, the name taken from it, and the name it gets here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.module or "", alias.name, alias.asname or alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, "", alias.asname or alias.name


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_uses(tree: ast.AST) -> Iterator[str]:
    """Yield the private names of the package that a file imports, reads or replaces."""
    ours = set()
    for module, name, here in imported(tree):
        if module.split(".")[0] == "datasette_revimg":
            ours.add(here)
            if any(map(private, f"{module}.{name}".split("."))):
                yield f"{module}.{name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and private(node.attr):
            if ast.unparse(node).split(".")[0] in ours:
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("setattr", "delattr")):
            # A module and a name, or both in one text.
            count = 1 if node.args and isinstance(node.args[0], ast.Constant) else 2
            target = ".".join(ast.unparse(each).strip("'\"") for each in node.args[:count])
            if target.split(".")[0] in {*ours, "datasette_revimg"}:
                yield from [target] if any(map(private, target.split("."))) else []


@pytest.mark.parametrize(
    "source",
    [
        "from datasette_revimg.web import _secret",
        "from datasette_revimg._web import secret",
        "from datasette_revimg.web import work\nwork._secret",
        "from datasette_revimg import web\nweb.work._secret.clear()",
        "import datasette_revimg\ndatasette_revimg.web._secret",
        "from datasette_revimg.web import work as w\nmonkeypatch.setattr(w, '_secret', 1)",
        "monkeypatch.setattr('datasette_revimg.web.work._secret', 1)",
    ],
)
def test_private_names_are_noticed(source: str) -> None:
    assert list(private_uses(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "from datasette_revimg import __version__",
        "from datasette_revimg.web import work\nwork.state.__doc__",
        "from kit import server\nserver._wait",
        "monkeypatch.setattr('datasette_revimg.web.work.open', _fake)",
    ],
)
def test_other_names_are_not_taken_for_private(source: str) -> None:
    assert not list(private_uses(ast.parse(source)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_a_file_stands_alone(file: Path) -> None:
    """It takes nothing from another test file, and nothing private from the package."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {
        part for module, name, _ in imported(tree) for part in (*module.split("."), name) if part
    }
    assert not names & TEST_FILES
    assert sorted(set(private_uses(tree))) == []
