"""Functions on Arrow arrays as expressions of a plan: a batch of a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import daft
import pyarrow as pa
from daft import DataType, Expression, Series, col

from workers.runtime.transforms.arrays import ARROW_TYPES, plain

DAFT_TYPES: Final[dict[str, DataType]] = {
    "int64": DataType.int64(),
    "float64": DataType.float64(),
    "string": DataType.string(),
    "bool": DataType.bool(),
    "date": DataType.date(),
    "timestamp": DataType.timestamp("us"),
}


Function = Callable[[pa.Array], pa.Array]


class ByBatch(Expression):
    """A function of one column, as an expression that may be computed together with others."""

    def __init__(self, whole: Expression, function: Function, name: str, kind: str, made: str) -> None:
        self._expr = whole._expr
        self.function, self.name_read, self.kind, self.made = function, name, kind, made


def by_batch(function: Function, name: str, kind: str, made: str) -> ByBatch:
    """`function` of the column `name`, which is of the house type `kind`; it gives values of the type `made`.

    On Ray the function goes to the machines of the cluster, and what it holds with it.
    """

    @daft.func.batch(return_dtype=DAFT_TYPES[made], use_process=False)
    def of_batch(values: Series) -> pa.Array:
        return function(plain(values.to_arrow(), kind))

    return ByBatch(of_batch(col(name)), function, name, kind, made)


def together(parts: Sequence[ByBatch]) -> Expression:
    """Several as one expression: a struct with their values, named by their places.

    Daft runs every function as an operator of its own, and hands all columns on from one to the next.
    """
    shape = DataType.struct({str(place): DAFT_TYPES[part.made] for place, part in enumerate(parts)})
    wanted = [(part.function, part.kind, ARROW_TYPES[part.made]) for part in parts]  # not they: Daft packs them bare

    @daft.func.batch(return_dtype=shape, use_process=False)
    def of_batches(*columns: Series) -> pa.Array:
        made = [
            function(plain(column.to_arrow(), kind)).cast(arrow)
            for (function, kind, arrow), column in zip(wanted, columns, strict=True)
        ]
        return pa.StructArray.from_arrays(made, names=[str(place) for place in range(len(wanted))])

    expression: Expression = of_batches(*(col(part.name_read) for part in parts))
    return expression
