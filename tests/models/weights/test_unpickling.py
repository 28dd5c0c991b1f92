"""Pickles that want more than tensors, or are damaged."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from datasette_revimg.errors import WeightsError
from datasette_revimg.models.weights import readers
from kit.torch_files import Named, write_torch_legacy, write_torch_zip
from kit.vgg16_arrays import swapped, torchvision_names


class Attack:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def evil_state(mark):
    return OrderedDict({"features.0.weight": Attack(mark)})


@pytest.mark.parametrize("write", [write_torch_zip, write_torch_legacy])
def test_a_pickle_is_not_executed(write, tmp_path):
    mark = tmp_path / "executed"
    pickle.loads(pickle.dumps(Attack(mark)))
    assert mark.exists(), "the attack itself works"
    mark.unlink()
    write(tmp_path / "x", {}, evil_state(mark))
    with pytest.raises(WeightsError, match=r"its pickle refers to (posix|nt)\.system"):
        readers.open_weights(tmp_path / "x")
    assert not mark.exists()


def test_the_first_pickle_is_not_executed_either(tmp_path):
    mark = tmp_path / "executed"
    (tmp_path / "x").write_bytes(pickle.dumps(Attack(mark), 2))
    with pytest.raises(WeightsError, match=r"its pickle refers to (posix|nt)\.system"):
        readers.open_weights(tmp_path / "x")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (Named("builtins.eval", "1"), "refers to builtins.eval"),
        (Named("torch._utils._rebuild_tensor_v3"), r"refers to torch\._utils\._rebuild_tensor_v3"),
        (Named("torchvision.models.vgg.VGG", 1), r"torch\.save\(network\.state_dict\(\)"),
        (Named("torch._utils.os.system", "true"), "refers to"),
        ({"features.0.weight": Named("torch.BFloat16Storage")}, "BFloat16Storage"),
        ({"state_dict": {}}, "state_dict in its pickle is no tensor"),
        ([1, 2], "contains no named tensors"),
        ({1: 2}, "a tensor in its pickle has no name"),
        (("persistent", "module", "x"), "a storage of numbers"),
    ],
)
@pytest.mark.parametrize("write", [write_torch_zip, write_torch_legacy])
def test_pickles_with_other_things(write, state, sentence, tmp_path):
    write(tmp_path / "x", {}, state)
    with pytest.raises(WeightsError, match=sentence):
        readers.open_weights(tmp_path / "x")


def test_a_pickle_that_would_fill_the_memory(tmp_path):
    """Its 400 millionth memory of an object would make Python's unpickler take 5 GB."""
    (tmp_path / "x").write_bytes(b"\x80\x02}r\x84\xd7\x17\x18.")
    with pytest.raises(WeightsError, match="its pickle needs too much memory"):
        readers.open_weights(tmp_path / "x")


def tensor_state(offset=0, shape=(64,), strides=(1,), count=64):
    storage = ("persistent", "storage", Named("torch.FloatStorage"), "0", "cpu", count)
    rebuilt = Named("torch._utils._rebuild_tensor_v2", storage, offset, shape, strides)
    return OrderedDict({"features.0.bias": rebuilt})


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (tensor_state(offset=1), "reaches beyond its storage"),
        (tensor_state(offset=-1), "reaches beyond its storage"),
        (tensor_state(shape=(2**40,)), "impossible shape"),
        (tensor_state(shape=(2, 32), strides=(1, 2)), "not contiguous"),
        (tensor_state(shape="64"), "described wrongly"),
        (tensor_state(count=65), "not as long as its pickle says"),
    ],
)
def test_tensors_that_reach_beyond_the_file(state, sentence, tmp_path):
    write_torch_zip(tmp_path / "x", {"features.0.bias": np.ones(64, np.float32)}, state)
    with pytest.raises(WeightsError, match=sentence):
        readers.open_weights(tmp_path / "x")


def test_every_damaged_pickle_is_a_sentence(convolutions, folder):
    """Bytes changed at random in the pickle: refused or read, never a crash."""
    theirs = {name: swapped(name, array) for name, array in convolutions.items()}
    write_torch_legacy(folder / "x", torchvision_names(theirs))
    whole = (folder / "x").read_bytes()[:4000]
    rng = np.random.default_rng(3)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] = rng.integers(0, 256)
        (folder / "y").write_bytes(damaged)
        with pytest.raises(WeightsError):
            readers.open_weights(folder / "y")
