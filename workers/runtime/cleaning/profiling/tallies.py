"""How often each value of a column of numbers or times occurs: by groups where values repeat, else by sorting."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workers.runtime.cleaning.profiling.source import DRAWN, ROWS, Array, Source

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

GROUPED_ROWS = 200_000
"""Up to there grouping is quick whatever the values."""
GROUPS_MOST = 1_000_000
"""Where more distinct values are to be expected, sorting is quicker, and both have a bound."""
SORTED_MOST = 8_000_000
"""Values of a column that are sorted in memory: 64 MB, and as much again while they are. Beyond, see `Tally`."""
ESTIMATED_BY = 1_000_000


@dataclass(frozen=True, slots=True)
class Tally:
    """Distinct values in order, and how often each occurs.

    Not exact: those of rows that lie all over the data. A rank among them is then off by `error` of 1 at most, at
    95 % confidence (Dvoretzky, Kiefer, Wolfowitz).
    """

    values: Array
    counts: Counts
    is_exact: bool = True

    @property
    def present(self) -> int:
        return int(self.counts.sum())

    @property
    def error(self) -> float:
        return 0.0 if self.is_exact else float(np.sqrt(np.log(2 / 0.05) / (2 * max(1, self.present))))

    def below(self, places: Array, *, closed: bool = False) -> Counts:
        """How many values are less than each place; with `closed`, or equal."""
        upto = np.concatenate([[0], np.cumsum(self.counts)])
        found: Counts = upto[np.searchsorted(self.values, places, side="right" if closed else "left")]
        return found

    def quantile(self, levels: Floats) -> Floats:
        """Linear between neighbours, as NumPy's default is."""
        upto = np.cumsum(self.counts)
        place = (upto[-1] - 1) * levels
        lower = np.floor(place).astype(np.int64)
        upper = np.minimum(lower + 1, upto[-1] - 1)
        low, high = (
            self.values[np.searchsorted(upto, rank, side="right")].astype(np.float64) for rank in (lower, upper)
        )
        share = place - lower
        found: Floats = low * (1 - share) + high * share  # no difference of two: it may be more than a float holds
        return found

    def top(self, count: int) -> list[int]:
        """Places of the most frequent values, of equally frequent ones the least first."""
        again = np.flatnonzero(self.counts > 1)
        if len(again) < count:  # those that occur once are many, and there is no other order among them
            once = np.flatnonzero(self.counts[: len(again) + 2 * count] == 1)
            again = np.union1d(again, once)
        counts = self.counts[again]
        if len(again) > count:
            least = np.partition(counts, -count)[-count]
            more = np.flatnonzero(counts > least)
            chosen = np.concatenate([more, np.flatnonzero(counts == least)[: count - len(more)]])
            again, counts = again[chosen], counts[chosen]
        return [int(place) for place in again[np.lexsort((again, -counts))]]


def is_grouped(source: Source, expression: str) -> bool:
    """Whether values repeat enough for groups: by Chao's estimate of the distinct ones, from the rows drawn."""
    if source.rows <= GROUPED_ROWS:
        return True
    groups = f"SELECT count(*) AS rows FROM {DRAWN} WHERE ({expression}) IS NOT NULL GROUP BY {expression}"
    distinct, once, twice = source.one(
        f"SELECT count(*), count(*) FILTER (rows = 1), count(*) FILTER (rows = 2) FROM ({groups})"
    )
    unseen = once / source.drawn * source.rows  # rows with a value that none of those drawn has: Good and Turing
    return bool(distinct + once**2 / (2 * twice + 1) <= GROUPS_MOST and unseen <= SORTED_MOST)


def tally(source: Source, expression: str) -> Tally:
    """Of all values that are there. One pass over the column."""
    if is_grouped(source, expression):
        found = source.arrays(
            f"SELECT {expression} AS value, count(*) AS rows FROM {ROWS} WHERE ({expression}) IS NOT NULL GROUP BY 1"
        )
        values = _plain(found["value"])
        order = np.argsort(values, kind="stable")
        return Tally(values[order], _plain(found["rows"])[order].astype(np.int64))
    is_exact = source.rows <= SORTED_MOST
    where = "true" if is_exact else source.at_most(ESTIMATED_BY)
    query = f"SELECT {expression} AS value FROM {ROWS} WHERE {where} AND ({expression}) IS NOT NULL"
    return sorted_tally(_plain(source.arrays(query)["value"]), is_exact=is_exact)


def sorted_tally(values: Array, *, is_exact: bool = True) -> Tally:
    """Of values in any order; they are sorted in place."""
    values.sort()
    first = np.empty(len(values), dtype=bool)
    first[:1] = True
    np.not_equal(values[1:], values[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    del first
    return Tally(values[starts], np.diff(np.append(starts, len(values))), is_exact)


def _plain(values: Array) -> Array:
    """Without a mask: nothing is missing."""
    return np.ascontiguousarray(values.data if isinstance(values, np.ma.MaskedArray) else values)
