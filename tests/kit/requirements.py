"""What setup.py asks for.

``python tests/kit/requirements.py lowest`` prints the lowest versions that it allows, as
constraints for pip; ``pythons`` prints the versions of Python that it names.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from packaging.requirements import Requirement

SETUP = Path(__file__).parents[2] / "setup.py"

# What users install; the other extras are for those who work on the package.
EXTRAS = ("map", "raw")


def arguments() -> dict[str, Any]:
    """Return what setup.py gives to setuptools."""
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(SETUP))
    return dict(setup.call_args.kwargs)


def requirements() -> list[Requirement]:
    """Return what users install with the package, by whichever extra."""
    given = arguments()
    extras = [text for name in EXTRAS for text in given["extras_require"][name]]
    return [Requirement(text) for text in [*given["install_requires"], *extras]]


def lowest() -> Iterator[str]:
    """Yield each requirement at the lowest version that it allows.

    Raises ValueError for one without a lower bound.
    """
    for requirement in requirements():
        bounds = [each.version for each in requirement.specifier if each.operator == ">="]
        if len(bounds) != 1:
            example = f"{requirement.name}>=1"
            raise ValueError(f"setup.py: {requirement} needs one lower bound, as in {example}")
        marker = f"; {requirement.marker}" if requirement.marker else ""
        yield f"{requirement.name}=={bounds[0]}{marker}"


def pythons() -> Iterator[str]:
    """Yield the versions of Python in setup.py's classifiers, such as 3.11."""
    for classifier in arguments()["classifiers"]:
        name, _, version = classifier.rpartition(" :: ")
        if name == "Programming Language :: Python":
            yield version


if __name__ == "__main__":
    print(*{"lowest": lowest, "pythons": pythons}[sys.argv[1]](), sep="\n")
