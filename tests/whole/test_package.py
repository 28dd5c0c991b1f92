"""What is shipped: the files, the licences, and what the command line imports."""

import ast
import subprocess
import sys
from pathlib import Path

import datasette_revimg

PACKAGE = Path(datasette_revimg.__file__).parent


def test_the_command_line_does_not_need_datasette():
    """Importing it is quick and works without a server."""
    code = "import sys, datasette_revimg.cli; sys.exit('datasette.app' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_licences_are_shipped():
    assert "Simonyan" in (PACKAGE / "models" / "bundled" / "LICENSE").read_text(encoding="utf-8")
    assert (PACKAGE / "py.typed").is_file()


def test_all_sql_is_in_store():
    """Elsewhere nothing executes a statement but by Datasette, which has a time limit for it, and
    nothing has the text of one."""
    outside = [file for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE / "store"]
    for file in outside:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        by_datasette = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Await) and isinstance(node.value, ast.Call)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("execute", "executemany", "executescript"):
                where = f"{file.relative_to(PACKAGE)}, line {node.lineno}"
                assert id(node) in by_datasette, f"{where}: move this into store/"
                assert not isinstance(node.args[0], ast.Constant | ast.JoinedStr), where
    assert len(outside) > 50
