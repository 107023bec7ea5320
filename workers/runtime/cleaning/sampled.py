"""Some training rows, drawn by a seed: the same on every machine and in every order of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, col

from workers.runtime.cleaning.among import Ordinals, among
from workers.runtime.cleaning.keys import lowest
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.reading import Floats
from workers.runtime.cleaning.schema import ORDINAL, SPLIT


@dataclass(frozen=True, slots=True)
class Sampled:
    """Rows by ordinal; missing values are NaN."""

    ordinals: Ordinals
    columns: list[Floats]


def sampled(plan: Plan, names: list[str], count: int, seed: int) -> Sampled:
    """At most so many of the training rows, of all rows where there is no split; columns of numbers.

    Which, is decided by hashes of ordinals: 16 bytes a row in memory.
    """
    table = plan.read([ORDINAL, *([SPLIT] if plan.is_split else [])])
    ordinals = table.column(ORDINAL).to_numpy()
    if plan.is_split:
        ordinals = ordinals[pc.equal(table.column(SPLIT), "train").to_numpy()]
    if len(ordinals) > count:
        ordinals = ordinals[lowest(hashed(ordinals, seed), ordinals, count)]
    ordinals = np.sort(ordinals)
    kind = DataType.float64()
    # Not `filtered`: Daft moves it down to the files, and nothing else is made of these rows.
    rows = plan.frame.where(among(ordinals)).select(ORDINAL, *(col(name).cast(kind).alias(name) for name in names))
    found = rows.to_arrow().sort_by(ORDINAL)
    return Sampled(ordinals, [_floats(found.column(name)) for name in names])


def hashed(ordinals: Ordinals, seed: int) -> npt.NDArray[np.uint64]:
    """A pseudo-random number of each ordinal and the seed: the mixer of SplitMix64."""
    with np.errstate(over="ignore"):
        mixed = ordinals.astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return mixed ^ (mixed >> np.uint64(31))


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.to_numpy()
    return values
