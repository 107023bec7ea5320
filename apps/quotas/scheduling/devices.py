"""GPUs of the nodes: which are whole, and how much is left of those that members share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.snapshot import WHOLE, Gpu

Counts = npt.NDArray[np.int64]


class Devices:
    """Thousandths that are left of every device, in one row for all nodes; nodes by number, devices by index there."""

    def __init__(self, nodes: Sequence[Iterable[Gpu]]) -> None:
        rows = [(at, gpu.index, gpu.flavor) for at, gpus in enumerate(nodes) for gpu in sorted(gpus, key=_index)]
        self.flavors = sorted({flavor for _, _, flavor in rows})
        self._nodes = len(nodes)
        self._at = {(at, index): row for row, (at, index, _) in enumerate(rows)}
        self._node_of = np.fromiter((at for at, _, _ in rows), np.int64, len(rows))
        self._index_of = [index for _, index, _ in rows]
        self._flavor_of = [flavor for _, _, flavor in rows]
        self._rows_of = {
            flavor: np.flatnonzero(np.fromiter((one == flavor for one in self._flavor_of), bool, len(rows)))
            for flavor in self.flavors
        }
        bounds = np.searchsorted(self._node_of, np.arange(len(nodes) + 1))
        self._first = bounds.tolist()
        self._left = np.full(len(rows), WHOLE, np.int64)
        self._whole = {flavor: self._per_node(self._node_of[found]) for flavor, found in self._rows_of.items()}
        self._thousandths = {flavor: whole * WHOLE for flavor, whole in self._whole.items()}
        self._all_whole = self._per_node(self._node_of)
        self._all = self._all_whole * WHOLE
        self._none = np.zeros(len(nodes), np.int64)

    def _per_node(self, numbers: Counts) -> Counts:
        return np.bincount(numbers, minlength=self._nodes).astype(np.int64)

    def copy(self) -> Devices:
        """The same devices, to be used up apart from these."""
        twin = copy(self)
        twin._left, twin._all, twin._all_whole = self._left.copy(), self._all.copy(), self._all_whole.copy()
        twin._whole = {flavor: whole.copy() for flavor, whole in self._whole.items()}
        twin._thousandths = {flavor: left.copy() for flavor, left in self._thousandths.items()}
        return twin

    def flavor_at(self, at: int, index: int) -> str:
        """The kind of a device; empty: the node has none of that index."""
        row = self._at.get((at, index))
        return self._flavor_of[row] if row is not None else ""

    def free(self, flavor: str) -> Counts:
        """Whole devices of a kind per node."""
        return self._whole.get(flavor, self._none)

    def all_whole(self) -> Counts:
        """Whole devices of all kinds per node."""
        return self._all_whole

    def left(self, flavor: str) -> Counts:
        """Thousandths of a kind that are left per node."""
        return self._thousandths.get(flavor, self._none)

    def all_left(self) -> Counts:
        """Thousandths of all kinds that are left per node."""
        return self._all

    def shares_of_opened(self, flavor: str, millis: int) -> Counts:
        """How many members that share fit per node on devices of a kind that others share already."""
        rows = self._rows_of.get(flavor)
        if rows is None:
            return self._none
        left = self._left[rows]
        opened = (left < WHOLE) & (left >= millis)
        nodes = self._node_of[rows[opened]]
        return np.bincount(nodes, weights=left[opened] // millis, minlength=self._nodes).astype(np.int64)

    def has(self, at: int, flavor: str) -> bool:
        """Whether a node has devices of a kind, free or not."""
        return flavor in self._flavor_of[self._first[at] : self._first[at + 1]]

    def members_at(self, at: int, flavor: str, count: int, millis: int) -> int:
        """How many members of so many devices, or of one share, fit on one node."""
        if millis == WHOLE:
            return int(self.free(flavor)[at]) // count
        first, last = self._first[at], self._first[at + 1]
        left = self._left[first:last].tolist()
        return sum(max(0, has) // millis for row, has in enumerate(left) if self._flavor_of[first + row] == flavor)

    def take(self, at: int, flavor: str, count: int, millis: int) -> tuple[int, ...]:
        """The indices for one more member, which must fit: shares go where least is left over."""
        first, last = self._first[at], self._first[at + 1]
        left = self._left[first:last].tolist()
        mine = [row for row in range(last - first) if self._flavor_of[first + row] == flavor]
        if millis == WHOLE:
            chosen = [row for row in mine if left[row] == WHOLE][:count]
        else:
            chosen = [min((left[row], row) for row in mine if left[row] >= millis)[1]]
        for row in chosen:
            self._set(first + row, at, left[row] - millis)
        return tuple(self._index_of[first + row] for row in chosen)

    def occupy(self, at: int, indices: Iterable[int], millis: int) -> None:
        """Indices that the node does not have (any more) are no part of this."""
        for index in indices:
            row = self._at.get((at, index))
            if row is not None:
                self._set(row, at, int(self._left[row]) - millis)

    def release(self, at: int, indices: Iterable[int], millis: int) -> None:
        """The inverse of `occupy`."""
        self.occupy(at, indices, -millis)

    def are_free(self, at: int, indices: Iterable[int], millis: int) -> bool:
        rows = [self._at.get((at, index)) for index in indices]
        return all(row is not None and self._left[row] >= millis for row in rows)

    def _set(self, row: int, at: int, now: int) -> None:
        before, flavor = int(self._left[row]), self._flavor_of[row]
        self._left[row] = now
        whole = (now == WHOLE) - (before == WHOLE)
        if whole:
            self._whole[flavor][at] += whole
            self._all_whole[at] += whole
        self._thousandths[flavor][at] += now - before
        self._all[at] += now - before


def _index(gpu: Gpu) -> int:
    return gpu.index
