"""Learning a tail from sums of which everything is known."""

import numpy as np
import onnx
import onnxruntime
import pytest

from datasette_revimg.models.bundling import learn
from datasette_revimg.models.bundling.whitening import Choice, learn_tail
from datasette_revimg.models.vgg16.architecture import CAFFE, INPUT
from datasette_revimg.models.vgg16.graph import attach_tail, build_convolutions, build_rmac
from datasette_revimg.models.vgg16.tail import Tail, joined_powers
from kit.vgg16_reference import seeded_convolutions, seeded_tail

LOUDNESS = np.ones(512, np.float32)


@pytest.fixture(scope="module")
def sums():
    """Both blocks' sums of 3,000 pictures that vary much along a few directions, and less else."""
    rng = np.random.default_rng(1)
    spreads = 1 / np.arange(1, 1025)
    joined = (
        1 + rng.normal(size=(3000, 1024)) * spreads @ np.linalg.qr(rng.normal(size=(1024, 1024)))[0]
    )
    return np.abs(joined[:, :512]), np.abs(joined[:, 512:])


def deviations(tail: Tail, sums) -> np.ndarray:
    joined = joined_powers(*sums, tail.exponent, tail.weight)
    return (joined - joined.mean(axis=0)) @ tail.matrix


def test_without_damping_all_directions_vary_alike(sums):
    tail = learn_tail(*sums, Choice(epsilon=0.0, dimension=40), LOUDNESS)
    covariance = np.cov(deviations(tail, sums), rowvar=False)
    assert np.allclose(covariance, np.eye(40), atol=1e-2)


def test_damping_divides_by_the_damped_variance(sums):
    epsilon = 0.1
    tail = learn_tail(*sums, Choice(epsilon=epsilon, dimension=40), LOUDNESS)
    joined = joined_powers(*sums, tail.exponent, tail.weight)
    # numpy's singular values, not its eigenvalues.
    spread = np.linalg.svd(joined - joined.mean(axis=0), compute_uv=False)
    variances = spread**2 / (len(joined) - 1)
    expected = variances / (variances + epsilon * variances[0])
    assert np.allclose(np.var(deviations(tail, sums), axis=0, ddof=1), expected[:40], atol=1e-3)
    assert np.allclose(tail.mean, joined.mean(axis=0), atol=1e-6)


def test_blocks_are_weighed(sums):
    joined = joined_powers(*sums, 0.5, 0.7)
    for block, length in ((joined[:, :512], 0.7), (joined[:, 512:], 1.0)):
        assert np.allclose(np.linalg.norm(block, axis=1), length)
    ratio = np.sqrt(sums[1][0, 0] / sums[1][0, 1])
    assert joined[0, 512] / joined[0, 513] == pytest.approx(ratio)


def test_the_network_for_learning_returns_what_the_tail_is_made_of():
    load = seeded_convolutions().__getitem__
    network = learn.with_maps(build_convolutions(load, CAFFE))
    onnx.checker.check_model(network)
    session = onnxruntime.InferenceSession(
        network.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    assert {output.name for output in session.get_outputs()} == {"features", "block4_features"}


def test_a_tail_is_attached_to_convolutions_alone():
    load, tail = seeded_convolutions().__getitem__, seeded_tail()
    model = build_convolutions(load, CAFFE)
    attach_tail(model, tail, equalised=False)
    picture = np.random.default_rng(2).integers(0, 256, (1, 96, 320, 3), dtype=np.uint8)
    one, other = (
        onnxruntime.InferenceSession(
            each.SerializeToString(), providers=["CPUExecutionProvider"]
        ).run(["embedding"], {INPUT: picture})[0]
        for each in (model, build_rmac(load, CAFFE, tail))
    )
    assert np.array_equal(one, other)


def test_a_saved_tail_is_the_same(tmp_path):
    tail = seeded_tail()
    tail.save(tmp_path / "tail.npz")
    with np.load(tmp_path / "tail.npz") as arrays:
        assert float(arrays["exponent"]) == tail.exponent
        assert np.array_equal(arrays["matrix"], tail.matrix)
    assert tail.identity == seeded_tail().identity
    assert tail.identity != seeded_tail(65).identity
