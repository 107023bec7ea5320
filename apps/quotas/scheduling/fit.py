"""The machines of a pool: what is free on each, where members fit best, and what is kept for somebody later.

Members of a workload are alike, so counting how many fit on each node and filling nodes in order is exact: if the gang
fits at all, it is found. Counts for all nodes are one vector operation each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.counted import Counted
from apps.quotas.scheduling.devices import ALL, Devices
from apps.quotas.scheduling.kept import Coming, Kept, Which
from apps.quotas.scheduling.snapshot import WHOLE, Ask, Assignment, NodeView

Counts = npt.NDArray[np.int64]
NODE = "node"
"""The topology of members that are all on one node."""
PLENTY = np.int64(1 << 40)
"""Members of something that asks for nothing."""
_GPUS_FIRST = np.int64(1 << 40)
"""More than any node has thousandths of cores."""


class Machines:
    """What is free on the ready nodes. Amounts change as members come and go; nothing is checked: ask `members`."""

    def __init__(self, nodes: Iterable[NodeView]) -> None:
        ready = sorted((node for node in nodes if node.ready), key=lambda node: node.name)
        self.names = [node.name for node in ready]
        self.index = {name: at for at, name in enumerate(self.names)}
        self.cpu = _array(node.cpu_millis for node in ready)
        self.memory = _array(node.memory_bytes for node in ready)
        self.labels = Labels([node.labels for node in ready])
        self.devices = Devices([node.gpus for node in ready])
        self.kept = Kept(len(ready))
        self._none = np.zeros(len(ready), np.int64)
        self._counted = Counted()

    def copy(self) -> Machines:
        """The same machines, to be used up apart from these; nothing is kept on them."""
        twin = copy(self)
        twin.cpu, twin.memory, twin.devices = self.cpu.copy(), self.memory.copy(), self.devices.copy()
        twin.kept, twin._counted = Kept(len(self.names)), Counted()
        return twin

    @property
    def flavors(self) -> list[str]:
        return self.devices.flavors

    @property
    def reserved(self) -> bool:
        """Whether anything is kept for somebody."""
        return bool(self.kept)

    def members(self, ask: Ask, flavor: str, ends_at: float = -inf) -> Counts:
        """How many members that end by then fit on each node; by default as if nothing were kept for others.

        The numbers change with the machines: copy them to keep them.
        """
        level = self.kept.level(ends_at)
        key = (*ask[:3], ask.gpu_millis, flavor, ask.avoids, level)
        fits, changed = self._counted.known(key)
        if fits is None and not level:
            fits = self._members(ask, flavor, ALL, -inf)
            self._counted.learn(key, fits)
        elif fits is None:
            fits, late = self.members(ask, flavor).copy(), self.kept.late(ends_at).nonzero()[0]
            fits[late] = self._members(ask, flavor, late, ends_at)
            self._counted.learn(key, fits)
        elif changed:
            which = np.fromiter(changed, np.int64, len(changed))
            fits[which] = self._members(ask, flavor, which, ends_at if level else -inf)
        return fits

    def nodes_for_one(self, ask: Ask, flavor: str) -> Counts:
        """The numbers of the nodes on which a member fits, as if nothing were kept for others."""
        room = (self.cpu >= ask.cpu_millis) & (self.memory >= ask.memory_bytes)
        if ask.gpus and ask.gpu_millis == WHOLE:
            room &= self.devices.free(flavor) >= ask.gpus
        elif ask.gpus:
            room &= self.devices.shares(flavor, ask.gpu_millis) > 0
        return heed(self, ask, room).nonzero()[0]

    def beside_kept(self, which: Counts, ask: Ask, flavor: str, ends_at: float) -> Counts:
        """Of these nodes, those on which there is room for a member that ends then beside what is kept."""
        is_late = self.kept.late(ends_at)[which]
        late = which[is_late]
        if not len(late):
            return which
        gpus = whole = self.devices.free(flavor)[late] if ask.gpus else self._none[late]
        if ask.gpus and ask.gpu_millis < WHOLE:
            gpus = self.devices.shares(flavor, ask.gpu_millis)[late]
        is_late[is_late] = ~self.kept.has_one(ask, flavor, late, (self.cpu[late], self.memory[late], gpus, whole))
        return which[~is_late]

    def tightest(self, ask: Ask, flavor: str, which: Counts) -> int:
        """The one of these nodes on which least is left over."""
        return int(which[self._tightness(ask, flavor, which).argmin()])

    def _members(self, ask: Ask, flavor: str, which: Which, ends_at: float) -> Counts:
        cpu, memory, gpus = self.cpu[which], self.memory[which], self._none[which]
        whole = self.devices.free(flavor)[which] if ask.gpus else gpus
        if ask.gpus:
            gpus = whole if ask.gpu_millis == WHOLE else self.devices.shares(flavor, ask.gpu_millis)[which]
        if ends_at > -inf:
            cpu, memory, gpus = self.kept.beside(ask, flavor, ends_at, which, (cpu, memory, gpus, whole))
        return heed(self, ask, fits_of(ask, cpu, memory, gpus if ask.gpus else None), which)

    def members_at(self, at: int, ask: Ask, flavor: str, ends_at: float = -inf) -> int:
        """As `members`, of one node."""
        if self.kept and self.kept.until[at] < ends_at:
            return int(self._members(ask, flavor, slice(at, at + 1), ends_at)[0])
        fits = int(self.cpu[at]) // ask.cpu_millis if ask.cpu_millis else int(PLENTY)
        if ask.memory_bytes:
            fits = min(fits, int(self.memory[at]) // ask.memory_bytes)
        if ask.gpus and ask.gpu_millis == WHOLE:
            fits = min(fits, int(self.devices.free(flavor)[at]) // ask.gpus)
        elif ask.gpus:
            fits = min(fits, self.devices.shares_at(at, flavor, ask.gpu_millis))
        return 0 if self.names[at] in ask.avoids else max(0, fits)

    def beside(self, ask: Ask, assignments: Sequence[Assignment], fits: Counts) -> Counts:
        """As `fits`, where members have in common with those that are there what the topology asks for."""
        at = self.index.get(assignments[0].node) if assignments else None
        if not ask.topology or not assignments:
            return fits
        if at is None:
            return np.zeros_like(fits)
        if ask.topology == NODE:
            return np.where(np.arange(len(fits)) == at, fits, 0)
        groups = self.labels.groups(ask.topology)
        return np.where(groups == groups[at], fits, 0)

    def together(self, ask: Ask, fits: Counts) -> int:
        """How many members fit in all, as the topology they ask for allows."""
        if not ask.topology:
            return int(np.add.reduce(fits))
        if ask.topology == NODE:
            return int(fits.max(initial=0))
        return int(self.labels.sums(ask.topology, fits).max(initial=0))

    def choose(self, ask: Ask, flavor: str, count: int, fits: Counts) -> list[tuple[int, int]] | None:
        """On which nodes how many members go: the tightest single node, else the fewest. None: they do not fit."""
        if ask.topology not in ("", NODE):
            fits = np.where(self.labels.groups(ask.topology) >= 0, fits, 0)
        whole = (fits >= count).nonzero()[0]
        if len(whole):
            return [(self.tightest(ask, flavor, whole), count)]
        if ask.topology == NODE:
            return None
        return (self._within_label if ask.topology else self._spread)(ask, flavor, count, fits)

    def _spread(self, ask: Ask, flavor: str, count: int, fits: Counts) -> list[tuple[int, int]] | None:
        return spread(count, fits, self._tightness(ask, flavor)) if int(np.add.reduce(fits)) >= count else None

    def _within_label(self, ask: Ask, flavor: str, count: int, fits: Counts) -> list[tuple[int, int]] | None:
        """The group of nodes in which they fit with the least left over."""
        sums = self.labels.sums(ask.topology, fits)
        enough = np.flatnonzero(sums >= count)
        if not len(enough):
            return None
        best = enough[sums[enough].argmin()]
        return self._spread(ask, flavor, count, np.where(self.labels.groups(ask.topology) == best, fits, 0))

    def _tightness(self, ask: Ask, flavor: str, which: Which = ALL) -> Counts:
        """Small where little is left over: of GPUs first, so that nodes with many free ones stay whole."""
        gpus = self.devices.left(flavor) if ask.gpus else self.devices.all_left()
        result: Counts = gpus[which] * _GPUS_FIRST + self.cpu[which]
        return result

    def place(self, ask: Ask, flavor: str, chosen: Sequence[tuple[int, int]], ends_at: float = inf) -> list[Assignment]:
        """Give members their places on the chosen nodes."""
        places: list[Assignment] = []
        for at, count in chosen:
            self._use(at, ask, flavor, count, ends_at)
            name = self.names[at]
            if not ask.gpus:
                places += [Assignment(name)] * count
            elif ask.gpu_millis == WHOLE:
                places += [Assignment(name, taken) for taken in self.devices.take(at, flavor, ask.gpus, count)]
            else:
                places += [Assignment(name, taken) for taken in self.devices.share(at, flavor, ask.gpu_millis, count)]
        return places

    def occupy(self, ask: Ask, assignments: Iterable[Assignment], sign: int = 1) -> None:
        """Account for members that are there already. Nodes that are not ready are no part of this."""
        for node, devices in assignments:
            at = self.index.get(node)
            if at is not None:
                self.cpu[at] -= sign * ask.cpu_millis
                self.memory[at] -= sign * ask.memory_bytes
                self._counted.change(at)
                if devices:
                    self.devices.occupy(at, devices, sign * ask.gpu_millis)

    def release(self, ask: Ask, assignments: Iterable[Assignment]) -> None:
        """The inverse of `occupy`."""
        self.occupy(ask, assignments, -1)

    def keep(self, ask: Ask, coming: Coming) -> None:
        """Keep places from a moment on: what ends later may only use what is there beside them."""
        self.kept.add(ask, coming, (self.cpu, self.memory, self.devices.free(coming.flavor)))
        self._counted.forget(lambda key: key[-1] > 0)

    def holds(self, ask: Ask, assignments: Iterable[Assignment]) -> bool:
        """Whether exactly these places are free."""
        members: dict[int, list[int]] = {}
        for node, devices in assignments:
            at = self.index.get(node)
            if at is None:
                return False
            members.setdefault(at, []).extend(devices or [-1])
        return all(
            self.members_at(at, ask._replace(gpus=0), "") >= len(used) // max(1, ask.gpus)
            and (not ask.gpus or self.devices.are_free(at, used, ask.gpu_millis))
            for at, used in members.items()
        )

    def _use(self, at: int, ask: Ask, flavor: str, count: int, ends_at: float) -> None:
        self.cpu[at] -= count * ask.cpu_millis
        self.memory[at] -= count * ask.memory_bytes
        self._counted.change(at)
        self.kept.use(at, ask, flavor, count, ends_at)


def heed(machines: Machines, ask: Ask, fits: npt.NDArray[Any], which: Which = ALL) -> npt.NDArray[Any]:
    """As `fits` of these nodes, with none on those that are avoided."""
    if not ask.avoids:
        return fits
    may = np.ones(len(machines.names), fits.dtype)
    may[[machines.index[name] for name in ask.avoids if name in machines.index]] = 0
    return fits * may[which]


def spread(count: int, fits: Counts, tightness: Counts) -> list[tuple[int, int]]:
    """So many members, which fit, on the fewest nodes: how many go to which."""
    chosen: list[tuple[int, int]] = []
    for at in np.lexsort((tightness, -fits)):
        here = min(int(fits[at]), count)
        chosen.append((int(at), here))
        count -= here
        if not count:
            break
    return chosen


class Labels:
    """Which nodes have the same value of a label."""

    def __init__(self, labels: Sequence[Mapping[str, str]]) -> None:
        self._labels = labels
        self._groups: dict[str, tuple[list[str], Counts]] = {}

    def groups(self, label: str) -> Counts:
        """Per node the number of its value; -1: it has none."""
        return self._of(label)[1]

    def sums(self, label: str, fits: Counts) -> Counts:
        """Members per value."""
        values, numbers = self._of(label)
        inside = numbers >= 0
        sums = np.bincount(numbers[inside], weights=fits[inside], minlength=len(values))
        return sums.astype(np.int64)

    def _of(self, label: str) -> tuple[list[str], Counts]:
        if label not in self._groups:
            values = sorted({labels[label] for labels in self._labels if label in labels})
            at = {value: number for number, value in enumerate(values)}
            numbers = _array(at.get(labels.get(label, ""), -1) for labels in self._labels)
            self._groups[label] = (values, numbers)
        return self._groups[label]


def fits_of(ask: Ask, cpu: Counts, memory: Counts, gpus: Counts | None) -> Counts:
    """Members per node.

    Args:
        gpus: whole devices of the kind; for members that share one, how many of them the devices hold.
    """
    fits = cpu // ask.cpu_millis if ask.cpu_millis else np.full(len(cpu), PLENTY)
    if ask.memory_bytes:
        fits = np.minimum(fits, memory // ask.memory_bytes)
    if gpus is not None:
        fits = np.minimum(fits, gpus // ask.gpus if ask.gpus > 1 else gpus)
    return np.maximum(fits, 0)


def _array(values: Iterable[int]) -> Counts:
    return np.fromiter(values, np.int64)
