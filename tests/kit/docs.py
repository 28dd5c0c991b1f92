"""Find the parts of the documentation that are marked to be run.

``python tests/kit/docs.py installation`` prints the commands with this label.
"""

import re
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"<!-- run(?:: (?P<label>[^\n]*))? -->\n *```(?P<kind>\w+)\n(?P<code>.*?)```", re.S
)


def blocks(kind: str, label: str | None = None, pages: list[Path] = PAGES) -> list[str]:
    """Return the marked code blocks of a kind (bash, sql, json) with this label, in order."""
    return [
        dedent(match["code"]).strip()
        for match in marked(pages)
        if (match["kind"], match["label"]) == (kind, label)
    ]


def marked(pages: list[Path] = PAGES) -> list[re.Match[str]]:
    """Return all marked blocks of these pages: groups ``label``, ``kind`` and ``code``."""
    return [match for page in pages for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    print("\n".join(blocks("bash", sys.argv[1])))
