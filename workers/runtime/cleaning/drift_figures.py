"""Figures that say how far two distributions are apart. Pure: counts or values in, numbers out; stdlib and NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SMOOTHING = 0.5
"""Added to the count of every bin before shares are taken, so that a bin that is empty on one side is no infinity."""
_TINY = 1e-300
_TERMS = 10_000


def psi(reference: Sequence[int], current: Sequence[int]) -> float | None:
    """Population stability index over the same bins: Σ (c - r) · ln(c / r) of the smoothed shares.

    Bins that are empty on both sides do not count. None when a side has nothing in any bin.
    """
    pairs = [(before, after) for before, after in zip(reference, current, strict=True) if before or after]
    total = (sum(reference), sum(current))
    if not all(total):
        return None
    whole = [side + SMOOTHING * len(pairs) for side in total]
    shares = [((before + SMOOTHING) / whole[0], (after + SMOOTHING) / whole[1]) for before, after in pairs]
    return math.fsum((now - was) * math.log(now / was) for was, now in shares)


def jensen_shannon(reference: Sequence[int], current: Sequence[int]) -> float | None:
    """Distance of Jensen and Shannon to base 2, from 0 (equal) to 1 (nothing in common). None as for `psi`."""
    total = (sum(reference), sum(current))
    if not all(total):
        return None
    divergence = 0.0
    for before, after in zip(reference, current, strict=True):
        shares = (before / total[0], after / total[1])
        middle = sum(shares) / 2
        divergence += sum(share * math.log2(share / middle) for share in shares if share > 0) / 2
    return math.sqrt(max(0.0, divergence))


def chi_square(reference: Sequence[int], current: Sequence[int]) -> tuple[float, int, float] | None:
    """Pearson's test that both sides come from one distribution: statistic, degrees of freedom, p-value.

    Without correction for continuity. None as for `psi`; one category alone is no difference: `(0, 0, 1)`.
    """
    total = (sum(reference), sum(current))
    if not all(total):
        return None
    every = sum(total)
    statistic, categories = 0.0, 0
    for counts in zip(reference, current, strict=True):
        if not any(counts):
            continue
        categories += 1
        expected = [sum(counts) * side / every for side in total]
        statistic += sum((seen - wanted) ** 2 / wanted for seen, wanted in zip(counts, expected, strict=True))
    degrees = categories - 1
    return (statistic, degrees, chi_square_tail(statistic, degrees)) if degrees else (0.0, 0, 1.0)


def kolmogorov_smirnov(reference: Floats, current: Floats) -> tuple[float, float] | None:
    """Greatest distance of the two empirical distributions, and its p-value by Kolmogorov's limit.

    Both sorted. The limit is good from some dozens of values on; with ties the p-value is too large, never too small.
    None when a side is empty.
    """
    if not len(reference) or not len(current):
        return None
    seen = np.concatenate([reference, current])
    below = [np.searchsorted(side, seen, side="right") / len(side) for side in (reference, current)]
    distance = float(np.abs(below[0] - below[1]).max())
    size = len(reference) * len(current) / (len(reference) + len(current))
    return distance, kolmogorov_tail(math.sqrt(size) * distance)


def kolmogorov_tail(value: float) -> float:
    """P(K > value) for Kolmogorov's distribution."""
    if value < 0.2:  # the series below converges slowly there; it is 1 to 1e-12
        return 1.0
    terms = (2 * (-1) ** (number - 1) * math.exp(-2 * (number * value) ** 2) for number in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))


def chi_square_tail(statistic: float, degrees: int) -> float:
    """P(X > statistic) for the chi-square distribution: the upper regularised incomplete gamma function."""
    shape, value = degrees / 2, statistic / 2
    if value <= 0:
        return 1.0
    front = math.exp(shape * math.log(value) - value - math.lgamma(shape))
    if value < shape + 1:
        return min(1.0, max(0.0, 1.0 - front * _series(shape, value)))
    return min(1.0, front * _fraction(shape, value))


def _series(shape: float, value: float) -> float:
    term = total = 1 / shape
    for number in range(1, _TERMS):
        term *= value / (shape + number)
        total += term
        if term < total * 1e-16:
            break
    return total


def _fraction(shape: float, value: float) -> float:
    """Continued fraction, by Lentz's way of evaluating one from the front."""
    bottom = value + 1 - shape
    upper, lower = 1 / _TINY, 1 / bottom
    found = lower
    for number in range(1, _TERMS):
        factor = -number * (number - shape)
        bottom += 2
        lower = 1 / _not_zero(factor * lower + bottom)
        upper = _not_zero(bottom + factor / upper)
        change = upper * lower
        found *= change
        if abs(change - 1) < 1e-15:
            break
    return found


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
