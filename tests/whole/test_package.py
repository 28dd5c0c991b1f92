"""What is shipped: the files, the licences, and what the command line imports."""

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
