"""The layout of a map: a place in the plane for every picture, similar ones near each other."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from ..vectors.directions import principal_directions

PCA = "PCA"
TSNE = "t-SNE"

# t-SNE starts from this many principal components, as in its paper: the rest is mostly noise,
# and distances in 4096 dimensions take their time.
COMPONENTS = 50

# Enough for a map: the components of features come out exact to three digits, and to two even
# where their spectrum hardly falls.
_ITERATIONS = 16

# With fewer vectors, there is nothing for t-SNE to weigh up.
LEAST_TSNE = 10

_PERPLEXITY = 30.0


def better_method() -> str | None:
    """Return the method that is better than PCA, None where scikit-learn isn't installed."""
    return TSNE if find_spec("sklearn") else None


def principal_components(vectors: np.ndarray, count: int) -> np.ndarray:
    """Return the first principal components of vectors (n, D), float32 (n, count), largest first.

    Few or equal vectors have fewer components; the others are 0. The sign of a component is
    arbitrary; its largest value is made positive, so that the same vectors get the same map.
    """
    # Subtracted in float64, and rounded at once: there is no copy in float64.
    centred = np.empty(vectors.shape, np.float32)
    np.subtract(vectors, vectors.mean(axis=0, dtype=np.float64), out=centred, casting="same_kind")
    directions = principal_directions(centred, min(count, *vectors.shape), _ITERATIONS)
    projected = centred @ directions.T
    # Where vectors don't differ, rounding errors would be spread over the map.
    noise = np.finfo(np.float32).eps * np.linalg.norm(vectors)
    projected[:, np.linalg.norm(projected, axis=0) <= noise] = 0
    largest = np.take_along_axis(projected, np.abs(projected).argmax(axis=0)[np.newaxis], axis=0)
    result = np.zeros((len(vectors), count), np.float32)
    result[:, : len(directions)] = projected * np.sign(largest)
    return result


def pca(vectors: np.ndarray) -> np.ndarray:
    """Return places by the first two principal components, float32 (n, 2), see spread."""
    return spread(principal_components(vectors, 2))


def leading_components(vectors: np.ndarray) -> np.ndarray:
    """Return what ``tsne`` needs of vectors (n, D): at most COMPONENTS of each, float32."""
    return principal_components(vectors, min(COMPONENTS, *vectors.shape))


def tsne(components: np.ndarray) -> np.ndarray:
    """Return places by t-SNE, float32 (n, 2), see spread.

    Needs scikit-learn, and the ``leading_components`` of at least LEAST_TSNE vectors. It keeps
    neighbours together, where PCA keeps the two directions in which all pictures differ most:
    L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", 2008.
    """
    from sklearn import manifold
    from threadpoolctl import threadpool_limits

    perplexity = min(_PERPLEXITY, (len(components) - 1) / 3)
    method = manifold.TSNE(init="pca", perplexity=perplexity, random_state=0)
    # One thread: the others are for people who wait for a page meanwhile, and OpenMP's threads
    # wait for each other by spinning.
    with threadpool_limits(1, user_api="openmp"):
        return spread(method.fit_transform(components))


def spread(places: np.ndarray) -> np.ndarray:
    """Return places (n, 2) as float32 in 0 to 1, along each axis half by value and half by rank.

    By value alone a few outliers would press all others together; by rank alone there would be
    no gaps between groups. Which of two pictures is further left or up never changes.
    """
    result = np.zeros_like(places, np.float32)
    for axis, values in enumerate(places.T):
        low, high = values.min(), values.max()
        if high > low:
            # Equal values get equal ranks.
            distinct, rank = np.unique(values, return_inverse=True)
            by_rank = rank / (len(distinct) - 1)
            result[:, axis] = ((values - low) / (high - low) + by_rank) / 2
        else:
            result[:, axis] = 0.5
    return result
