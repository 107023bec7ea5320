"""Columns of numbers that hypothesis makes, and statistics of them, said plainly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st

from workers.runtime.cleaning.rounding import significant

FEW = settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
Value = float | None
_SHAPES = (
    st.lists(st.none() | st.integers(-5, 5).map(float), max_size=12),
    st.lists(st.none() | st.floats(-1e6, 1e6), max_size=12),
    st.lists(st.sampled_from([1.0, 2.0, 3.0, 1000.0, None, -0.0]), min_size=1, max_size=12),
    st.lists(st.none(), max_size=4),  # all missing, or none at all
    st.lists(st.just(7.5), max_size=4),  # constant
)
columns = st.one_of(*_SHAPES)


@st.composite
def tables(draw: st.DrawFn, split: bool | None = None) -> dict[str, tuple[str, list[Any]]]:
    """Columns `x` (float64) and `n` (int64), and `__split` for some."""
    x = draw(columns)
    n = draw(st.lists(st.none() | st.integers(-3, 3) | st.sampled_from([10**6]), min_size=len(x), max_size=len(x)))
    data: dict[str, tuple[str, list[Any]]] = {"x": ("float64", x), "n": ("int64", n)}
    if draw(st.booleans()) if split is None else split:
        data["__split"] = (
            "string",
            draw(st.lists(st.sampled_from(["train", "test"]), min_size=len(x), max_size=len(x))),
        )
    return data


def training(data: dict[str, tuple[str, Sequence[Any]]], name: str) -> list[float]:
    """The known values of the training rows, of all rows where there is no split."""
    values = data[name][1]
    sides = data["__split"][1] if "__split" in data else ["train"] * len(values)
    return [float(value) for value, side in zip(values, sides, strict=True) if value is not None and side == "train"]


def quantile(values: Iterable[float], level: float) -> float:
    return float(np.quantile(list(values), level))


def mean(values: Sequence[float]) -> float:
    return significant(math.fsum(values) / len(values))


def deviation(values: Sequence[float]) -> float:
    """Of the population, in two passes."""
    middle = math.fsum(values) / len(values)
    return significant(math.sqrt(math.fsum((value - middle) ** 2 for value in values) / len(values)))


def floats(values: Sequence[Any]) -> list[Value]:
    return [None if value is None else float(value) for value in values]


def close(found: Sequence[Value], expected: Sequence[Value]) -> bool:
    """Equal to within what is lost where sums are ordered otherwise."""
    return len(found) == len(expected) and all(
        one is other is None
        or (one is not None and other is not None and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9))
        for one, other in zip(found, expected, strict=True)
    )
