"""Values given to rows by their ordinals, as an expression on a plan: rows stay in their order, nothing is joined."""

from __future__ import annotations

import daft
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from daft import Expression, Series, col

from workers.runtime.cleaning.among import Ordinals
from workers.runtime.cleaning.batches import DAFT_TYPES
from workers.runtime.cleaning.schema import ORDINAL


def placed(name: str, kind: str, ordinals: Ordinals, values: pa.Array) -> Expression:
    """The column, of that house type, with other values in the rows of these ordinals, which are sorted.

    Ordinals and values are kept in memory as long as the plan.
    """

    @daft.func.batch(return_dtype=DAFT_TYPES[kind])
    def with_values(rows: Series, column: Series) -> pa.Array:
        return chosen(rows.to_arrow().to_numpy(zero_copy_only=False), column.to_arrow(), ordinals, values)

    made: Expression = with_values(col(ORDINAL), col(name).cast(DAFT_TYPES[kind]))
    return made


def chosen(rows: Ordinals, column: pa.Array, ordinals: Ordinals, values: pa.Array) -> pa.Array:
    """Of each row the value for its ordinal where there is one, else the column's."""
    if not len(ordinals):
        return column
    places = np.minimum(np.searchsorted(ordinals, rows), len(ordinals) - 1)
    found = ordinals[places] == rows
    return pc.if_else(pa.array(found), values.take(pa.array(places)).cast(column.type), column)
