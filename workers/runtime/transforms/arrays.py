"""House types as Arrow has them."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

ARROW_TYPES: Final = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.large_string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def plain(array: pa.Array | pa.ChunkedArray, kind: str) -> pa.Array:
    """One array of the Arrow type that a house type has here; NaN is null."""
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    whole = whole if whole.type == ARROW_TYPES[kind] else pc.cast(whole, ARROW_TYPES[kind])
    if kind != "float64":
        return whole
    nan = pc.is_nan(whole)
    return pc.if_else(nan, pa.scalar(None, pa.float64()), whole) if pc.any(nan).as_py() else whole


def texts_of(array: pa.Array, kind: str) -> pa.Array:
    """Values as text: `true` and `false`, ISO 8601, whole numbers without a point."""
    if kind == "string":
        return array
    if kind == "bool":
        return pc.if_else(array, pa.scalar("true", pa.large_string()), pa.scalar("false", pa.large_string()))
    text = pc.cast(array, pa.large_string())
    return pc.replace_substring_regex(text, r"\.?0+$", "") if kind == "timestamp" else text


def joined(*parts: pa.Array | str, between: str = "") -> pa.Array:
    """Texts one after another, row by row; null where one of them is."""
    text = pa.large_string()
    spelled = [pa.scalar(part, text) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*spelled, pa.scalar(between, text))
