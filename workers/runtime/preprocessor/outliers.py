"""What becomes of outliers, done to records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from workers.contracts.recipes.kinds.outliers import FLAG
from workers.runtime.isolation import Forest
from workers.runtime.preprocessor.columns import Columns, present
from workers.runtime.preprocessor.families import Served


def outliers(columns: Columns, step: dict[str, Any]) -> None:
    """Of a document without `replace` outliers become the third of the numbers."""
    action = step.get("replace", "median")
    if "forest" in step:
        _rows(columns, step, action)
        return
    if "flag" in step and action == "flag":  # no column had a value that a forest could be grown on
        columns[step["flag"]] = np.zeros(len(next(iter(columns.values()), ())))
    for name in step.get("flags", ()):
        if name in columns:
            low, high, _ = step["columns"].get(name, (-np.inf, np.inf, 0.0))
            columns[name + FLAG] = ((columns[name] < low) | (columns[name] > high)).astype(np.float64)
    for name, (low, high, replacement) in present(columns, step["columns"]):
        values = columns[name]
        if action == "winsorise":
            columns[name] = np.where(values < low, low, np.where(values > high, high, values))
        elif action != "flag":
            instead = np.nan if action == "null" else replacement
            columns[name] = np.where((values < low) | (values > high), instead, values)


def _rows(columns: Columns, step: dict[str, Any], action: str) -> None:
    names: list[str] = list(step["fill"])
    if any(name not in columns for name in names):
        return  # nobody needs what it makes
    rows = np.stack([columns[name] for name in names], axis=1)
    rows = np.where(np.isfinite(rows), rows, np.array(list(step["fill"].values())))
    odd = step["forest"].scores(rows) > step["limit"]
    if action == "flag":
        columns[step["flag"]] = odd.astype(np.float64)
        return
    for name in names:
        columns[name] = np.where(odd, np.nan if action == "null" else step["values"][name], columns[name])


def _read(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "forest": Forest.from_json(step["forest"])} if "forest" in step else step


STEPS: Final[dict[str, Served]] = {"outliers": outliers}
READ: Final = {"outliers": _read}
