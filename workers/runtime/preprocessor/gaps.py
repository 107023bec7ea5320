"""Filling gaps, done to records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from workers.contracts.recipes.kinds.impute import INDICATOR
from workers.runtime.neighbours import Neighbours
from workers.runtime.preprocessor.columns import Columns, is_missing, present
from workers.runtime.preprocessor.families import Served


def impute(columns: Columns, step: dict[str, Any]) -> None:
    for name in step.get("indicators", ()):
        if name in columns:
            columns[name + INDICATOR] = is_missing(columns[name]).astype(np.float64)
    if "neighbours" in step:
        _from_neighbours(columns, *step["neighbours"])
    if "groups" in step:
        _by_group(columns, step["groups"])
    for name, number in present(columns, step["numbers"]):
        columns[name] = np.where(np.isnan(columns[name]), number, columns[name])
    for name, text in present(columns, step["categories"]):
        texts = columns[name].copy()
        texts[is_missing(texts)] = text
        columns[name] = texts


def _by_group(columns: Columns, groups: dict[str, Any]) -> None:
    """What has a group with a median; the median of all is for the rest."""
    if groups["by"] not in columns:
        return
    of_rows = columns[groups["by"]].tolist()
    for name, medians in present(columns, groups["numbers"]):
        found = np.array([medians.get(group, np.nan) for group in of_rows], dtype=np.float64)
        columns[name] = np.where(np.isnan(columns[name]), found, columns[name])


def _from_neighbours(columns: Columns, names: list[str], nearby: Neighbours) -> None:
    if any(name not in columns for name in names):
        return  # nobody needs what it makes
    filled = nearby.filled(np.stack([columns[name] for name in names], axis=1))
    columns.update({name: filled[:, place] for place, name in enumerate(names)})


def _read(step: dict[str, Any]) -> dict[str, Any]:
    found = step.get("neighbours")
    return step if found is None else {**step, "neighbours": (found["names"], Neighbours.from_json(found))}


STEPS: Final[dict[str, Served]] = {"impute": impute}
READ: Final = {"impute": _read}
