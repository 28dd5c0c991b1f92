"""How keys are packed."""

from __future__ import annotations

import pytest

from datasette_revimg import errors
from datasette_revimg.store import code_keys


def test_keys_pack_and_unpack():
    for keys in (
        [(1,), (-(2**63),), (2**63 - 1,)],
        [("a",), ("é'\"\\",)],
        [(1, "b", 2.5, b"\x00\xff", None), ("[", 0, 1e300, b"", "x")],
        [],
    ):
        assert code_keys.unpack(code_keys.pack(keys)) == keys
    for packed in ("[", b"1234567", "[[{}]]", 5):
        with pytest.raises(errors.CodesError):
            code_keys.unpack(packed)
