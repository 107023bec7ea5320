"""Scale, and classes of size, done to records."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from workers.runtime.preprocessor.columns import Array, Columns, present
from workers.runtime.preprocessor.families import Served


def standardise(columns: Columns, step: dict[str, Any]) -> None:
    for name, (mean, std) in present(columns, step["columns"]):
        columns[name] = (columns[name] - mean) / std


def scale(columns: Columns, step: dict[str, Any]) -> None:
    for name, found in present(columns, step["columns"]):
        if step["method"] == "log1p":
            columns[name] = _logarithms(columns[name])
        else:
            columns[name] = (columns[name] - found[0]) / found[1]


def _logarithms(values: Array) -> Array:
    """By the C library, as where data is cleaned: NumPy has its own, which may differ in the last digit."""
    amounts = np.array([math.log1p(value) if math.isfinite(value) else value for value in np.abs(values).tolist()])
    return np.where(values < 0, 0.0 - amounts, amounts)


def discretise(columns: Columns, step: dict[str, Any]) -> None:
    for name, edges in present(columns, step["columns"]):
        values = columns[name]
        places = np.searchsorted(np.array(edges, dtype=np.float64), values, side="right").astype(np.float64)
        columns[name] = np.where(np.isnan(values), np.nan, places)


STEPS: Final[dict[str, Served]] = {"standardise": standardise, "scale": scale, "discretise": discretise}
