"""Where a network runs, with lists of providers and sessions that stand in for real devices."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.models import devices
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.network import Network
from kit.command import error_of, run
from kit.pictures import mosaic, photos_database

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "directml": "DmlExecutionProvider",
}

CPU = "CPUExecutionProvider"


class Machine:
    """ONNX Runtime on a machine with devices, all of which are the processor by other names.

    ``noise`` is added to all numbers that a device gives; with ``broken``, none can be loaded;
    with ``crashing``, none can be run. ``asked`` are the providers that sessions were asked for.
    """

    def __init__(self) -> None:
        self.noise = 0.0
        self.broken = self.crashing = False
        self.asked: list[list[str]] = []
        self.session = onnxruntime.InferenceSession

    def load(self, file, options, providers):
        self.asked.append(providers)
        return Session(self, self.session(file, options, providers=[CPU]), providers)


class Session:
    def __init__(self, machine, real, providers) -> None:
        self.machine, self.real, self.providers = machine, real, providers

    def get_providers(self):
        return [CPU] if self.machine.broken else self.providers

    def get_inputs(self):
        return self.real.get_inputs()

    def get_outputs(self):
        return self.real.get_outputs()

    def run(self, names, inputs):
        outputs = self.real.run(names, inputs)
        if self.providers[0] == CPU:
            return outputs
        if self.machine.crashing:
            raise RuntimeError("out of\nmemory")
        rng = np.random.default_rng(0)
        return [each + self.machine.noise * rng.standard_normal(each.shape) for each in outputs]


@pytest.fixture
def machine(monkeypatch) -> Machine:
    """Return a machine that has every device, and an NVIDIA driver."""
    stand_in = Machine()
    monkeypatch.setattr(onnxruntime, "InferenceSession", stand_in.load)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None, raising=False)
    monkeypatch.setattr(devices, "has_nvidia_driver", lambda: True)
    having(monkeypatch, *PROVIDERS)
    return stand_in


def having(monkeypatch, *names: str) -> None:
    providers = [*(PROVIDERS[name] for name in names), CPU]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_runs_on_its_provider(machine, name):
    network = Network(VGG16_RMAC.file, name)
    assert network.device == name
    # The device with the processor for what it can't run, and the processor to compare it with.
    assert machine.asked == [[PROVIDERS[name], CPU], [CPU]]
    assert network.embed(np.zeros((1, 224, 224, 3), np.uint8)).shape == (1, VGG16_RMAC.dimension)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (PROVIDERS, "cuda"),
        (["openvino", "directml"], "directml"),
        (["coreml", "openvino"], "openvino"),
        (["coreml"], "cpu"),
        ([], "cpu"),
    ],
)
def test_auto(machine, monkeypatch, there, expected):
    having(monkeypatch, *there)
    assert Network(VGG16_RMAC.file, "auto").device == expected


def test_auto_without_a_driver_asks_for_no_cuda(machine, monkeypatch, caplog):
    having(monkeypatch, "cuda")
    monkeypatch.setattr(devices, "has_nvidia_driver", lambda: False)
    assert Network(VGG16_RMAC.file, "auto").device == "cpu"
    assert machine.asked == [[CPU]]
    assert not caplog.messages


def test_cpu_means_cpu(machine):
    assert Network(VGG16_RMAC.file, "cpu").device == "cpu"
    assert machine.asked == [[CPU]]


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("cuda", "onnxruntime-gpu[cuda,cudnn]"),
        ("coreml", "on macOS"),
        ("openvino", "onnxruntime-openvino"),
        ("directml", "onnxruntime-directml"),
    ],
)
def test_what_is_not_there_is_an_error(machine, monkeypatch, name, way_out):
    other = "openvino" if name == "cuda" else "cuda"
    having(monkeypatch, other)
    with pytest.raises(RevimgError) as error:
        Network(VGG16_RMAC.file, name)
    assert f"only cpu, {other}: " in str(error.value)
    assert way_out in str(error.value)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"broken": True}, "CUDA can't be loaded: pip install onnxruntime-gpu[cuda,cudnn]"),
        ({"crashing": True}, "can't be run with CUDA: out of memory"),
        ({"noise": 0.01}, "CUDA gives other vectors than the processor (a cosine of 0.9"),
        ({"noise": np.nan}, "CUDA gives other vectors than the processor (a cosine of -1"),
    ],
)
def test_what_can_not_be_used(machine, caplog, fault, reason):
    """By name it is an error; auto says so in one line, and takes the processor."""
    for name, value in fault.items():
        setattr(machine, name, value)
    with pytest.raises(RevimgError) as error:
        Network(VGG16_RMAC.file, "cuda")
    assert reason in str(error.value)
    assert not caplog.messages
    assert Network(VGG16_RMAC.file, "auto").device == "cpu"
    (line,) = caplog.messages
    assert reason in line
    assert line.endswith("; the network runs on the processor")
    assert "\n" not in line


def test_a_device_may_round_in_another_way(machine):
    machine.noise = 1e-4
    assert Network(VGG16_RMAC.file, "openvino").device == "openvino"


def test_the_command_and_its_error(machine, monkeypatch, tmp_path):
    database = photos_database(tmp_path / "photos.db", {1: mosaic(1)})
    having(monkeypatch, "openvino")
    error = error_of("embed", database, "photos", "--device", "directml")
    assert "no DirectML, only cpu, openvino" in error
    run("embed", database, "photos", "--device", "openvino", "--silent")
    assert [PROVIDERS["openvino"], CPU] in machine.asked


@pytest.mark.skipif(
    PROVIDERS["openvino"] not in onnxruntime.get_available_providers(),
    reason="onnxruntime-openvino is not installed",
)
def test_openvino_itself():
    pictures = np.random.default_rng(1).integers(0, 256, (2, 320, 224, 3), dtype=np.uint8)
    there, here = (Network(VGG16_RMAC.file, name).embed(pictures) for name in ("openvino", "cpu"))
    assert np.vecdot(there, here).min() >= devices.AGREEMENT
