"""What is kept on the nodes for those that come later: of what is free now, what ends later may not use it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from math import inf
from typing import Protocol

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.snapshot import WHOLE, Ask

Counts = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Which = Counts | slice
"""Nodes by their numbers."""


class Coming(Protocol):
    """What will be free on each node at a moment at the latest, and where somebody's members go then."""

    @property
    def at(self) -> float: ...
    @property
    def flavor(self) -> str: ...
    @property
    def cpu(self) -> Counts: ...
    @property
    def memory(self) -> Counts: ...
    @property
    def whole(self) -> Counts: ...
    @property
    def chosen(self) -> list[tuple[int, int]]: ...


class Kept:
    """Amounts per node, and per kind of GPU whole devices."""

    def __init__(self, nodes: int) -> None:
        self.until = np.full(nodes, np.inf)
        """From when it is needed."""
        self.cpu, self.memory = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
        self.cpu_for, self.memory_for = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
        """What it is kept for: what those will use who come then."""
        self._gpus: dict[str, Counts] = {}
        self._gpus_for: dict[str, Counts] = {}
        self._shared: dict[str, Counts] = {}
        """1 where also devices that others share are kept."""
        self._none = np.zeros(nodes, np.int64)
        self._moments: list[float] = []
        self._late: dict[int, Marks] = {}

    def __bool__(self) -> bool:
        return bool(self._moments)

    def level(self, ends_at: float) -> int:
        """How many of the moments are before that: those that end between the same two are held back alike."""
        return bisect_left(self._moments, ends_at)

    def before(self, ends_at: float) -> float:
        """The last of the moments before that: what ends later is held back alike, or more."""
        level = bisect_left(self._moments, ends_at)
        return self._moments[level - 1] if level else -inf

    def late(self, ends_at: float) -> Marks:
        """Of which nodes something is needed before that."""
        level = bisect_left(self._moments, ends_at)
        known = self._late.get(level)
        if known is None:
            known = self._late[level] = self.until < ends_at
        return known

    def gpus(self, flavor: str) -> Counts:
        return self._gpus.get(flavor, self._none)

    def gpus_for(self, flavor: str) -> Counts:
        return self._gpus_for.get(flavor, self._none)

    def beside(
        self, ask: Ask, flavor: str, ends_at: float, which: Which, free: Sequence[Counts]
    ) -> tuple[Counts, Counts, Counts]:
        """What is free for those that end then, of cores, of memory, and of whole devices or places to share one.

        Args:
            free: the same without what is kept, and whole devices.
        """
        cpu, memory, gpus, whole = free
        late = self.until[which] < ends_at
        cpu, memory = cpu - late * self.cpu[which], memory - late * self.memory[which]
        if not ask.gpus or flavor not in self._gpus:
            return cpu, memory, gpus
        kept = late * self._gpus[flavor][which]
        if ask.gpu_millis == WHOLE:
            return cpu, memory, gpus - kept
        gpus = gpus - np.minimum(whole, kept) * (WHOLE // ask.gpu_millis)  # what is whole may be what is kept
        return cpu, memory, np.where(late & (self._shared[flavor][which] > 0), 0, gpus)

    def has_one(self, ask: Ask, flavor: str, which: Counts, free: Sequence[Counts]) -> Marks:
        """Whether beside what is kept on nodes, of which something is needed before it ends, one member has room.

        Args:
            free: as of `beside`.
        """
        cpu, memory, gpus, whole = free
        room: Marks = cpu - self.cpu[which] >= ask.cpu_millis
        room &= memory - self.memory[which] >= ask.memory_bytes
        if not ask.gpus:
            return room
        if flavor not in self._gpus:
            room &= gpus >= (ask.gpus if ask.gpu_millis == WHOLE else 1)
            return room
        kept = self._gpus[flavor][which]
        if ask.gpu_millis == WHOLE:
            room &= gpus - kept >= ask.gpus
            return room
        room &= gpus - np.minimum(whole, kept) * (WHOLE // ask.gpu_millis) > 0
        room &= self._shared[flavor][which] == 0
        return room

    def add(self, ask: Ask, coming: Coming, now: tuple[Counts, Counts, Counts]) -> None:
        """Keep what members need who come then.

        Args:
            now: cores, memory and whole devices of the kind that are free now.
        """
        cpu, memory, free = now
        for node, count in coming.chosen:
            self.until[node] = min(coming.at, self.until[node])
            self.cpu_for[node] += count * ask.cpu_millis
            self.memory_for[node] += count * ask.memory_bytes
            self.cpu[node] = max(self.cpu[node], cpu[node] - coming.cpu[node] + self.cpu_for[node])
            self.memory[node] = max(self.memory[node], memory[node] - coming.memory[node] + self.memory_for[node])
            if ask.gpus:
                self._add_gpus(ask, coming.flavor, node, count, int(free[node] - coming.whole[node]))
        self._late.clear()
        if coming.at not in self._moments:
            insort(self._moments, coming.at)

    def _add_gpus(self, ask: Ask, flavor: str, node: int, count: int, lent: int) -> None:
        if flavor not in self._gpus:
            self._gpus[flavor], self._gpus_for[flavor] = self._none.copy(), self._none.copy()
            self._shared[flavor] = self._none.copy()
        self._gpus_for[flavor][node] += -(-count * ask.gpus * ask.gpu_millis // WHOLE)
        self._gpus[flavor][node] = max(self._gpus[flavor][node], lent + self._gpus_for[flavor][node])
        if ask.gpu_millis < WHOLE:
            self._shared[flavor][node] = 1

    def use(self, at: int, ask: Ask, flavor: str, count: int, ends_at: float) -> None:
        """Members are placed on a node: if they are gone before it is needed, they may take of what is kept."""
        if not self._moments or ends_at > self.until[at]:
            return
        self.cpu[at] = max(0, self.cpu[at] - count * ask.cpu_millis)
        self.memory[at] = max(0, self.memory[at] - count * ask.memory_bytes)
        if ask.gpus and ask.gpu_millis == WHOLE and flavor in self._gpus:
            self._gpus[flavor][at] = max(0, self._gpus[flavor][at] - count * ask.gpus)
