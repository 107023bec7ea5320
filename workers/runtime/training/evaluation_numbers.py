"""Measures of a model that predicts a number, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SHOWN = 500
"""Rows that a chart shows, evenly over all."""
BINS = 30
Floats = npt.NDArray[np.float64]


def evaluate_numbers(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> dict[str, Any]:
    """What the registry keeps of the evaluation on held-out rows: `{"rows", "regression": {…}}`.

    `r2` is 1 − squared errors ÷ squared distances from the mean: 0 for a model that always says the mean. None where
    all actual values are equal. A residual is actual − predicted.

    Raises:
        ValueError: the lists differ in length or are empty, or a number is not finite.
    """
    truth, values = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != values.shape or not len(truth):
        raise ValueError(f"actual and predicted are two lists of one length, not {truth.shape} and {values.shape}")
    if not np.isfinite(truth).all() or not np.isfinite(values).all():
        raise ValueError("some numbers are not finite")
    residuals = truth - values
    spread = float(((truth - truth.mean()) ** 2).sum())
    counts, edges = np.histogram(residuals, bins=BINS)
    kept = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), SHOWN)).round().astype(np.int64))
    found = {
        "r2": 1 - float((residuals**2).sum()) / spread if spread else None,
        "mae": float(np.abs(residuals).mean()),
        "rmse": float(np.sqrt((residuals**2).mean())),
        "mean_error": float(residuals.mean()),
        "residuals": {"edges": _rounded(edges), "counts": [int(count) for count in counts]},
        "actual": _rounded(truth[kept]),
        "predicted": _rounded(values[kept]),
    }
    return {"rows": len(truth), "regression": found}


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.9g}") for value in values]
