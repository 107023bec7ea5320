"""GPUs of the nodes: which are whole, and how much is left of those that members share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.snapshot import WHOLE, Gpu

Counts = npt.NDArray[np.int64]
Which = Counts | slice
"""Nodes by their numbers."""
ALL = slice(None)


class Devices:
    """Thousandths that are left of every device: a row of slots for each node, as long as the longest needs."""

    def __init__(self, nodes: Sequence[Iterable[Gpu]]) -> None:
        lines = [sorted(gpus, key=_index) for gpus in nodes]
        self.flavors = sorted({gpu.flavor for line in lines for gpu in line})
        self._lines = [[(gpu.index, gpu.flavor) for gpu in line] for line in lines]
        self._slots = [_by_flavor(line) for line in lines]
        self._width = width = max((len(line) for line in lines), default=0) or 1
        self.rows = [{gpu.index: at * width + slot for slot, gpu in enumerate(line)} for at, line in enumerate(lines)]
        """Per node: index → number of the device."""
        shape = (len(lines), width)
        self._is = {flavor: np.zeros(shape, bool) for flavor in self.flavors}
        for at, line in enumerate(lines):
            for slot, gpu in enumerate(line):
                self._is[gpu.flavor][at, slot] = True
        self._nowhere = np.zeros(shape, bool)
        self._left = np.full(shape[0] * width, WHOLE, np.int64)
        self._none = np.zeros(shape[0], np.int64)
        self._count()

    def _count(self) -> None:
        left = self._left.reshape(-1, self._width)
        self._whole = {flavor: self.whole_in(self._left, flavor) for flavor in self.flavors}
        self._thousandths: dict[str, Counts] = {
            flavor: np.where(mine, left, 0).sum(axis=1) for flavor, mine in self._is.items()
        }
        self._all: Counts = sum(self._thousandths.values(), self._none)
        self._sums = {flavor: int(left.sum()) for flavor, left in self._thousandths.items()}
        self._shares: dict[str, dict[int, Counts]] = {flavor: {} for flavor in self.flavors}
        """Kind → thousandths → how many members with such shares fit per node, of those that were asked for."""

    def copy(self) -> Devices:
        """The same devices, to be used up apart from these."""
        twin = copy(self)
        twin._left, twin._all = self._left.copy(), self._all.copy()
        twin._whole = {flavor: whole.copy() for flavor, whole in self._whole.items()}
        twin._thousandths = {flavor: left.copy() for flavor, left in self._thousandths.items()}
        twin._sums = dict(self._sums)
        twin._shares = {flavor: {} for flavor in self.flavors}
        return twin

    def free(self, flavor: str) -> Counts:
        """Whole devices of a kind per node."""
        return self._whole.get(flavor, self._none)

    def sum_left(self, flavor: str) -> int:
        """Thousandths of a kind that are left together."""
        return self._sums.get(flavor, 0)

    def left(self, flavor: str) -> Counts:
        """Thousandths of a kind that are left per node."""
        return self._thousandths.get(flavor, self._none)

    def all_left(self) -> Counts:
        """Thousandths of all kinds that are left per node."""
        return self._all

    def shares(self, flavor: str, millis: int) -> Counts:
        """How many members that share a device fit per node. Kept up as devices change: not to be changed by others."""
        known = self._shares.get(flavor)
        if known is None:
            return self._none
        counts = known.get(millis)
        if counts is None:
            counts = known[millis] = self.shares_in(self._left, flavor, millis)
        return counts

    def given_back(self, rows: Counts, millis: Counts) -> Counts:
        """Thousandths that would be left of every device if so much of these were free again."""
        back = np.bincount(rows, weights=millis, minlength=len(self._left))
        return self._left + back.astype(np.int64)

    def whole_in(self, left: Counts, flavor: str, which: Which = ALL) -> Counts:
        """Whole devices of a kind per node, of so much that is left of every device."""
        whole = left.reshape(-1, self._width)[which] == WHOLE
        found: Counts = (whole & self._is.get(flavor, self._nowhere)[which]).sum(axis=1)
        return found

    def shares_in(self, left: Counts, flavor: str, millis: int, which: Which = ALL) -> Counts:
        """How many members that share a device fit per node, of so much that is left of every device."""
        fits = np.maximum(left.reshape(-1, self._width)[which], 0) // millis
        found: Counts = np.where(self._is.get(flavor, self._nowhere)[which], fits, 0).sum(axis=1)
        return found

    def occupy_all(self, rows: Counts, millis: Counts) -> None:
        """So much of these is in use from now on."""
        self._left = self.given_back(rows, -millis)
        self._count()

    def shares_at(self, at: int, flavor: str, millis: int) -> int:
        """As `shares`, of one node."""
        return int(self.shares(flavor, millis)[at])

    def take(self, at: int, flavor: str, count: int, members: int) -> list[tuple[int, ...]]:
        """The indices of so many whole devices for each of more members, which must fit."""
        left, line = self._at(at), self._lines[at]
        free = [slot for slot in self._slots[at][flavor] if left[slot] == WHOLE][: count * members]
        for slot in free:
            left[slot] = 0
        self._whole[flavor][at] -= len(free)
        self._use(at, flavor, left, WHOLE * len(free))
        for millis, counts in self._shares[flavor].items():
            counts[at] -= WHOLE // millis * len(free)
        indices = [line[slot][0] for slot in free]
        return [tuple(indices[first : first + count]) for first in range(0, len(indices), count)]

    def share(self, at: int, flavor: str, millis: int, members: int) -> list[tuple[int, ...]]:
        """The index of a device for each of more members that share one, which must fit: where least is left over."""
        left, line, mine = self._at(at), self._lines[at], self._slots[at][flavor]
        before, found = left.copy(), []
        for _ in range(members):
            slot = min([(left[slot], slot) for slot in mine if left[slot] >= millis])[1]
            left[slot] -= millis
            found.append(slot)
        used = set(found)
        self._whole[flavor][at] -= sum([before[slot] == WHOLE for slot in used])
        self._use(at, flavor, left, millis * members)
        for each, counts in self._shares[flavor].items():
            counts[at] -= sum([before[slot] // each - left[slot] // each for slot in used])
        return [(line[slot][0],) for slot in found]

    def _use(self, at: int, flavor: str, left: list[int], millis: int) -> None:
        """So much is left of the devices of a node from now on, which is so much less of a kind."""
        self._left[at * self._width : (at + 1) * self._width] = left
        self._thousandths[flavor][at] -= millis
        self._all[at] -= millis
        self._sums[flavor] -= millis

    def occupy(self, at: int, indices: Iterable[int], millis: int) -> None:
        """Indices that the node does not have (any more) are no part of this."""
        for index in indices:
            row = self.rows[at].get(index)
            if row is not None:
                before = int(self._left[row])
                self._set(at, row - at * self._width, before, before - millis)

    def are_free(self, at: int, indices: Iterable[int], millis: int) -> bool:
        """Whether so much of each is free; of one that is named several times, as often."""
        rows = Counter(self.rows[at].get(index, -1) for index in indices)
        return all(row >= 0 and self._left[row] >= count * millis for row, count in rows.items())

    def _at(self, at: int) -> list[int]:
        """What is left of the devices of one node."""
        left: list[int] = self._left[at * self._width : (at + 1) * self._width].tolist()
        return left

    def _set(self, at: int, slot: int, before: int, now: int) -> None:
        flavor = self._lines[at][slot][1]
        self._left[at * self._width + slot] = now
        whole = (now == WHOLE) - (before == WHOLE)
        if whole:
            self._whole[flavor][at] += whole
        self._thousandths[flavor][at] += now - before
        self._all[at] += now - before
        self._sums[flavor] += now - before
        for millis, counts in self._shares[flavor].items():
            change = max(0, now) // millis - max(0, before) // millis
            if change:
                counts[at] += change


def _index(gpu: Gpu) -> int:
    return gpu.index


def _by_flavor(line: Iterable[Gpu]) -> dict[str, list[int]]:
    """Kind → slots of a node that have such a device."""
    slots: dict[str, list[int]] = {}
    for slot, gpu in enumerate(line):
        slots.setdefault(gpu.flavor, []).append(slot)
    return slots
