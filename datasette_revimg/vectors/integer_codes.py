"""Codes of small integers, whose products bound the cosines of many vectors with many others.

A basis B has orthonormal rows, w directions. With the numbers Bx / s rounded to integers q, a
vector x is the sum of s·Bᵀq, of Bᵀe, which the rounding has taken, and of a rest that B leaves. So
for two vectors x and y with the integers q and p, because of Cauchy and Schwarz,

    x·y ≤ s²·q·p + ‖s·q‖·‖e_y‖ + ‖e_x‖·‖s·p‖ + ρ_x·ρ_y    where ρ² = ‖e‖² + ‖rest‖²

The last product is one of the integers too: each code ends with m numbers ρ / (s·√m), rounded up.

B are principal directions that are turned at random among themselves. Those differ in strength,
and with one s for all, rounding takes least where all numbers are of about the same size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .codes import EPSILON, encode
from .directions import principal_directions

# Numbers of a code that are tried, and the directions that are fitted at most.
_WIDTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024)

# One is enough: directions that are a little off cost a little time.
_ITERATIONS = 1

# Of the sample, each such row judges the directions, and this many of these are compared with the
# others. To the rows that the directions are fitted to, they look better than they are.
_HELD_OUT = 4
_COMPARED = 256

# The cost of a pair whose bound leaves it open, in multiplications of integers: two vectors are
# read, and multiplied in float64.
_OPEN_COST = 1_500_000

# What the second and the third term of the bound are about, when codes are chosen.
_ROUNDED = 0.04

# A residual is at most 1, and what float32 makes of it.
_LONGEST_REST = 1.01


@dataclass(frozen=True)
class IntegerCodes:
    """Codes of n vectors.

    ``numbers`` are int8 (n, k), from -largest to largest. ``lengths`` ‖s·q‖ and ``errors`` ‖e‖ are
    float32 (n,).
    """

    numbers: np.ndarray
    lengths: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True)
class IntegerBasis:
    """A basis B float32 (w, D), the step s, the largest integer, and m, the numbers of the rest."""

    basis: np.ndarray
    step: float
    largest: int
    repeats: int

    @property
    def size(self) -> int:
        """The numbers of a code."""
        return len(self.basis) + self.repeats

    def encode(self, vectors: np.ndarray) -> IntegerCodes:
        """Return the codes of unit vectors float32 (n, D)."""
        coded = encode(self.basis, vectors)
        rounded = np.clip(np.rint(coded.codes / self.step), -self.largest, self.largest)
        kept = rounded * np.float32(self.step)
        taken = coded.codes - kept
        squares = np.vecdot(taken, taken)
        rest = np.sqrt(squares + coded.residuals**2) / (self.step * math.sqrt(self.repeats))
        numbers = np.empty((len(vectors), self.size), np.int8)
        numbers[:, : len(self.basis)] = rounded
        numbers[:, len(self.basis) :] = np.ceil(rest)[:, np.newaxis]
        return IntegerCodes(numbers, np.sqrt(np.vecdot(kept, kept)), np.sqrt(squares))

    def least_product(self, minimum: float, left: IntegerCodes, right: IntegerCodes) -> np.ndarray:
        """Return the least product with which a pair may reach a cosine, int64 (n,).

        They are for pairs of each left one with any of the right ones: a pair with a smaller
        product is surely below ``minimum``.
        """
        longest, worst = (
            float(numbers.max(initial=0)) for numbers in (right.lengths, right.errors)
        )
        slack = left.lengths.astype(np.float64) * worst + left.errors.astype(np.float64) * longest
        return np.ceil((minimum - EPSILON - slack) / self.step**2).astype(np.int64)


def fit(sample: np.ndarray, minimum: float, largest: int) -> IntegerBasis:
    """Return the basis with which pairs of vectors that score ``minimum`` are cheapest to find.

    ``sample``, float32 (n, D), are some of the unit vectors, and ``largest`` the largest integer.
    """
    judges = sample[::_HELD_OUT]
    fitted = np.delete(sample, np.s_[::_HELD_OUT], axis=0)
    if not len(fitted):
        fitted = judges = sample
    widest = min(sample.shape[1], _WIDTHS[-1])
    directions = principal_directions(fitted, widest, _ITERATIONS)
    directions = directions[: _width(judges, directions, minimum)]
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(len(directions),) * 2))
    basis = np.ascontiguousarray(turn.astype(np.float32) @ directions)
    loudest = float(np.abs(sample @ basis.T).max(initial=0)) or 1.0
    repeats = math.ceil((_LONGEST_REST / loudest) ** 2)
    return IntegerBasis(basis, loudest / largest, largest, repeats)


def _width(judges: np.ndarray, directions: np.ndarray, minimum: float) -> int:
    """Return how many of the directions (n, D) make it cheapest to compare the judges."""
    compared = min(_COMPARED, len(judges) // 2)
    if not compared:
        return len(directions)

    def cost(width: int) -> float:
        coded = encode(directions[:width], judges)
        bounds = coded.codes[:compared] @ coded.codes[compared:].T + _ROUNDED
        bounds += np.outer(coded.residuals[:compared], coded.residuals[compared:])
        return width + _OPEN_COST * float(np.mean(bounds >= minimum))

    widths = (*(width for width in _WIDTHS if width < len(directions)), len(directions))
    return min(widths, key=cost)
