"""Statistics of a column of numbers or times, from its tally."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.profiling.bins import bin_edges, is_discrete, is_heavy, log_edges, time_edges
from workers.runtime.cleaning.profiling.source import ROWS, Source, as_number
from workers.runtime.cleaning.profiling.tallies import Counts, Tally, tally
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import Column, literal

QUANTILES = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")
TOP = 10
FENCE = 1.5
"""Times the distance of the quartiles: where Tukey's whiskers end."""
STEPS_MOST = 10_000
WHOLE_MOST = 2.0**52
BATCH_ROWS = 1_000_000
SECONDS = {"date": 86_400.0, "timestamp": 1e-6}
"""Of one unit in which `as_number` has times."""


def numbers(source: Source, column: Column) -> dict[str, Any]:
    """The figures of a number, date or timestamp column, as `profile.profiled` describes them."""
    expression = as_number(column)
    found = tally(source, expression)
    if not found.present:
        return _nothing(source, expression)
    whole = Whole.of(source, expression, found)
    figures: dict[str, Any] = {
        "null_count": source.rows - whole.present,
        "distinct_count": whole.distinct,
        "distinct_is_exact": found.is_exact,
        "minimum": _spelled(source, column, whole.low),
        "maximum": _spelled(source, column, whole.high),
        "maximum_count": whole.at_the_top(),
        "top_values": _top(source, column, whole),
    }
    if column.is_number:
        return figures | _of_numbers(whole, column)
    return figures | {"histogram": _of_times(whole, SECONDS[column.type])}


def _nothing(source: Source, expression: str) -> dict[str, Any]:
    """Of rows drawn none may have a value, though others do; then there are too few to say more of them."""
    present, distinct = source.one(f"SELECT count({expression}), approx_count_distinct({expression}) FROM {ROWS}")
    return {"null_count": source.rows - present, "distinct_count": distinct, "distinct_is_exact": not present}


class Whole:
    """The whole column: the tally, where it is exact, else what one more pass counted."""

    def __init__(self, tally: Tally, present: int, distinct: int, low: float, high: float) -> None:
        self.tally, self.present, self.distinct, self.low, self.high = tally, present, distinct, low, high
        self._source: tuple[Source, str] | None = None

    @classmethod
    def of(cls, source: Source, expression: str, found: Tally) -> Whole:
        """Of values that are there."""
        if found.is_exact:
            values = found.values
            return cls(found, found.present, len(values), values[0].item(), values[-1].item())
        query = (
            f"SELECT count({expression}), approx_count_distinct({expression}), min({expression}), max({expression}) "
            f"FROM {ROWS}"
        )
        whole = cls(found, *source.one(query))
        whole._source = (source, expression)
        return whole

    def below(self, places: Sequence[float], *, closed: Sequence[bool]) -> Counts:
        """How many values are less than each place; where closed, or equal."""
        at = np.asarray(places, dtype=np.float64)
        shut = np.asarray(closed)
        if self._source is None:
            return np.where(shut, self.tally.below(at, closed=True), self.tally.below(at))
        total = np.zeros(len(at), dtype=np.int64)
        for batch in _batches(*self._source):
            batch.sort()
            under, upto = (np.searchsorted(batch, at, side=side) for side in ("left", "right"))
            total += np.where(shut, upto, under)
        return total

    def at_the_top(self) -> int:
        """How many values are the greatest."""
        if self._source is None:
            return int(self.tally.counts[-1])
        source, expression = self._source
        return _counted(source, expression, [self.high])[0]

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation, of the population; not finite where a float does not hold the sums."""
        if self._source is not None:
            source, expression = self._source
            mean, std = source.one(f"SELECT favg({expression}), stddev_pop({expression}) FROM {ROWS}")
            return float(mean), float(std)
        values, counts = self.tally.values.astype(np.float64), self.tally.counts
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(np.sum(values * counts) / self.present)
            return mean, math.sqrt(float(np.sum((values - mean) ** 2 * counts)) / self.present)


def _batches(source: Source, expression: str) -> Any:
    query = f"SELECT ({expression})::DOUBLE AS value FROM {ROWS} WHERE ({expression}) IS NOT NULL"
    for batch in source.connection.sql(query).to_arrow_reader(BATCH_ROWS):
        yield batch.column(0).to_numpy(zero_copy_only=False).copy()


def _of_numbers(whole: Whole, column: Column) -> dict[str, Any]:
    mean, std = whole.moments()
    levels = np.array([float(level) for level in QUANTILES])
    quantiles = {
        level: significant(float(value))
        for level, value in zip(QUANTILES, whole.tally.quantile(levels), strict=True)
        if math.isfinite(value)
    }
    low, high = float(whole.low), float(whole.high)
    step = _step(whole, column)
    linear = bin_edges(low, high, quantiles, whole.present, step=step)
    logarithmic = log_edges(low, high) if is_heavy(low, quantiles, high) else None
    fences = _fences(quantiles)
    places = [*linear, *(logarithmic or []), *(fences or [])]
    closed = np.zeros(len(places), dtype=bool)
    for end in (len(linear), len(linear) + len(logarithmic or [])):
        closed[end - 1] = True
    closed[-1] = True  # of the fences: what is beyond the upper one
    counts = whole.below(places, closed=closed.tolist())
    end = len(linear)
    histogram = histogram_of(linear, counts[:end], whole.present, discrete=is_discrete(linear, low, step))
    other = (
        None if logarithmic is None else histogram_of(logarithmic, counts[end : end + len(logarithmic)], whole.present)
    )
    return {
        "mean": plain(mean),
        "std": plain(std),
        "quantiles": quantiles,
        "quantiles_error": significant(whole.tally.error),
        "histogram": histogram,
        "log_histogram": other,
        "fences": fences
        and {
            "low": fences[0],
            "high": fences[1],
            "below": int(counts[-2]),
            "above": whole.present - int(counts[-1]),
        },
    }


def _step(whole: Whole, column: Column) -> float:
    """By how much values that are few differ at least: loans last 12, 18 or 24 months."""
    values = whole.tally.values
    is_whole = column.type == "int64" or bool(
        (np.abs(values) < WHOLE_MOST).all() and (values == np.floor(values)).all()
    )
    if not is_whole:
        return 0.0
    if len(values) > STEPS_MOST or abs(whole.low) >= WHOLE_MOST or abs(whole.high) >= WHOLE_MOST:
        return 1.0
    return float(np.gcd.reduce(np.diff(values.astype(np.int64)))) if len(values) > 1 else 1.0


def _fences(quantiles: dict[str, float]) -> tuple[float, float] | None:
    lower, upper = quantiles.get("0.25"), quantiles.get("0.75")
    if lower is None or upper is None:
        return None
    reach = FENCE * (upper - lower)
    ends = (significant(lower - reach), significant(upper + reach))
    return ends if all(math.isfinite(end) for end in ends) else None


def _of_times(whole: Whole, unit: float) -> dict[str, Any]:
    edges = time_edges(whole.low * unit, whole.high * unit)
    places = [edge / unit for edge in edges]
    counts = whole.below(places, closed=[place == len(edges) - 1 for place in range(len(edges))])
    return histogram_of(edges, counts, whole.present)


def histogram_of(edges: Sequence[float], below: Counts, present: int, *, discrete: bool = False) -> dict[str, Any]:
    """From how many values are below each edge. Where all are equal there is one bin, without width.

    `is_discrete`: of each bin only the middle is a value.
    """
    return {
        "edges": list(edges),
        "counts": np.diff(below).tolist(),
        "below": int(below[0]),
        "above": present - int(below[-1]),
        "is_discrete": discrete,
    }


def _top(source: Source, column: Column, whole: Whole) -> list[dict[str, Any]]:
    places = whole.tally.top(TOP)
    values = whole.tally.values[places].tolist()
    counts = whole.tally.counts[places].tolist()
    if not whole.tally.is_exact:
        counts = _counted(source, as_number(column), values)
        order = sorted(range(len(values)), key=lambda place: (-counts[place], values[place]))
        values, counts = ([each[place] for place in order] for each in (values, counts))
    shown = [_spelled(source, column, value) for value in values]
    return [{"value": value, "count": count} for value, count in zip(shown, counts, strict=True)]


def _counted(source: Source, expression: str, values: Sequence[float]) -> list[int]:
    """Of all rows: how many have each of these values, which those of the rows drawn have most."""
    listed = ", ".join(repr(value) for value in values)
    query = f"SELECT {expression}, count(*) FROM {ROWS} WHERE ({expression}) IN ({listed}) GROUP BY 1"
    found = dict(source.connection.execute(query).fetchall())
    return [found.get(value, 0) for value in values]


def _spelled(source: Source, column: Column, value: Any) -> Any:
    """A number as JSON has it; a time as the database spells it, which knows years beyond 9999 as well."""
    if column.is_number:
        return plain(value)
    unit = "to_days(?::INTEGER)" if column.type == "date" else "to_microseconds(?::BIGINT)"
    kind = "DATE" if column.type == "date" else "TIMESTAMP"
    query = f"SELECT ({kind} {literal('1970-01-01')} + {unit})::{kind}"
    return plain(source.connection.execute(query, [int(value)]).fetchall()[0][0])
