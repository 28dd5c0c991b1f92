"""What is shipped: the one file list, the licences, the rooms that know Datasette."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import datasette_revimg

PACKAGE = Path(datasette_revimg.__file__).parent

# From the ground up, as data flows: a room imports only rooms before it.
ROOMS = ["errors", "crop", "images", "weights", "network", "tables", "store", "search", "sql"]


def imports(file: Path) -> set[str]:
    """The top-level modules that a file imports outside of functions; own rooms by their name."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level and not node.module:
                found.update(alias.name for alias in node.names)
            elif node.module:
                found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_data_flows_one_way(room):
    files = [PACKAGE / f"{room}.py"] if room != "weights" else list((PACKAGE / room).glob("*.py"))
    later = set(ROOMS[ROOMS.index(room) + 1 :]) | {"pipeline", "cli", "plugin", "views"}
    for file in files:
        assert not imports(file) & (later | {"datasette"}), file


def test_the_command_line_does_not_need_datasette():
    """Importing it is quick and works without a server."""
    code = "import sys, datasette_revimg.cli; sys.exit('datasette.app' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_licences_are_shipped():
    assert "Simonyan" in (PACKAGE / "models" / "LICENSE").read_text(encoding="utf-8")
    assert (PACKAGE / "py.typed").is_file()
