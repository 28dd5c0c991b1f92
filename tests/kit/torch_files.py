"""Files as torch.save writes them, without torch: also with pickles that it would never write."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any

from kit.vgg16_arrays import Arrays


class Named:
    """A name that a pickle asks for, and the arguments that it is called with."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.name, self.arguments = name, arguments


# The one written in Python, which its stub doesn't show.
PythonPickler: Any = pickle._Pickler


class TorchPickler(PythonPickler):  # type: ignore[misc]
    """A writer of torch's pickles that needs no torch."""

    def persistent_id(self, thing: object) -> object:
        """Return the reference to a storage."""
        return thing[1:] if isinstance(thing, tuple) and thing[:1] == ("persistent",) else None

    def save(self, thing: object, save_persistent_id: bool = True) -> None:
        """Write an object, or the call of what a Named names."""
        if not isinstance(thing, Named):
            super().save(thing, save_persistent_id)
            return
        module, name = thing.name.rsplit(".", 1)
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        if thing.arguments:
            super().save(thing.arguments)
            self.write(pickle.REDUCE)


def _pickle(thing: object, file: IO[bytes]) -> None:
    TorchPickler(file, protocol=2).dump(thing)


def _state(
    tensors: Arrays, *more: object, rebuild: str = "_rebuild_tensor_v2"
) -> OrderedDict[str, Named]:
    """Return ``state_dict()`` as it is pickled; ``more`` ends the storages' references."""
    state: OrderedDict[str, Named] = OrderedDict()
    for key, (name, array) in enumerate(tensors.items()):
        kind = {2: "torch.HalfStorage", 4: "torch.FloatStorage"}[array.itemsize]
        storage = ("persistent", "storage", Named(kind), str(key), "cuda:0", array.size, *more)
        strides = tuple(stride // array.itemsize for stride in array.strides)
        arguments: tuple[object, ...] = (storage, 0, array.shape, strides)
        if rebuild == "_rebuild_tensor_v2":
            arguments += (False, OrderedDict())
        state[name] = Named(f"torch._utils.{rebuild}", *arguments)
    return state


def write_torch_zip(file: Path, tensors: Arrays, state: object = None) -> None:
    """Write as ``torch.save`` since 1.6; ``state`` replaces the pickle of the tensors."""
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open("vgg16/data.pkl", "w") as member:
            _pickle(state or _state(tensors), member)
        archive.writestr("vgg16/byteorder", "little")
        for key, array in enumerate(tensors.values()):
            with archive.open(f"vgg16/data/{key}", "w") as member:
                member.write(array.data)
        archive.writestr("vgg16/version", "3\n")


def write_torch_legacy(file: Path, tensors: Arrays, state: object = None) -> None:
    """Write as ``torch.save`` before 1.6; ``state`` replaces the pickle of the tensors."""
    with file.open("wb") as output:
        for thing in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            _pickle(thing, output)
        _pickle(state or _state(tensors, None, rebuild="_rebuild_tensor"), output)
        _pickle([str(key) for key in range(len(tensors))], output)
        for array in tensors.values():
            output.write(struct.pack("<q", array.size))
            output.write(array.data)
