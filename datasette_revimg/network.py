"""An ONNX Runtime session: batches of pictures → unit vectors."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np
import onnxruntime

from .errors import RevimgError

DEVICES = ("auto", "cpu", "cuda")

_INPUT, _EMBEDDING = "images", "embedding"

# ONNX Runtime's severity for fatal errors only: a CUDA library that isn't there is told by us,
# in one sentence, instead of by two loud lines of its own.
_FATAL = 4


class Network:
    """A loaded model; ``device`` says where it runs, ``cpu`` or ``cuda``."""

    def __init__(self, file: Path, device: str = "auto", threads: int = 0) -> None:
        """Load the ONNX file. ``threads`` 0 leaves the number to ONNX Runtime.

        RevimgError when the file can't be loaded, or ``cuda`` was asked for and can't be had.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _FATAL
        providers = ["CPUExecutionProvider"]
        if device == "cuda" or (device == "auto" and _has_nvidia_driver()):
            providers = _cuda(device) + providers
        try:
            self._session = onnxruntime.InferenceSession(file, options, providers=providers)
        except Exception as error:
            raise RevimgError(f"{file}: ONNX Runtime can't load this model: {error}") from error
        # A provider may be available and still fail to load: only the session knows.
        self.device = "cuda" if "CUDAExecutionProvider" in self._session.get_providers() else "cpu"
        if device == "cuda" and self.device != "cuda":
            raise RevimgError(
                "CUDA was asked for but can't be loaded: pip install onnxruntime-gpu[cuda,cudnn], "
                "or use --device cpu"
            )

    def embed(self, pictures: np.ndarray) -> np.ndarray:
        """Unit vectors float32 (N, D) of a batch of pictures, uint8 (N, 224, 224, 3) RGB."""
        (vectors,) = self._session.run([_EMBEDDING], {_INPUT: pictures})
        if not np.isfinite(vectors).all():
            raise RevimgError("the network returned numbers that are not finite: reinstall it")
        return np.asarray(vectors, np.float32)


def _cuda(device: str) -> list[str]:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        if device == "cuda":
            raise RevimgError(
                "this ONNX Runtime has no CUDA: install onnxruntime-gpu in place of onnxruntime, "
                "or use --device cpu"
            )
        return []
    onnxruntime.preload_dlls()
    return ["CUDAExecutionProvider"]


def _has_nvidia_driver() -> bool:
    """Whether asking for CUDA has a chance; asking without a driver is slow and noisy."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
