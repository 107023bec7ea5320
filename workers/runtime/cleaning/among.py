"""Rows chosen by their ordinals, as a condition on a plan: cheap at every pass, and rows stay in their order.

A join would do the same on one machine; on many it moves all rows to put them side by side.
"""

from __future__ import annotations

import daft
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from daft import DataType, Expression, Series, col

from workers.runtime.cleaning.schema import ORDINAL

Ordinals = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def among(ordinals: Ordinals) -> Expression:
    """Whether the row's ordinal is one of these, which are sorted. They are kept in memory as long as the plan.

    It is a function of ours: see `projections.py` for what it may stand beside, and `filtered` for a condition.
    """

    @daft.func.batch(return_dtype=DataType.bool(), use_process=False)
    def is_among(values: Series) -> pa.Array:
        return pa.array(flags_of(values.to_arrow().to_numpy(zero_copy_only=False), ordinals))

    condition: Expression = is_among(col(ORDINAL))
    return condition


def flags_of(values: Ordinals, ordinals: Ordinals) -> Flags:
    """Per value whether it is one of the ordinals, which are looked up in the values where those ascend."""
    flags: Flags = np.zeros(len(values), dtype=np.bool_)
    if not len(values):
        return flags
    if (np.diff(values) <= 0).any():
        return np.isin(values, ordinals)
    start, end = np.searchsorted(ordinals, [values[0], values[-1] + 1])
    wanted = ordinals[start:end]
    places = np.searchsorted(values, wanted)
    flags[places[values[places] == wanted]] = True
    return flags
