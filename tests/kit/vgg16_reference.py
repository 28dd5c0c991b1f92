"""VGG16, R-MAC and whitening once more, in numpy, from the papers; and weights to run them with."""

from itertools import product

import numpy as np
import onnx
from onnx import numpy_helper

from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.vgg16 import architecture
from datasette_revimg.models.vgg16.tail import Tail, bundled_tail

Weights = dict[str, np.ndarray]

CAFFE_MEANS_BGR = (103.939, 116.779, 123.68)
DENSE = {"fc1": (25088, 4096), "fc2": (4096, 4096), "predictions": (4096, 1000)}


def seeded_convolutions() -> Weights:
    """Return weights that keep the size of activations from layer to layer (He et al. 2015)."""
    rng = np.random.default_rng(16)
    arrays = {}
    for layer, shape in architecture.conv_shapes().items():
        spread = np.sqrt(2 / (9 * shape[2]))
        arrays[f"{layer}/kernel"] = rng.normal(0, spread, shape).astype(np.float32)
        arrays[f"{layer}/bias"] = rng.normal(0, 0.1, shape[3:]).astype(np.float32)
    return arrays


def bundled_convolutions() -> Weights:
    """Return the pretrained convolutions of the bundled network, as float32.

    Block 4's channels are as loud as they were before int8.
    """
    assert VGG16_RMAC.file
    tensors = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(VGG16_RMAC.file).graph.initializer
    }

    def array(name: str) -> np.ndarray:
        if name in tensors:
            return tensors[name]
        scales = f"{name}_quantized_scale" if name.endswith("bias") else f"{name}_scale"
        whole, scale = tensors[f"{name}_quantized"].astype(np.float32), tensors[scales]
        return whole * scale.reshape(-1, *[1] * (whole.ndim - 1))

    arrays = {}
    for layer in architecture.LAYERS:
        kernel = array(f"{layer}.kernel").transpose(2, 3, 1, 0)
        # The graph takes RGB, the weights are for BGR.
        first = layer == architecture.LAYERS[0]
        arrays[f"{layer}/kernel"] = np.ascontiguousarray(kernel[:, :, ::-1] if first else kernel)
        arrays[f"{layer}/bias"] = array(f"{layer}.bias")
    loudness = bundled_tail().loudness
    for name in ("block4_conv3/kernel", "block4_conv3/bias"):
        arrays[name] = arrays[name] * loudness
    arrays["block5_conv1/kernel"] = arrays["block5_conv1/kernel"] / loudness[:, None]
    return arrays


def seeded_dense() -> Weights:
    """Return dense layers, 478 MB, that keep the size of activations from layer to layer."""
    rng = np.random.default_rng(4096)
    arrays = {}
    for layer, shape in DENSE.items():
        kernel = rng.standard_normal(shape, dtype=np.float32)
        arrays[f"{layer}/kernel"] = np.multiply(kernel, np.sqrt(2 / shape[0]), out=kernel)
        arrays[f"{layer}/bias"] = rng.standard_normal(shape[1], dtype=np.float32) / 10
    return arrays


def convolution(maps: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve (H, W, in) to (H, W, out): 3×3, zero padding, ReLU."""
    padded = np.pad(maps, ((1, 1), (1, 1), (0, 0)))
    height, width, _ = maps.shape
    total = np.zeros((height, width, kernel.shape[3]), np.float32)
    for dy, dx in product(range(3), range(3)):
        total += padded[dy : dy + height, dx : dx + width] @ kernel[dy, dx]
    return np.maximum(total + bias, 0)


def max_pool(maps: np.ndarray) -> np.ndarray:
    """Return the maximum of every 2×2 square of (H, W, channels)."""
    height, width, channels = maps.shape
    return maps.reshape(height // 2, 2, width // 2, 2, channels).max((1, 3))


def features(
    picture: np.ndarray,
    weights: Weights,
    *,
    bgr: bool = True,
    means: tuple[float, float, float] = CAFFE_MEANS_BGR,
) -> np.ndarray:
    """Return the last block's maps (H/32, W/32, 512), with Keras' “caffe” preprocessing."""
    return block_maps(picture, weights, bgr=bgr, means=means)[-1]


def block_maps(
    picture: np.ndarray,
    weights: Weights,
    *,
    bgr: bool = True,
    means: tuple[float, float, float] = CAFFE_MEANS_BGR,
) -> list[np.ndarray]:
    """Return every block's maps."""
    pixels = picture[:, :, ::-1] if bgr else picture
    maps = pixels.astype(np.float32) - np.array(means, np.float32)
    results = []
    for block, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(1, convolutions + 1):
            layer = f"block{block}_conv{number}"
            maps = convolution(maps, weights[f"{layer}/kernel"], weights[f"{layer}/bias"])
        maps = max_pool(maps)
        results.append(maps)
    return results


def fc2(flat: np.ndarray, weights: Weights) -> np.ndarray:
    """Return fc2 of the flattened maps, after ReLU, L2-normalised."""
    for layer in ("fc1", "fc2"):
        flat = np.maximum(flat @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"], 0)
    return flat / np.linalg.norm(flat)


# (top, left, height, width) on maps of these sizes. Tolias et al.: side 2·7/(l+1) rounded down, l
# regions along each edge, spread evenly from edge to edge; here of either edge by itself.
REGIONS = {
    (7, 7): [
        (0, 0, 7, 7),
        *((top, left, 4, 4) for top in (0, 3) for left in (0, 3)),
        *((top, left, 3, 3) for top in (0, 2, 4) for left in (0, 2, 4)),
    ],
    (7, 10): [
        (0, 0, 7, 10),
        *((top, left, 4, 6) for top in (0, 3) for left in (0, 4)),
        *((top, left, 3, 5) for top in (0, 2, 4) for left in (0, 2, 5)),
    ],
    (14, 20): [
        (0, 0, 14, 20),
        *((top, left, 9, 13) for top in (0, 5) for left in (0, 7)),
        *((top, left, 7, 10) for top in (0, 3, 7) for left in (0, 5, 10)),
    ],
    (14, 14): [
        (0, 0, 14, 14),
        *((top, left, 9, 9) for top in (0, 5) for left in (0, 5)),
        *((top, left, 7, 7) for top in (0, 3, 7) for left in (0, 3, 7)),
    ],
    (3, 10): [
        (0, 0, 3, 10),
        *((top, left, 2, 6) for top in (0, 1) for left in (0, 4)),
        *((top, left, 1, 5) for top in (0, 1, 2) for left in (0, 2, 5)),
    ],
    (6, 20): [
        (0, 0, 6, 20),
        *((top, left, 4, 13) for top in (0, 2) for left in (0, 7)),
        *((top, left, 3, 10) for top in (0, 1, 3) for left in (0, 5, 10)),
    ],
}


def rmac(maps: np.ndarray) -> np.ndarray:
    """Return the sum of the regions' unit maxima, (C,), of maps (H, W, C) of a size in REGIONS."""
    total = np.zeros(maps.shape[2])
    for top, left, height, width in REGIONS[maps.shape[:2]]:
        region = maps[top : top + height, left : left + width].max((0, 1))
        total += region / np.linalg.norm(region)
    return total


def whitened(block4: np.ndarray, block5: np.ndarray, tail: Tail) -> np.ndarray:
    """Return the unit vector (D,) of two sums (C,) each, in float64, as tail's text has it."""
    parts = []
    for weight, total in ((tail.weight, block4), (1.0, block5)):
        power = np.float64(total) ** tail.exponent
        parts.append(weight * power / np.sqrt(np.sum(power**2)))
    vector = (np.concatenate(parts) - tail.mean.astype(np.float64)) @ tail.matrix.astype(np.float64)
    return vector / np.sqrt(np.sum(vector**2))


def seeded_tail(dimension: int = 64) -> Tail:
    """Return a tail that keeps no direction of its input apart from the others."""
    rng = np.random.default_rng(17)
    return Tail(
        exponent=0.6,
        weight=0.8,
        loudness=rng.uniform(0.5, 2, 512).astype(np.float32),
        mean=rng.uniform(0, 0.05, 1024).astype(np.float32),
        matrix=rng.normal(size=(1024, dimension)).astype(np.float16),
    )
