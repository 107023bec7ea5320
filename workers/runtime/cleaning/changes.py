"""What steps did to the rows of a plan, one thing after another; rows that leave it are counted where they pass by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container

import daft
import numpy as np
import pyarrow as pa
from daft import DataType, Expression, Series, col

from workers.runtime.cleaning.among import Ordinals, among, flags_of
from workers.runtime.cleaning.projections import KEPT, computed, filtered
from workers.runtime.cleaning.schema import ORDINAL

Change = Callable[[daft.DataFrame], daft.DataFrame]


class Removal:
    """Leaves out the rows of these ordinals, which are sorted.

    What is still to be counted of all rows has to be counted of these too. They pass by anyhow when the others are
    written: only then, and where the plan runs in this process, they are counted on the way.
    """

    def __init__(self, gone: Ordinals) -> None:
        self._gone = gone
        self._seen: dict[int, Counter[str]] = {}
        """By the first ordinal of a batch, so that one that comes twice counts once."""

    def __call__(self, frame: daft.DataFrame) -> daft.DataFrame:
        return filtered(frame, ~among(self._gone))

    def telling(self, frame: daft.DataFrame, names: Container[str]) -> daft.DataFrame:
        """The same rows; those that leave are counted by these of its columns of true and false, as far as it has them.

        The frame is to be run once.
        """
        known = [name for name in frame.column_names if name in names]
        self._seen = {}
        if not known:
            return self(frame)
        return computed(frame, {KEPT: self._looking(known)}).where(col(KEPT)).exclude(KEPT)

    def told(self) -> Counter[str]:
        """How many of the rows that left were true of each column.

        Raises:
            RuntimeError: not all of them came by.
        """
        found = sum(self._seen.values(), Counter[str]())
        if self._seen and found[ORDINAL] != len(self._gone):
            raise RuntimeError(f"{found[ORDINAL]} of {len(self._gone)} rows were counted where they left")
        return found

    def _looking(self, names: list[str]) -> Expression:
        @daft.func.batch(return_dtype=DataType.bool(), use_process=False)
        def keeps(values: Series, *flags: Series) -> pa.Array:
            ordinals = values.to_arrow().to_numpy(zero_copy_only=False)
            leaving = flags_of(ordinals, self._gone)
            if len(ordinals):
                counts = {
                    name: int(np.count_nonzero(flag.to_arrow().to_numpy(zero_copy_only=False)[leaving]))
                    for name, flag in zip(names, flags, strict=True)
                }
                self._seen[int(ordinals[0])] = Counter({ORDINAL: int(np.count_nonzero(leaving)), **counts})
            return pa.array(~leaving)

        condition: Expression = keeps(col(ORDINAL), *(col(name) for name in names))
        return condition


class Changes(list[Change]):
    """What made a frame of its source."""

    def of(self, frame: daft.DataFrame) -> daft.DataFrame:
        """The same done to other rows."""
        for change in self:
            frame = change(frame)
        return frame

    def telling(self, frame: daft.DataFrame, names: Container[str]) -> daft.DataFrame:
        """The same, to be run once, such that `left` knows of rows that leave it on the way: see `Removal.telling`."""
        for change in self:
            frame = change.telling(frame, names) if isinstance(change, Removal) else change(frame)
        return frame

    def left(self) -> Counter[str]:
        """Of the rows that left it on the way, how many were true of each column."""
        return sum((each.told() for each in self if isinstance(each, Removal)), Counter[str]())
