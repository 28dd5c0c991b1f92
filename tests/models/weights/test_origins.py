"""The known files of weights."""

import numpy as np

from datasette_revimg.models.vgg16.architecture import CAFFE, TORCH
from datasette_revimg.models.weights import origins, readers
from kit.weight_files import write_little


def test_origins_are_recognised_by_hash():
    for origin in origins.ORIGINS:
        file = origins.Fingerprint(origin.sha256 or "another", origin.md5 or "another")
        assert origins.recognise(file) is origin
    assert origins.recognise(origins.Fingerprint("another", "another")) is None


def test_origins_say_how_pictures_are_prepared():
    kinds = {origin.name: origin.preprocessing for origin in origins.ORIGINS}
    assert {name for name, kind in kinds.items() if kind == CAFFE} == {
        "Keras applications",
        "Keras applications, without the top",
        "Oxford, Caffe",
    }
    assert [kind for kind in kinds.values() if kind != CAFFE] == [TORCH] * 4
    mean, deviation = np.array(TORCH.mean) / 255, np.array(TORCH.std) / 255
    assert np.allclose(mean, (0.485, 0.456, 0.406))
    assert np.allclose(deviation, (0.229, 0.224, 0.225))


def test_the_hash_is_the_files(convolutions, folder, monkeypatch):
    file = write_little("npz", folder / "x", convolutions)
    hashes = origins.fingerprint(file)
    mine = origins.Origin("mine", TORCH, "none", "me", "here", md5=hashes.md5)
    monkeypatch.setattr(origins, "ORIGINS", (mine,))
    weights = readers.open_weights(file)
    assert weights.sha256 == hashes.sha256
    assert weights.origin == mine
