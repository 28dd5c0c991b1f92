"""The parts of README.md that are marked to be run: ``python tests/kit/docs.py installation``."""

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent.parent / "README.md"
BLOCK = re.compile(
    r"<!-- run(?:: (?P<label>[^\n]*))? -->\n```(?P<kind>\w+)\n(?P<code>.*?)```", re.S
)


def blocks(kind: str, label: str | None = None) -> list[str]:
    """The marked code blocks of a kind (bash, sql, json) with this label, in order."""
    return [
        match["code"].strip()
        for match in BLOCK.finditer(README.read_text(encoding="utf-8"))
        if (match["kind"], match["label"]) == (kind, label)
    ]


if __name__ == "__main__":
    print("\n".join(blocks("bash", sys.argv[1])))
