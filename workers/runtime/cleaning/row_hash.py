"""Hashes of a row's content, as Daft expressions, for what is decided by content: duplicates and the split.

XXH3 (64 bits) over the values in the order of the columns, in two lanes, so that 128 bits tell rows apart.
Numbers are hashed as IEEE 754 doubles, -0.0 as 0.0, so that a column of whole numbers hashes alike whether it was
read as integers or as floats; an integer that no double holds is hashed as it is. A missing value is unlike any.
Ordinals have no part in it: the hash depends on content only, on every machine and at every run.
"""

from __future__ import annotations

from collections.abc import Sequence

from daft import DataType, Expression, col, lit
from daft.functions import abs as absolute
from daft.functions import hash as xxh3
from daft.functions import when

from workers.runtime.cleaning.schema import Column

LANES = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
"""Seeds of the two lanes, and what stands for a missing value in each."""


def row_hash(columns: Sequence[Column], lane: int) -> Expression:
    """One lane of the hash of the row: an unsigned 64-bit number."""
    return xxh3(*(_cell(column, lane) for column in columns), seed=_number(LANES[lane]))


def split_key(columns: Sequence[Column], seed: int) -> Expression:
    """What orders rows for a split: pseudo-random in `seed`, decided by content."""
    return xxh3(row_hash(columns, 0), row_hash(columns, 1), seed=_number(seed))


def _cell(column: Column, lane: int) -> Expression:
    value, seed = col(column.name), _number(LANES[lane])
    missing = when(value.is_null(), seed)
    if column.type == "int64":
        number = value.cast(DataType.float64())
        exact = (number.cast(DataType.int64()) == value).fill_null(False)  # beyond 64 bits the cast is missing
        return missing.when(exact, xxh3(number, seed=seed)).otherwise(xxh3(value, seed=seed))
    if column.type == "float64":
        # To Daft -0.0 is not equal to 0.0, and `+ 0.0` is optimised away.
        value = when(absolute(value) == lit(0.0), lit(0.0)).otherwise(value)
    elif column.type == "bool":
        value = when(value, "true").when(~value, "false")  # as it was hashed when steps knew truths as text only
    elif column.type != "string":
        value = value.cast(DataType.int64())
    return missing.otherwise(xxh3(value, seed=seed))


def _number(value: int) -> Expression:
    return lit(value).cast(DataType.uint64())
