"""Steps on numbers, and filling gaps, done to records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from workers.runtime.preprocessor.columns import Columns, present
from workers.runtime.preprocessor.families import Served


def outliers(columns: Columns, step: dict[str, Any]) -> None:
    for name, (low, high, replacement) in present(columns, step["columns"]):
        values = columns[name]
        columns[name] = np.where((values < low) | (values > high), replacement, values)


def impute(columns: Columns, step: dict[str, Any]) -> None:
    for name, number in present(columns, step["numbers"]):
        columns[name] = np.where(np.isnan(columns[name]), number, columns[name])
    for name, text in present(columns, step["categories"]):
        texts = columns[name].copy()
        texts[np.equal(texts, np.array(None))] = text
        columns[name] = texts


def standardise(columns: Columns, step: dict[str, Any]) -> None:
    for name, (mean, std) in present(columns, step["columns"]):
        columns[name] = (columns[name] - mean) / std


STEPS: Final[dict[str, Served]] = {"outliers": outliers, "impute": impute, "standardise": standardise}
