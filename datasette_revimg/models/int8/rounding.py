"""Round weights to integers so that a layer's *outputs* change least.

Rounding each weight to its nearest integer minimises the error of the weights. What counts is
the error of the sums they form with the layer's inputs, and inputs are correlated: what one
weight gains by rounding, its neighbours can give back. Frantar, Ashkboos, Hoefler & Alistarh,
"GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022,
section 3, here for convolutions, whose inputs are patches.
"""

from __future__ import annotations

import numpy as np

# The share of the mean diagonal that is added to the whole diagonal: inputs that were never
# seen firing would make the matrix singular.
DAMPING = 0.01

WEIGHT_LIMIT = 64  # 7 bits

# Inputs that are rounded before the others are corrected; only a matter of speed.
BLOCK = 128


def sample_patches(maps: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the inputs of a 3×3 convolution with padding 1 at ``count`` places of each picture.

    The places are random. ``maps`` is float32 (N, channels, side, side), the result
    (N·count, channels·9), each row in the order of a kernel (channels, 3, 3).
    """
    channels, side = maps.shape[1:3]
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    rows, columns = rng.integers(0, side, (2, count))
    return windows[:, :, rows, columns].swapaxes(1, 2).reshape(-1, channels * 9)


def channel_scales(weights: np.ndarray, limit: int) -> np.ndarray:
    """Return the step of each output channel, float32 (out,): its largest weight becomes ``limit``.

    ``weights`` is float32 (in, out).
    """
    largest: np.ndarray = np.abs(weights).max(axis=0)
    return (largest / limit).astype(np.float32)


def round_for_outputs(
    weights: np.ndarray, moments: np.ndarray, scales: np.ndarray, limit: int
) -> np.ndarray:
    """Return integers q, |q| ≤ limit, with ``inputs @ (q · scales)`` near ``inputs @ weights``.

    ``weights`` is float32 (in, out), ``moments`` the inputs' second moments (in, in), that is
    inputsᵀ @ inputs up to a factor, and ``scales`` float32 (out,). Returns float32 (in, out).

    The inputs are taken in turn, the loudest first, while there are still many others that can
    make up for what rounding their weights costs.
    """
    order = np.argsort(-np.diag(moments), kind="stable")
    factor = _compensation(moments[np.ix_(order, order)])
    remaining = weights[order].astype(np.float32)
    rounded = np.empty_like(remaining)
    for start in range(0, len(remaining), BLOCK):
        end = min(start + BLOCK, len(remaining))
        errors = _round_block(
            remaining[start:end], factor[start:end, start:end], scales, limit, rounded[start:end]
        )
        remaining[end:] -= factor[start:end, end:].T @ errors
    restored = np.empty_like(rounded)
    restored[order] = rounded
    return restored


def _compensation(moments: np.ndarray) -> np.ndarray:
    """Return the upper triangular U with UᵀU = inverse of the damped moments, float32 (in, in).

    Row i says how the inputs after i have to change to make up for an error at i.
    """
    damped = moments.astype(np.float64)
    damped[np.diag_indices_from(damped)] += DAMPING * np.diag(damped).mean()
    return np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)


def _round_block(
    remaining: np.ndarray, factor: np.ndarray, scales: np.ndarray, limit: int, rounded: np.ndarray
) -> np.ndarray:
    """Round a block's rows into ``rounded``, passing each one's error on to the rows after it.

    Changes ``remaining`` (block, out) in place. Returns the errors, each divided by its place
    on the diagonal of ``factor`` (block, block), for the rows after the block.
    """
    errors = np.empty_like(remaining)
    for i, row in enumerate(remaining):
        rounded[i] = np.clip(np.rint(row / scales), -limit, limit)
        errors[i] = (row - rounded[i] * scales) / factor[i, i]
        remaining[i + 1 :] -= np.outer(factor[i, i + 1 :], errors[i])
    return errors
