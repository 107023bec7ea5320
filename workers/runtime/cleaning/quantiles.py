"""Exact quantiles of whole columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def quantiles(values: Floats, levels: Sequence[float], *, is_sorted: bool = False) -> list[float]:
    """What `numpy.quantile` gives, linear between neighbours, several times faster: NumPy sorts by whole registers.

    Args:
        values: at least one, none of them NaN; they stay as they are.
        levels: from 0 to 1.
        is_sorted: they ascend already.
    """
    ordered = values if is_sorted else np.sort(values)
    last = len(ordered) - 1
    places = [level * last for level in levels]
    return [
        _between(float(ordered[int(place)]), float(ordered[min(int(place) + 1, last)]), place - int(place))
        for place in places
    ]


def _between(low: float, high: float, share: float) -> float:
    """As NumPy does it, so that both ends are met exactly."""
    distance = high - low
    return high - distance * (1 - share) if share >= 0.5 else low + distance * share
