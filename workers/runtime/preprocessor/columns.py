"""Records as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Record = Mapping[str, Any]
Array = npt.NDArray[Any]
Columns = dict[str, Array]
"""Numbers as float64 with NaN for a missing value; text, and true and false as text, as objects: str, or None; dates
and times as datetime64 (days, microseconds), NaT for a missing one."""


class RecordError(ValueError):
    """A record cannot be transformed. `index` is its place in the list, from 0; `field` may be empty."""

    def __init__(self, index: int, field: str, detail: str) -> None:
        super().__init__(f"record {index}: {field + ' ' if field else ''}{detail}")
        self.index = index
        self.field = field
        self.detail = detail


def present(columns: Columns, fitted: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What was fitted for columns that are there."""
    return [(name, value) for name, value in fitted.items() if name in columns]


def texts(values: list[str | None]) -> Array:
    """A column of text."""
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def is_missing(values: Array) -> npt.NDArray[np.bool_]:
    if values.dtype == object:
        flags: npt.NDArray[np.bool_] = np.equal(values, np.array(None))
        return flags.astype(np.bool_)
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
