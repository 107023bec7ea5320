"""Counts per node that are kept up as single nodes change, instead of being made anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


class Counted:
    """Counts by what they are of, and the nodes that have changed since each was right."""

    def __init__(self) -> None:
        self._changes: list[int] = []
        self._known: dict[Hashable, tuple[Counts, int]] = {}
        """What → its counts, and how many changes they have seen."""

    def change(self, at: int) -> None:
        self._changes.append(at)

    def forget(self, is_wrong: Callable[[Any], bool]) -> None:
        """Of these, counts are to be made anew."""
        self._known = {key: counts for key, counts in self._known.items() if not is_wrong(key)}

    def known(self, key: Hashable) -> tuple[Counts | None, Collection[int]]:
        """The counts and the nodes of which they are not right yet, which the caller mends; None: to be made."""
        known = self._known.get(key)
        if known is None:
            return None, ()
        counts, seen = known
        if seen == len(self._changes):
            return counts, ()
        self._known[key] = (counts, len(self._changes))
        return counts, set(self._changes[seen:])

    def learn(self, key: Hashable, counts: Counts) -> None:
        self._known[key] = (counts, len(self._changes))
