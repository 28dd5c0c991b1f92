"""What setup.py asks for has bounds, which CI installs; it names the Pythons that CI runs."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from kit import requirements


def test_every_requirement_has_a_lower_bound() -> None:
    names = {constraint.split("==")[0] for constraint in requirements.lowest()}
    assert names == {each.name for each in requirements.requirements()}
    assert {"datasette", "numpy", "pillow", "h5py", "onnxruntime"} <= names


def test_the_lowest_version_is_allowed() -> None:
    """A bound such as >=2,<2 leaves nothing."""
    for constraint, each in zip(requirements.lowest(), requirements.requirements(), strict=True):
        version = constraint.partition("==")[2].partition(";")[0]
        assert version in each.specifier, each


@pytest.mark.parametrize("text", ["h5py", "h5py<4", "h5py==3.11", "h5py>3"])
def test_a_requirement_without_a_lower_bound_is_named(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    given = {"install_requires": [text], "extras_require": {"map": [], "raw": []}}
    monkeypatch.setattr(requirements, "arguments", lambda: given)
    with pytest.raises(ValueError, match=r"h5py.* needs one lower bound"):
        list(requirements.lowest())


def test_the_pythons_named_are_those_allowed() -> None:
    """The lowest is python_requires' own, and none is left out after it."""
    named = [Version(each) for each in requirements.pythons()]
    allowed = SpecifierSet(requirements.arguments()["python_requires"])
    assert [
        each
        for each in map(Version, (f"3.{minor}" for minor in range(9, named[-1].minor + 1)))
        if each in allowed
    ] == named
