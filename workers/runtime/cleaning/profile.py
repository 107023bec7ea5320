"""`profile`: what is in each column of a dataset version, and how the columns hang together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from workers.runtime.cleaning.engine import open_duckdb
from workers.runtime.cleaning.findings import findings_of
from workers.runtime.cleaning.inputs import dataset_files
from workers.runtime.cleaning.profiling.fit import fitted
from workers.runtime.cleaning.profiling.frame import framed
from workers.runtime.cleaning.profiling.media import PROSE, near_texts
from workers.runtime.cleaning.profiling.numbers import numbers
from workers.runtime.cleaning.profiling.order import orders
from workers.runtime.cleaning.profiling.patterns import begin, patterns
from workers.runtime.cleaning.profiling.source import Source, source
from workers.runtime.cleaning.profiling.texts import Signs, texts, truths
from workers.runtime.cleaning.profiling.whole import whole_table
from workers.runtime.cleaning.schema import ORDINAL, Column, columns_of, described, parquet_table
from workers.runtime.context import JobContext

NOTHING: dict[str, Any] = {
    "distinct_is_exact": True,
    "minimum": None,
    "maximum": None,
    "mean": None,
    "std": None,
    "quantiles": None,
    "quantiles_error": None,
    "histogram": None,
    "log_histogram": None,
    "fences": None,
    "text_length": None,
    "patterns": None,
    "near_duplicates": None,
    "top_values": [],
    "maximum_count": 0,
}
"""Of a column without a value."""
FORMAT = 2
"""Results of earlier times have no format, and only some of the figures."""


def profile(ctx: JobContext) -> dict[str, Any]:
    """Input `dataset`: the Parquet files of a version; parameter `target`: a column to be predicted. See `profiled`.

    Raises:
        UserError: `unknown_target`.
    """
    connection = open_duckdb(ctx, ctx.work_dir)
    files = [str(file) for file in dataset_files(ctx)]
    found = columns_of(described(connection, parquet_table(files)), "the dataset")
    columns = [each for each in found if each.name != ORDINAL]
    return fitted(profiled(connection, files, columns, target=ctx.parameters.get("target")))


def profiled(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    columns: Sequence[Column],
    *,
    target: str | None = None,
) -> dict[str, Any]:
    """`{"format": 2, "row_count", "left_out", "columns", "table"}`: see `_found` and `whole_table`.

    Exact, but where `distinct_is_exact`, `quantiles_error`, `is_sample` or `rows_looked_at` say otherwise: that is
    where more than eight million rows would have to be held, and what is told of columns together.
    """
    rows = source(connection, files, columns)
    frame = framed(rows)
    begin(rows)
    figures = [_figures(rows, column, place) for place, column in enumerate(columns)]
    written, ordered = patterns(rows), orders(rows, frame)
    found = [
        _found(each, signs, rows.rows, written.get(place), ordered.get(each["name"]))
        for place, (each, signs) in enumerate(figures)
    ]
    table = whole_table(rows, frame, found, target)
    return {"format": FORMAT, "row_count": rows.rows, "left_out": [], "columns": found, "table": table}


def _figures(rows: Source, column: Column, place: int) -> tuple[dict[str, Any], Signs]:
    """What one column says by itself, and signs of what may be wrong with it."""
    signs = Signs()
    found: dict[str, Any] = {"name": column.name, "type": column.type, **NOTHING}
    if column.type == "string":
        figures, signs = texts(rows, column, place)
        found |= figures
    elif column.type in ("bool", "image"):
        found |= truths(rows, column)
    else:
        found |= numbers(rows, column)
    if _is_prose(found, rows.rows):
        found["near_duplicates"] = near_texts(rows, column.name)
    return found, signs


def _found(
    figures: dict[str, Any], signs: Signs, rows: int, written: dict[str, Any] | None, order: str | None
) -> dict[str, Any]:
    """Statistics of a column.

    `mean`, `std` (of the population) and `quantiles` (linear between neighbours) for numbers only, else None, as is
    one that a float does not hold; `quantiles_error` is the most that a rank is off, 0 where they are exact.
    `histogram` for numbers, and for dates and times in seconds since 1970: edges at round places, and how many values
    lie `below` and `above` them; `log_histogram` for numbers that are better looked at so. `fences`: Tukey's, and how
    many values lie beyond each. `minimum` and `maximum` for all but text; `text_length`, in characters, and
    `patterns` for text only, `near_duplicates` for prose only. `distinct_count` is an estimate (HyperLogLog) unless
    `distinct_is_exact`. `order`: whether the values rise or fall with the rows.
    """
    found = {**figures, "patterns": written, "order": order}
    found["findings"] = findings_of(found, rows, signs)
    del found["maximum_count"]
    return found


def _is_prose(column: dict[str, Any], rows: int) -> bool:
    length = column["text_length"]
    return bool(length and length["mean"] >= PROSE and column["distinct_count"] * 2 > rows - column["null_count"])
