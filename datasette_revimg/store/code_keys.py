"""The packed keys of the entries in the log of codes."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import numpy as np

from ..errors import CodesError
from ..keys import Key

_INTEGER_KEYS = np.dtype("<i8")

PackedKeys = bytes | str


def pack(keys: Sequence[Key]) -> PackedKeys:
    """Pack keys: 8 bytes for each where all are single integers, a JSON array of arrays else."""
    if all(len(key) == 1 and type(key[0]) is int for key in keys):
        return np.array([key[0] for key in keys], _INTEGER_KEYS).tobytes()
    plain = [[_json_part(part) for part in key] for key in keys]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def unpack(packed: PackedKeys) -> list[Key]:
    """Return the keys that ``pack`` has packed. CodesError when they are damaged."""
    try:
        whole = integers(packed)
        if whole is not None:
            return [(key,) for key in whole.tolist()]
        return [tuple(map(_from_json, key)) for key in json.loads(packed)]
    except (ValueError, TypeError, KeyError) as error:
        raise CodesError("the keys are damaged") from error


def integers(packed: PackedKeys) -> np.ndarray | None:
    """Return the keys as int64 (n,) where all of them are single integers, else None."""
    return np.frombuffer(packed, _INTEGER_KEYS) if isinstance(packed, bytes) else None


# JSON has no bytes; this is how sqlite-utils writes them.
def _json_part(part: object) -> object:
    if isinstance(part, bytes):
        return {"$base64": True, "encoded": base64.b64encode(part).decode()}
    return part


def _from_json(part: object) -> object:
    return base64.b64decode(part["encoded"]) if isinstance(part, dict) else part
