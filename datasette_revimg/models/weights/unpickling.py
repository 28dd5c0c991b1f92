"""The pickle inside a torch file, read without running what it asks for.

A pickle is a program: it names functions and has them called. This one may name only what
describes a tensor, and each of these names stands for something of ours that notes down its
arguments. Everything else is refused by name.
"""

from __future__ import annotations

import pickle
import pickletools
from collections import OrderedDict
from typing import IO, Any, NamedTuple

from ...errors import WeightsError

# VGG16's pickle remembers a few hundred objects.
MEMO_LIMIT = 100_000
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


class Storage(NamedTuple):
    """A run of ``length`` numbers in the file that tensors are views of."""

    key: str
    dtype: str
    length: int


class Tensor(NamedTuple):
    """A tensor as the pickle describes it; nothing of it is checked yet."""

    storage: Any
    offset: Any
    shape: Any
    strides: Any


# Instances without attributes: a pickle can set attributes of what it gets hold of, and of a
# function or a class that would last beyond the file.
class _RebuildTensor:
    __slots__ = ()

    def __call__(
        self, storage: object, offset: object, shape: object, strides: object, *_: object
    ) -> Tensor:
        return Tensor(storage, offset, shape, strides)


class _RebuildParameter:
    __slots__ = ()

    def __call__(self, tensor: object, *_: object) -> object:
        return tensor


_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    # torch before 0.4, with which torchvision's own file was written.
    ("torch._utils", "_rebuild_tensor"): _RebuildTensor(),
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
    ("torch", "HalfStorage"): "<f2",
    ("torch", "FloatStorage"): "<f4",
    ("torch", "DoubleStorage"): "<f8",
    # The batch counters of batch normalisation, so that it is named as the reason.
    ("torch", "LongStorage"): "<i8",
}


class TensorUnpickler(pickle.Unpickler):
    """A reader of one pickle; ``storages`` then has every storage that it mentions, by key."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self._file = file
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return our stand-in for what the pickle asks for by name; WeightsError without one."""
        try:
            return _ADMITTED[module, name]
        except KeyError:
            if module == "torch" and name.endswith("Storage"):
                raise WeightsError(f"its numbers are a {name}; only floats are read") from None
            raise WeightsError(
                f"its pickle refers to {module}.{name}, which isn't part of a tensor, so none "
                "of it was run; use a file made with torch.save(network.state_dict(), …)"
            ) from None

    def persistent_load(self, reference: Any) -> Storage:
        """Note down a storage that the pickle refers to."""
        match reference:
            case ("storage", str(dtype), str(key), _, int(length)) | (
                "storage",
                str(dtype),
                str(key),
                _,
                int(length),
                None,
            ) if length >= 0:
                storage = Storage(key, dtype, length)
                return self.storages.setdefault(key, storage)
        raise WeightsError("its pickle refers to something that isn't a storage of numbers")

    def tensors(self) -> dict[str, Tensor]:
        """Return the pickle's tensors by name; WeightsError when it holds anything else."""
        state = self.read()
        if not isinstance(state, dict) or not state:
            raise WeightsError("its pickle contains no named tensors")
        # The pickle may have given its OrderedDict an attribute called items.
        tensors = dict(dict.items(state))
        for name, tensor in tensors.items():
            if not isinstance(name, str):
                raise WeightsError("a tensor in its pickle has no name")
            if not isinstance(tensor, Tensor):
                raise WeightsError(f"{name} in its pickle is no tensor")
        return tensors

    def read(self) -> object:
        """Return what the next pickle in the file holds."""
        try:
            self._check_memo()
            return self.load()
        except WeightsError:
            raise
        # A damaged pickle has the unpickler raise nearly anything.
        except Exception as error:
            raise WeightsError("its pickle is damaged or truncated") from error

    def _check_memo(self) -> None:
        """Refuse a place in the memo for which the unpickler would take gigabytes."""
        start = self._file.tell()
        for opcode, place, _ in pickletools.genops(self._file):
            if opcode.name in _PUTS and int(place or 0) > MEMO_LIMIT:
                raise WeightsError("its pickle needs too much memory")
        self._file.seek(start)
