"""Gaps filled from rows that are alike, out of a sample. NumPy only; the same where data is cleaned and a model served.

How far two rows are apart: of the columns that both have, the mean square of the difference in standard deviations. A
gap becomes the mean of the `count` nearest sampled rows that have the column, of equally near ones those with the
lowest ordinals, and the mean of the column where a row shares nothing with any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
CHUNK_CELLS = 4_000_000
"""Distances that are held at once."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`sample`: some rows by ordinal, shape (rows, columns), NaN where missing; `means` and `stds` of columns."""

    count: int
    means: Floats
    stds: Floats
    """A column whose deviation is 0 says nothing about how far rows are apart."""
    sample: Floats

    def filled(self, rows: Floats) -> Floats:
        """The rows, shape (rows, columns), without a gap."""
        found = rows.copy()
        gaps = np.flatnonzero(np.isnan(rows).any(axis=1))
        size = max(1, CHUNK_CELLS // max(1, len(self.sample)))
        for start in range(0, len(gaps), size):
            places = gaps[start : start + size]
            found[places] = self._filled(rows[places])
        return found

    def _filled(self, rows: Floats) -> Floats:
        order = self._nearest(rows)
        found = rows.copy()
        for place in range(rows.shape[1]):
            gaps = np.flatnonzero(np.isnan(rows[:, place]))
            if len(gaps):
                found[gaps, place] = self._means(self.sample[order[gaps], place], place, order[gaps], rows[gaps])
        return found

    def _nearest(self, rows: Floats) -> npt.NDArray[np.intp]:
        """Per row the places of the sampled rows, the nearest first."""
        total = np.zeros((len(rows), len(self.sample)))
        shared = np.zeros_like(total)
        for place in np.flatnonzero(self.stds > 0):
            difference = (rows[:, place, None] - self.sample[None, :, place]) / self.stds[place]
            there = ~np.isnan(difference)
            total += np.where(there, difference, 0.0) ** 2
            shared += there
        with np.errstate(invalid="ignore", divide="ignore"):
            distance = np.where(shared > 0, total / shared, np.inf)
        return np.argsort(distance, axis=1, kind="stable")

    def _means(self, values: Floats, place: int, order: npt.NDArray[np.intp], rows: Floats) -> Floats:
        """Of values of the sampled rows, the nearest first, the mean of the first ones that are not missing."""
        there = ~np.isnan(values) & self._shares(order, rows)
        first = there & (np.cumsum(there, axis=1) <= self.count)
        sums, counts = np.where(first, values, 0.0).sum(axis=1), first.sum(axis=1)
        found: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), self.means[place])
        return found

    def _shares(self, order: npt.NDArray[np.intp], rows: Floats) -> npt.NDArray[np.bool_]:
        """Whether a row has a telling column in common with each of the sampled rows."""
        telling = self.stds > 0
        known = (~np.isnan(rows[:, telling])).astype(np.int64)
        sampled = (~np.isnan(self.sample[:, telling])).astype(np.int64)
        return np.take_along_axis(known @ sampled.T > 0, order, axis=1)

    def to_json(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "means": self.means.tolist(),
            "stds": self.stds.tolist(),
            "sample": [[None if value != value else value for value in row] for row in self.sample.tolist()],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        return cls(
            int(document["count"]),
            np.array(document["means"], np.float64),
            np.array(document["stds"], np.float64),
            np.array(document["sample"], np.float64).reshape(-1, len(document["means"])),
        )
