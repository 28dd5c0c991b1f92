"""The same pictures through the frameworks' own VGG16: our vectors are theirs."""

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.models import catalogue
from datasette_revimg.models.network import Network
from datasette_revimg.store import connection, reading
from kit.command import run
from kit.pictures import encoded, photos_database

LAYERS = (2, 2, 3, 3, 3)
WIDTHS = (64, 128, 256, 512, 512)
DENSE = ("fc1", "fc2", "predictions")


def pictures() -> np.ndarray:
    rng = np.random.default_rng(9)
    smooth = [
        Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(
            (224, 224), Image.Resampling.BICUBIC
        )
        for side in (5, 9, 16)
    ]
    return np.stack([np.asarray(image) for image in smooth])


def install(file, preprocessing: str) -> Network:
    """Install the framework's file, delete it, and load what became of it."""
    run("install", "vgg16-fc2", "--from", file, "--preprocessing", preprocessing)
    file.unlink()
    model = catalogue.find_model("vgg16-fc2")
    return Network(model.file, "cpu", output=model.output)


def check(network: Network, theirs: np.ndarray, tmp_path) -> None:
    """Check the cosines: ≥ 0.999999 on the same pixels, ≥ 0.9999 by way of a table of PNGs."""
    expected = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    assert np.vecdot(network.embed(pictures()), expected).min() >= 0.999999
    photos = {key: encoded(Image.fromarray(picture)) for key, picture in enumerate(pictures())}
    database = photos_database(tmp_path / "photos.db", photos)
    result = run("embed", database, "photos")
    assert "vgg16-fc2, 4096 floats" in result.stdout
    conn = connection.connect(database)
    for key, vector in enumerate(expected):
        assert reading.vector(conn, "photos", (key,)) @ vector >= 0.9999


@pytest.fixture(scope="module")
def keras_model(weights):
    # Whatever backend is there; torch is what the tests' environment installs.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        keras = pytest.importorskip("keras", reason="Keras is not installed", exc_type=Exception)
    model = keras.applications.VGG16(weights=None)
    for layer in model.layers:
        if f"{layer.name}/kernel" in weights:
            layer.set_weights([weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]])
    return keras, model


@pytest.mark.parametrize("name", ["vgg16.weights.h5", "vgg16.h5", "vgg16.keras"])
def test_keras(keras_model, name, models_folder, tmp_path):
    keras, model = keras_model
    file = tmp_path / name
    (model.save_weights if "weights" in name else model.save)(file)
    network = install(file, "caffe")
    fc2 = keras.Model(model.input, model.get_layer("fc2").output)
    pixels = keras.applications.vgg16.preprocess_input(pictures().astype(np.float32))
    check(network, fc2.predict(pixels, verbose=0), tmp_path)


def torch_network(torch, weights):
    """torchvision's ``vgg16()``, layer by layer, from its documentation: the names are its own."""
    layers, channels = [], 3
    for convolutions, width in zip(LAYERS, WIDTHS, strict=True):
        for _ in range(convolutions):
            layers += [torch.nn.Conv2d(channels, width, 3, padding=1), torch.nn.ReLU()]
            channels = width
        layers.append(torch.nn.MaxPool2d(2))
    network = torch.nn.Module()
    network.features = torch.nn.Sequential(*layers)
    network.classifier = torch.nn.Sequential(
        torch.nn.Linear(25088, 4096),
        torch.nn.ReLU(),
        torch.nn.Dropout(),
        torch.nn.Linear(4096, 4096),
        torch.nn.ReLU(),
        torch.nn.Dropout(),
        torch.nn.Linear(4096, 1000),
    )
    with torch.no_grad():
        kernels = [layer for layer in network.features if isinstance(layer, torch.nn.Conv2d)]
        names = [name.split("/")[0] for name in weights if name.endswith("/kernel")]
        for name, layer in zip(names, kernels, strict=False):
            kernel = weights[f"{name}/kernel"].transpose(3, 2, 0, 1).copy()
            layer.weight.copy_(torch.from_numpy(kernel))
            layer.bias.copy_(torch.from_numpy(weights[f"{name}/bias"].copy()))
        for name, place in zip(DENSE, (0, 3, 6), strict=True):
            layer = network.classifier[place]
            layer.weight.copy_(torch.from_numpy(weights[f"{name}/kernel"]).T)
            layer.bias.copy_(torch.from_numpy(weights[f"{name}/bias"]))
    return network.eval()


@pytest.mark.parametrize("kind", ["pth", "legacy pth", "safetensors"])
def test_torch(kind, weights, models_folder, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    network = torch_network(torch, weights)
    file = tmp_path / "vgg16"
    if kind == "safetensors":
        from safetensors.torch import save_file

        save_file(network.state_dict(), file)
    else:
        zipped = kind == "pth"
        torch.save(network.state_dict(), file, _use_new_zipfile_serialization=zipped)
    ours = install(file, "torch")
    mean = torch.tensor([0.485, 0.456, 0.406])
    std = torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        pixels = (torch.from_numpy(pictures()) / 255 - mean) / std
        flat = network.features(pixels.permute(0, 3, 1, 2)).flatten(1)
        fc2 = network.classifier[:5](flat)
    check(ours, fc2.numpy(), tmp_path)
