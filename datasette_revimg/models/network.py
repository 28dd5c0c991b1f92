"""A network in ONNX Runtime: batches of pictures become unit vectors."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import RevimgError
from ..pictures.decoding import SIDE
from ..pictures.sizing import Size
from ..vectors.whitening import Whitening
from . import devices
from .devices import Device
from .pixels import Pixels, prepare
from .vgg16.architecture import BLOCK4, EMBEDDING, FEATURES, INPUT, PROBABILITIES

if TYPE_CHECKING:
    import onnxruntime

# ONNX Runtime's severity for fatal errors only: about a missing library of CUDA we say one sentence
# ourselves, in place of two loud lines of its own.
_FATAL = 4

# Without handlers of the program's own, Python prints its warnings on stderr, a line each.
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """The network's results for a batch of N pictures.

    ``vectors`` are unit vectors float32 (N, D). Where they were asked for, ``probabilities`` are
    those of ImageNet's classes, float32 (N, 1000), and ``features`` the maps of the last
    convolution block, float32 (N, 512, height / 32, width / 32), and of the one before, twice as
    high and wide, if the vector is made of that too.
    """

    vectors: np.ndarray
    probabilities: np.ndarray | None = None
    features: tuple[np.ndarray, ...] | None = None


class Network:
    """A loaded model; ``device`` says where it runs, one of ``devices.DEVICES`` but ``auto``."""

    def __init__(
        self,
        file: Path,
        device: str = "auto",
        threads: int = 0,
        *,
        output: str = EMBEDDING,
        classes: bool = False,
        pixels: Pixels | None = None,
        whitening: Whitening | None = None,
    ) -> None:
        """Load the ONNX file, whose ``output`` is the vector, before the ``whitening`` if any.

        With ``classes``, ``encode`` returns their probabilities too. ``pixels`` describes a model
        of the user's own. ``threads`` 0 leaves the number to ONNX Runtime.

        RevimgError when the file can't be loaded, or on a device that was asked for by name. There,
        its vectors must agree with the processor's (see ``devices.AGREEMENT``). With ``auto``, what
        can't be used is logged, and the network runs on the processor.
        """
        self._file, self._pixels, self._whitening = file, pixels, whitening
        self._outputs = [output, PROBABILITIES] if classes else [output]
        chosen = devices.choose(device)
        self.device = chosen.name if chosen else "cpu"
        if chosen is None:
            self._session = _load(file, threads)
            return
        try:
            self._session = self._load_on(chosen, threads)
        except RevimgError as error:
            if device != "auto":
                raise
            _log.warning("%s; the network runs on the processor", error)
            self.device, self._session = "cpu", _load(file, threads)

    def _load_on(self, device: Device, threads: int) -> onnxruntime.InferenceSession:
        """Load the network on a device. RevimgError when it isn't usable there."""
        session = _load(self._file, threads, device)
        # A provider may be available and still fail to load: only the session knows.
        if device.provider not in session.get_providers():
            raise RevimgError(f"{device.title} can't be loaded: {device.install}, or use cpu")
        try:
            cosine = devices.lowest_cosine(session, _load(self._file, threads), self._pixels)
        except RevimgError:
            raise
        except Exception as error:
            raise RevimgError(
                f"{self._file} can't be run with {device.title}: {_one_line(error)}"
            ) from error
        if cosine < devices.AGREEMENT:
            raise RevimgError(
                f"{device.title} gives other vectors than the processor (a cosine of {cosine:.4f}, "
                f"at least {devices.AGREEMENT} is needed), and these can't be mixed: use cpu"
            )
        return session

    @property
    def size(self) -> Size:
        """Height and width of the pictures that it takes, in pixels; None if it takes any."""
        if self._pixels:
            return self._pixels.size
        return None if self._outputs[0] == EMBEDDING else (SIDE, SIDE)

    def embed(self, pictures: np.ndarray) -> np.ndarray:
        """Return unit vectors float32 (N, D) of pictures, uint8 (N, height, width, 3) RGB."""
        return self.encode(pictures).vectors

    @property
    def has_features(self) -> bool:
        """Whether it is one of VGG16's, which can return maps beside the vector."""
        return self._pixels is None and bool(self._maps)

    @property
    def _maps(self) -> list[str]:
        names = [output.name for output in self._session.get_outputs()]
        return [name for name in (FEATURES, BLOCK4) if name in names]

    def with_output(self, output: str, whitening: Whitening | None = None) -> Network:
        """Return this network, not loaded again, with another of its outputs as the vector.

        It is whitened with ``whitening``, if any.
        """
        other = copy.copy(self)
        other._outputs, other._whitening = [output], whitening
        return other

    @property
    def has_classes(self) -> bool:
        """Whether it can return the probabilities of ImageNet's classes beside the vector."""
        outputs = [output.name for output in self._session.get_outputs()]
        return self._pixels is None and PROBABILITIES in outputs

    def with_classes(self) -> Network:
        """Return this network, not loaded again, with those probabilities in each result."""
        other = copy.copy(self)
        other._outputs = [self._outputs[0], PROBABILITIES]
        return other

    def encode(self, pictures: np.ndarray, *, features: bool = False) -> Batch:
        """Run the network once on a batch of pictures, uint8 (N, height, width, 3) RGB.

        Classes are in the result if the network was loaded with them, and maps with ``features``,
        which needs a network that ``has_features``. RevimgError when it can't be run, or returns
        numbers that aren't finite.
        """
        if self._pixels:
            return Batch(self._whitened(self._own_vectors(pictures, self._pixels)))
        maps = self._maps if features else []
        names = [*self._outputs, *maps]
        outputs = self._session.run(names, {INPUT: pictures})
        if not all(np.isfinite(output).all() for output in outputs):
            raise RevimgError("the network returned numbers that are not finite: reinstall it")
        arrays = dict(zip(names, (np.asarray(o, np.float32) for o in outputs), strict=True))
        return Batch(
            vectors=self._whitened(arrays[self._outputs[0]]),
            probabilities=arrays.get(PROBABILITIES),
            features=tuple(arrays[name] for name in maps) or None,
        )

    def _whitened(self, vectors: np.ndarray) -> np.ndarray:
        return self._whitening.apply(vectors) if self._whitening else vectors

    def try_out(self, count: int, dimension: int) -> None:
        """Embed ``count`` pictures of noise at once, with a model of the user's own.

        RevimgError when the network can't, or when its vectors haven't this dimension before they
        are whitened.
        """
        assert self._pixels
        height, width = self._pixels.size
        shape = (count, height, width, 3)
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        actual = self._own_vectors(noise, self._pixels).shape[1]
        if actual != dimension:
            raise RevimgError(
                f"{self._file}: 'dimension' is {dimension}, but its vectors have {actual} numbers"
            )

    def _own_vectors(self, pictures: np.ndarray, pixels: Pixels) -> np.ndarray:
        """Return the unit vectors of a model of the user's own.

        Unlike ours, it neither prepares its pictures nor normalises its vectors.
        """
        batch = prepare(pictures, pixels)
        step = 1 if pixels.one_by_one else len(batch)
        parts = [self._own_part(batch[at : at + step]) for at in range(0, len(batch), step)]
        # In float64, where the squares of no float32 overflow. A vector of zeros stays one.
        vectors = np.concatenate(parts).astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)

    def _own_part(self, batch: np.ndarray) -> np.ndarray:
        (name,) = self._outputs
        inputs = {image.name: batch for image in self._session.get_inputs()}
        try:
            (vectors,) = self._session.run([name], inputs)
        except Exception as error:
            raise RevimgError(
                f"{self._file} can't be run on a batch of {len(batch)}: {_one_line(error)}"
            ) from error
        if vectors.ndim != 2 or len(vectors) != len(batch):
            raise RevimgError(
                f"{self._file}: the output {name!r} has the shape {vectors.shape} for a batch of "
                f"{len(batch)}, it must be (N, dimension); --batch-size 1 may help"
            )
        if not np.isfinite(vectors).all():
            raise RevimgError(f"{self._file}: the output {name!r} has numbers that are not finite")
        return np.asarray(vectors)


def _load(file: Path, threads: int, device: Device | None = None) -> onnxruntime.InferenceSession:
    """Load a network on a device, what that can't run on the processor, and by default all."""
    # Takes a tenth of a second, for which every start of Datasette would have to wait.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _FATAL
    providers = ["CPUExecutionProvider"]
    if device:
        providers.insert(0, device.provider)
        if device.name == "cuda":
            onnxruntime.preload_dlls()
    try:
        return onnxruntime.InferenceSession(file, options, providers=providers)
    except Exception as error:
        raise RevimgError(
            f"{file}: ONNX Runtime can't load this model: {_one_line(error)}"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
