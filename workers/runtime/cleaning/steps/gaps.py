"""What fills gaps, in NumPy and Arrow: medians of groups, the value before, the most frequent one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.cleaning.reading import Flags, Floats

Places = npt.NDArray[np.int64]


def group_medians(codes: Places, values: Floats) -> tuple[Places, Floats]:
    """The groups that have a value, ascending, and the median of each; of values that are not NaN."""
    order = np.lexsort((values, codes))
    codes, values = codes[order], values[order]
    groups, starts, counts = np.unique(codes, return_index=True, return_counts=True)
    if not len(groups):
        return groups, np.zeros(0)
    lower, upper = values[starts + (counts - 1) // 2], values[starts + counts // 2]
    with np.errstate(over="ignore"):
        middle = (lower + upper) / 2
    return groups, np.where(lower == upper, lower, np.where(np.isfinite(middle), middle, lower / 2 + upper / 2))


def carried(missing: Flags) -> Places:
    """Per place the last one at or before it whose value is not missing; -1 where there is none."""
    places = np.where(missing, -1, np.arange(len(missing)))
    found: Places = np.maximum.accumulate(places)
    return found


def most_frequent(values: pa.ChunkedArray) -> Any:
    """The value that occurs most often, of several the smallest; None when there is none."""
    counted = pc.value_counts(values)
    counted = counted.filter(pc.is_valid(counted.field("values")))
    if not len(counted):
        return None
    found, counts = counted.field("values"), counted.field("counts")
    top = found.filter(pc.equal(counts, pc.max(counts)))
    return pc.min(top).as_py()


def most_frequent_number(values: Floats) -> float:
    """The same of numbers, at least one, none NaN."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)])
