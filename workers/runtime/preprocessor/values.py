"""Steps on text, dates and types, done to records by the functions that cleaned the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workers.contracts.recipes.kinds.dates import part_name
from workers.runtime.preprocessor.columns import Array, Columns, texts
from workers.runtime.preprocessor.families import Served
from workers.runtime.transforms import casts, dates, masks, quantities, text
from workers.runtime.transforms.arrays import ARROW_TYPES, texts_of


def to_arrow(values: Array, kind: str) -> pa.Array:
    """A column of records as the house type that it has where data is cleaned."""
    if kind == "bool":
        return pa.array([None if value is None else value == "true" for value in values.tolist()], pa.bool_())
    if kind in ("date", "timestamp"):
        return pa.array(values, ARROW_TYPES[kind])  # NaT is null
    if kind == "string":
        return pa.array(values.tolist(), ARROW_TYPES[kind])
    missing = np.isnan(values)
    if kind == "float64":
        return pa.array(values, ARROW_TYPES[kind], mask=missing)
    return pa.array(np.where(missing, 0, values).astype(np.int64), ARROW_TYPES[kind], mask=missing)


def from_arrow(array: pa.Array) -> Array:
    """An array as a column of records."""
    if pa.types.is_boolean(array.type):
        return texts(texts_of(array, "bool").to_pylist())
    if pa.types.is_large_string(array.type):
        return texts(array.to_pylist())
    if pa.types.is_date32(array.type):
        return _with_nat(array, pa.int32(), "D")
    if pa.types.is_timestamp(array.type):
        return _with_nat(array, pa.int64(), "us")
    numbers = pc.cast(array, pa.float64(), safe=False)
    made: Array = np.array(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)
    return made


def _with_nat(array: pa.Array, kind: pa.DataType, unit: str) -> Array:
    numbers = array.cast(kind).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    made: Array = numbers.astype(f"datetime64[{unit}]")
    made[array.is_null().to_numpy(zero_copy_only=False)] = np.datetime64("NaT")
    return made


def _typed(function: Callable[[pa.Array, str, dict[str, Any]], pa.Array]) -> Served:
    """A step whose `columns` are an object from column to house type."""

    def done(columns: Columns, step: dict[str, Any]) -> None:
        for name, kind in step["columns"].items():
            if name in columns:
                columns[name] = from_arrow(function(to_arrow(columns[name], kind), kind, step))

    return done


def _of_text(function: Callable[[pa.Array, dict[str, Any]], pa.Array]) -> Served:
    """A step whose `columns` are a list of columns of text."""

    def done(columns: Columns, step: dict[str, Any]) -> None:
        for name in step["columns"]:
            if name in columns:
                columns[name] = from_arrow(function(to_arrow(columns[name], "string"), step))

    return done


def _of_one(function: Callable[[pa.Array, str, dict[str, Any]], pa.Array]) -> Served:
    """A step on one `column` of a `type`."""

    def done(columns: Columns, step: dict[str, Any]) -> None:
        name, kind = step["column"], step["type"]
        if name in columns:
            columns[name] = from_arrow(function(to_arrow(columns[name], kind), kind, step))

    return done


def date_parts(columns: Columns, step: dict[str, Any]) -> None:
    name = step["column"]
    if name not in columns:
        return
    array = to_arrow(columns[name], step["type"])
    for part in step["parts"]:
        columns[part_name(name, part)] = from_arrow(dates.part(array, part))


def merge_rare(columns: Columns, step: dict[str, Any]) -> None:
    for name, kept in step["columns"].items():
        if name in columns:
            columns[name] = from_arrow(text.merged(to_arrow(columns[name], "string"), kept, step["into"]))


STEPS: Final[dict[str, Served]] = {
    "cast": _typed(lambda array, kind, step: casts.cast(array, kind, step["to"])),
    "parse_dates": _typed(lambda array, kind, step: dates.parse(array, kind, step["how"])),
    "date_parts": date_parts,
    "normalise_text": _of_text(lambda array, step: text.normalise(array, step["how"])),
    "replace_text": _of_text(lambda array, step: text.replace(array, step["pattern"], step["replacement"])),
    "parse_quantities": _of_text(lambda array, step: quantities.read(array, step["how"])),
    "redact": _of_text(lambda array, step: masks.redact(array, step["how"])),
    "map_values": _of_one(lambda array, kind, step: text.map_values(array, kind, step["how"])),
    "generalise": _of_one(lambda array, kind, step: masks.generalise(array, kind, step["how"])),
    "ordinal_encode": _of_one(lambda array, kind, step: text.ordinal(texts_of(array, kind), step["order"])),
    "merge_rare": merge_rare,
}
