"""Markers, names and one-hot, done to records."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np

from workers.runtime.number_text import NUMBER
from workers.runtime.preprocessor.columns import Columns, RecordError, present, texts
from workers.runtime.preprocessor.families import Served

_NUMBER: Final = re.compile(NUMBER)


def missing_values(columns: Columns, step: dict[str, Any]) -> None:
    """What came as a number was looked at where the record was read."""
    markers = {marker.strip() for marker in step["markers"]}
    turning = set(step["numbers"])
    for name in step["columns"]:
        if name not in columns or columns[name].dtype != object:
            continue
        values = [None if value is None or value.strip() in markers else value for value in columns[name].tolist()]
        columns[name] = _numbers(name, values) if name in turning else texts(values)
    for name in step["sentinels"] and step["sentinel_columns"]:
        if name in columns:
            columns[name] = np.where(np.isin(columns[name], step["sentinels"]), np.nan, columns[name])


def _numbers(name: str, values: list[str | None]) -> Any:
    for index, value in enumerate(values):
        if value is not None and not _NUMBER.fullmatch(value.strip()):
            raise RecordError(index, name, f"is {value!r}, not a number")
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def rename_columns(columns: Columns, step: dict[str, Any]) -> None:
    moved = {new: columns.pop(old) for old, new in step["columns"].items() if old in columns}
    columns.update(moved)


def one_hot(columns: Columns, step: dict[str, Any]) -> None:
    for name, categories in present(columns, step["columns"]):
        values = columns.pop(name)
        for category in categories:
            columns[f"{name}={category}"] = np.equal(values, category).astype(np.float64)


STEPS: Final[dict[str, Served]] = {
    "missing_values": missing_values,
    "rename_columns": rename_columns,
    "one_hot": one_hot,
}
