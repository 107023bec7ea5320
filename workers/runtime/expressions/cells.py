"""Values of a column of records, and which of them are missing."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
_DTYPES: Final[dict[str, Any]] = {"int64": np.int64, "float64": np.float64, "bool": np.bool_}


@dataclass(frozen=True, slots=True)
class Cells:
    """The values of one column."""

    values: Array
    missing: Flags

    @classmethod
    def of(cls, values: list[Any], kind: str) -> Cells:
        """From Python values, None for a missing one."""
        missing = np.array([value is None for value in values], dtype=np.bool_)
        filled = np.empty(len(values), dtype=_DTYPES.get(kind, object))
        filled[:] = [_FILLERS.get(kind, 0) if value is None else value for value in values]
        return cls(filled, missing)

    def to_list(self) -> list[Any]:
        """Python values, None for a missing one."""
        values = self.values.tolist()
        return [None if gone else value for value, gone in zip(values, self.missing.tolist(), strict=True)]


_FILLERS: Final[dict[str, Any]] = {"string": "", "date": date.min, "timestamp": datetime.min}
"""What stands where a value is missing."""


def known(values: Array, missing: Flags) -> Cells:
    """NaN is a missing value; there is one zero."""
    return Cells(values + 0.0, missing | np.isnan(values))


def finite(values: Array, missing: Flags) -> Cells:
    return Cells(values + 0.0, missing | ~np.isfinite(values))


def any_missing(*cells: Cells) -> Flags:
    flags: Flags = functools.reduce(operator.or_, (each.missing for each in cells))
    return flags
