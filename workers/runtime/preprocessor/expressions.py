"""Derived columns, computed for records."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import numpy as np

from workers.contracts.expressions import expression
from workers.runtime.expressions import Cells, evaluate
from workers.runtime.preprocessor.columns import Array, Columns, RecordError, is_missing, texts
from workers.runtime.preprocessor.families import Served


def derive(columns: Columns, step: dict[str, Any]) -> None:
    types: dict[str, str] = step["types"]
    if any(name not in columns for name in types):
        return  # nobody needs what it makes
    count = len(next(iter(columns.values()))) if columns else 0
    cells = {name: _cells(name, columns[name], kind) for name, kind in types.items()}
    columns[step["name"]] = _column(evaluate(step["expression"], cells, count), step["type"])


def _read(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "expression": expression(step["expression"], step["types"])}


def _cells(name: str, values: Array, kind: str) -> Cells:
    missing = is_missing(values)
    if kind == "float64":
        return Cells(np.where(missing, 0.0, values), missing)
    if kind == "int64":
        wrong = ~missing & ~((np.floor(values) == values) & (np.abs(values) < 2.0**63))
        if wrong.any():  # the data had whole numbers only: an expression is not defined for others
            raise RecordError(int(np.argmax(wrong)), name, "is not a whole number")
        return Cells(np.where(missing, 0, values).astype(np.int64), missing)
    if kind == "bool":
        return Cells(np.equal(values, "true"), missing)
    return Cells.of([None if gone else value for value, gone in zip(values.tolist(), missing, strict=True)], kind)


def _column(cells: Cells, kind: str) -> Array:
    if kind in ("int64", "float64"):
        return np.where(cells.missing, np.nan, cells.values.astype(np.float64))
    values = cells.to_list()
    if kind == "bool":
        return texts([None if value is None else "true" if value else "false" for value in values])
    if kind in ("date", "timestamp"):
        return np.array([_moment(value) for value in values], dtype=f"datetime64[{'D' if kind == 'date' else 'us'}]")
    return texts(values)


def _moment(value: date | datetime | None) -> Any:
    return np.datetime64("NaT") if value is None else value


STEPS: Final[dict[str, Served]] = {"derive": derive}
READ: Final = {"derive": _read}
