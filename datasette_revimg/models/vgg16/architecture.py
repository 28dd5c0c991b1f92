"""VGG16 in numbers: its layers, and the pixels that its trainings expect.

Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014,
configuration D. Imports nothing of ours and no library.
"""

from __future__ import annotations

from dataclasses import dataclass

# The names of the graph's input and outputs.
INPUT = "images"
EMBEDDING = "embedding"
FEATURES = "features"
BLOCK4 = "block4_features"
PROBABILITIES = "predictions"

SIDE = 224
MAP_SIDE = 7
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
LAYERS = [
    f"block{block}_conv{conv}"
    for block, (_, convs) in enumerate(BLOCKS, start=1)
    for conv in range(1, convs + 1)
]
FLAT = MAP_SIDE * MAP_SIDE * BLOCKS[-1][0]
DENSE = 4096
CLASSES = 1000


@dataclass(frozen=True)
class Preprocessing:
    """The pixels that a network expects.

    The graph computes ``(x - mean) / std`` of RGB values in 0..255, then puts the channels
    in ``order``. ``mean`` and ``std`` are given in R, G, B.
    """

    name: str
    order: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


# The means of the ImageNet training set that Caffe's VGG16 was trained with, as Keras'
# ``preprocess_input(mode="caffe")`` subtracts them.
CAFFE = Preprocessing("caffe", "BGR", (123.68, 116.779, 103.939), (1.0, 1.0, 1.0))

# torchvision's and the model zoo's: mean and standard deviation of RGB in 0..1, times 255.
TORCH = Preprocessing("torch", "RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def conv_shapes() -> dict[str, tuple[int, int, int, int]]:
    """Return each convolution's kernel shape, (height, width, in, out) as Keras stores it."""
    shapes = {}
    channels = 3
    for layer in LAYERS:
        width = BLOCKS[int(layer[5]) - 1][0]
        shapes[layer] = (3, 3, channels, width)
        channels = width
    return shapes
