"""Functions on Arrow arrays as expressions of a plan: a batch of a column at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import daft
import pyarrow as pa
from daft import DataType, Expression, Series, col

from workers.runtime.transforms.arrays import plain

DAFT_TYPES: Final[dict[str, DataType]] = {
    "int64": DataType.int64(),
    "float64": DataType.float64(),
    "string": DataType.string(),
    "bool": DataType.bool(),
    "date": DataType.date(),
    "timestamp": DataType.timestamp("us"),
}


def by_batch(function: Callable[[pa.Array], pa.Array], name: str, kind: str, made: str) -> Expression:
    """`function` of the column `name`, which is of the house type `kind`; it gives values of the type `made`.

    On Ray the function goes to the machines of the cluster, and what it holds with it.
    """

    @daft.func.batch(return_dtype=DAFT_TYPES[made], use_process=False)
    def of_batch(values: Series) -> pa.Array:
        return function(plain(values.to_arrow(), kind))

    expression: Expression = of_batch(col(name))
    return expression
