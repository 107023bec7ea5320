"""The rows drawn as arrays, for what is said of columns together."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.profiling.source import DRAWN, Array, Source
from workers.runtime.cleaning.schema import ORDINAL, Column, quoted

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Kind = Literal["number", "time", "category", "other"]

CATEGORIES_MOST = 50
"""A text with more distinct values among the rows drawn is no category."""
HASH = "phash"
FRAMED_MOST = 200
"""Columns that are looked at together; the first ones."""


@dataclass(frozen=True, slots=True)
class Framed:
    """One column of the rows drawn, in the order of ordinals."""

    column: Column
    kind: Kind
    missing: Bools
    values: Floats
    """Of numbers and times (seconds since 1970); NaN where missing; empty for others."""
    codes: Codes
    """Of categories and texts: 0, 1, … per distinct value, -1 where missing; empty for numbers and times."""
    distinct: int
    hashes: Array
    """Of each code, to find its value again: `spelled`."""

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def is_constant(self) -> bool:
        return self.distinct <= 1


def framed(source: Source) -> list[Framed]:
    """The first `FRAMED_MOST` columns but pictures and their hashes, which are numbers by their type only."""
    has_images = any(column.type == "image" for column in source.columns)
    columns = [
        column for column in source.columns if column.type != "image" and not (has_images and column.name == HASH)
    ][:FRAMED_MOST]
    if not columns:
        return []
    listed = ", ".join(f"{_expression(column)} AS c{place}" for place, column in enumerate(columns))
    arrays = source.arrays(f"SELECT {listed} FROM {DRAWN} ORDER BY {ORDINAL}")
    return [_framed(column, arrays.pop(f"c{place}")) for place, column in enumerate(columns)]


def _expression(column: Column) -> str:
    name = quoted(column.name)
    if column.type in ("date", "timestamp"):
        return f"epoch({name}::TIMESTAMP)"
    return f"{name}::DOUBLE" if column.is_number else f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END"


def _framed(column: Column, found: Array) -> Framed:
    missing = np.ma.getmaskarray(found) if isinstance(found, np.ma.MaskedArray) else np.zeros(len(found), dtype=bool)
    plain = np.ma.getdata(found)
    if column.type in ("string", "bool"):
        values, codes = np.unique(plain[~missing], return_inverse=True)
        full = np.full(len(plain), -1, dtype=np.int64)
        full[~missing] = codes
        repeats = column.type == "bool" or (len(values) <= CATEGORIES_MOST and len(values) * 2 <= len(codes))
        return Framed(column, "category" if repeats else "other", missing, np.empty(0), full, len(values), values)
    numbers = np.where(missing, np.nan, plain.astype(np.float64))
    distinct = len(np.unique(numbers[~missing]))
    kind: Kind = "number" if column.is_number else "time"
    return Framed(column, kind, missing, numbers, np.empty(0, dtype=np.int64), distinct, np.empty(0))


def binned(framed: Framed, bins: int) -> Codes:
    """A code per row, none less than 0: of a number its quantile bin, of others their value; missing the last."""
    if framed.kind in ("category", "other"):
        return np.where(framed.missing, framed.distinct, framed.codes)
    there = framed.values[~framed.missing]
    if not len(there):
        return np.zeros(len(framed.values), dtype=np.int64)
    edges = quantile_edges(there, bins)
    codes = np.searchsorted(edges, framed.values, side="left")
    return np.where(framed.missing, len(edges) + 1, codes).astype(np.int64)


def quantile_edges(values: Floats, bins: int) -> Floats:
    """Inner edges of bins that hold about as many values each; each edge is a value, and the greatest of its bin."""
    found: Floats = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf"))
    return found


def spelled(source: Source, framed: Framed, codes: Sequence[int]) -> dict[int, Any]:
    """Code → value, as JSON has it."""
    name = quoted(framed.name)
    wanted = {int(framed.hashes[code]): code for code in codes}
    if not wanted:
        return {}
    listed = ", ".join(f"{each}::UBIGINT" for each in wanted)
    query = f"SELECT hash({name}), any_value({name}) FROM {DRAWN} WHERE hash({name}) IN ({listed}) GROUP BY 1"
    return {wanted[hashed]: plain(value) for hashed, value in source.connection.execute(query).fetchall()}


def named(columns: Sequence[Framed]) -> list[str]:
    return [column.name for column in columns]
