"""Checked expressions over columns of records, where a model is served. NumPy and the standard library only.

A column is `Cells`: values, and which are missing; what stands where a value is missing does not matter. In NumPy whole
numbers are int64, numbers float64, true and false bool; text, dates and timestamps are objects (str, date, datetime).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from workers.contracts.expressions.typed import Typed
from workers.runtime.expressions.cells import Cells, known
from workers.runtime.expressions.logic import LOGIC
from workers.runtime.expressions.numbers import NUMBERS
from workers.runtime.expressions.texts import TEXTS

_OPERATIONS: Final[dict[str, Callable[..., Cells]]] = {**NUMBERS, **LOGIC, **TEXTS}


def evaluate(found: Typed, columns: Mapping[str, Cells], count: int) -> Cells:
    """The values of an expression for so many records. Of `columns` those of `found.columns` must be there."""
    if found.operation == "column":
        cells = columns[str(found.value)]
        return known(cells.values, cells.missing) if found.type == "float64" else cells
    if found.operation == "literal":
        return Cells.of([found.value] * count, found.type)
    arguments = [evaluate(each, columns, count) for each in found.arguments]
    with np.errstate(all="ignore"):
        return _OPERATIONS[found.operation](found, *arguments)


__all__ = ["Cells", "evaluate"]
