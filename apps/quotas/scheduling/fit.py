"""The machines of a pool: what is free on each, where members fit best, and what is kept for somebody later.

Members of a workload are alike, so counting how many fit on each node and filling nodes in order is exact: if the gang
fits at all, it is found. Counts for all nodes are one vector operation each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from math import inf
from typing import Protocol

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.devices import Devices
from apps.quotas.scheduling.snapshot import WHOLE, Ask, Assignment, NodeView

Counts = npt.NDArray[np.int64]
NODE = "node"
"""The topology of members that are all on one node."""
PLENTY = np.int64(1 << 40)
"""Members of something that asks for nothing."""
_GPUS_FIRST = np.int64(1 << 40)
"""More than any node has thousandths of cores."""


class Coming(Protocol):
    """What will be free on each node at a moment at the latest, and where somebody's members go then."""

    @property
    def at(self) -> float: ...
    @property
    def cpu(self) -> Counts: ...
    @property
    def memory(self) -> Counts: ...
    @property
    def whole(self) -> Counts: ...
    @property
    def chosen(self) -> list[tuple[int, int]]: ...


class Machines:
    """What is free on the ready nodes. Amounts change as members come and go; nothing is checked: ask `members`."""

    def __init__(self, nodes: Iterable[NodeView]) -> None:
        ready = sorted((node for node in nodes if node.ready), key=lambda node: node.name)
        self.names = [node.name for node in ready]
        self.index = {name: at for at, name in enumerate(self.names)}
        self.cpu = _array(node.cpu_millis for node in ready)
        self.memory = _array(node.memory_bytes for node in ready)
        self.labels = [node.labels for node in ready]
        self.devices = Devices([node.gpus for node in ready])
        self.until = np.full(len(ready), inf)
        """Per node: what ends by then may use all that is free; what ends later only what is not kept."""
        self.reserved = False
        self.kept_cpu = np.zeros(len(ready), np.int64)
        self.kept_memory = np.zeros(len(ready), np.int64)
        self.kept_gpus = np.zeros(len(ready), np.int64)
        """Whole devices; of a node with several kinds, of any of them."""
        self._groups: dict[str, tuple[list[str], Counts]] = {}

    def copy(self) -> Machines:
        """The same machines, to be used up apart from these; nothing is kept on them."""
        twin = copy(self)
        twin.cpu, twin.memory, twin.devices = self.cpu.copy(), self.memory.copy(), self.devices.copy()
        twin.reserved = False
        return twin

    @property
    def flavors(self) -> list[str]:
        return self.devices.flavors

    def members(self, ask: Ask, flavor: str, ends_at: float = -inf) -> Counts:
        """How many members that end by then fit on each node; by default as if nothing were kept for others."""
        cpu, memory, gpus = self.cpu, self.memory, self.devices.free(flavor)
        shared = ask.gpus > 0 and ask.gpu_millis < WHOLE
        late = self.until < ends_at if self.reserved and ends_at > -inf else None
        if late is not None:
            cpu = np.where(late, cpu - self.kept_cpu, cpu)
            memory = np.where(late, memory - self.kept_memory, memory)
        if shared:
            opened = self.devices.shares_of_opened(flavor, ask.gpu_millis)
            unopened = gpus * (WHOLE // ask.gpu_millis)
            if late is not None:  # a device that is still whole may be what is kept
                unopened = np.where(late & (gpus <= self.kept_gpus), 0, unopened)
            gpus = opened + unopened
        elif late is not None:
            gpus = np.where(late, gpus - self.kept_gpus, gpus)
        return fits_of(ask, cpu, memory, gpus if ask.gpus else None)

    def members_at(self, at: int, ask: Ask, flavor: str) -> int:
        """As `members`, of one node."""
        fits = int(PLENTY)
        if ask.cpu_millis:
            fits = int(self.cpu[at]) // ask.cpu_millis
        if ask.memory_bytes:
            fits = min(fits, int(self.memory[at]) // ask.memory_bytes)
        if ask.gpus:
            fits = min(fits, self.devices.members_at(at, flavor, ask.gpus, ask.gpu_millis))
        return max(0, fits)

    def together(self, ask: Ask, fits: Counts) -> int:
        """How many members fit in all, as the topology they ask for allows."""
        if not ask.topology:
            return int(fits.sum())
        if ask.topology == NODE:
            return int(fits.max(initial=0))
        return int(self._by_label(ask.topology, fits).max(initial=0))

    def choose(self, ask: Ask, flavor: str, count: int, fits: Counts) -> list[tuple[int, int]] | None:
        """On which nodes how many members go: the tightest single node, else the fewest. None: they do not fit."""
        whole = fits >= count
        if whole.any():
            tight = np.where(whole, self._tightness(ask, flavor), np.iinfo(np.int64).max)
            return [(int(tight.argmin()), count)]
        if ask.topology == NODE:
            return None
        if ask.topology:
            return self._within_label(ask, flavor, count, fits)
        return self._spread(ask, flavor, count, fits)

    def _spread(self, ask: Ask, flavor: str, count: int, fits: Counts) -> list[tuple[int, int]] | None:
        if int(fits.sum()) < count:
            return None
        order = np.lexsort((self._tightness(ask, flavor), -fits))
        chosen: list[tuple[int, int]] = []
        for at in order:
            here = min(int(fits[at]), count)
            chosen.append((int(at), here))
            count -= here
            if not count:
                break
        return chosen

    def _within_label(self, ask: Ask, flavor: str, count: int, fits: Counts) -> list[tuple[int, int]] | None:
        """The group of nodes in which they fit with the least left over."""
        sums = self._by_label(ask.topology, fits)
        enough = np.flatnonzero(sums >= count)
        if not len(enough):
            return None
        best = enough[sums[enough].argmin()]
        return self._spread(ask, flavor, count, np.where(self._groups[ask.topology][1] == best, fits, 0))

    def _by_label(self, label: str, fits: Counts) -> Counts:
        if label not in self._groups:
            values = sorted({labels[label] for labels in self.labels if label in labels})
            at = {value: number for number, value in enumerate(values)}
            numbers = _array(at.get(labels.get(label, ""), -1) for labels in self.labels)
            self._groups[label] = (values, numbers)
        values, numbers = self._groups[label]
        inside = numbers >= 0
        sums = np.bincount(numbers[inside], weights=fits[inside], minlength=len(values))
        return sums.astype(np.int64)

    def _tightness(self, ask: Ask, flavor: str) -> Counts:
        """Small where little is left over: of GPUs first, so that nodes with many free ones stay whole."""
        gpus = self.devices.left(flavor) if ask.gpus else self.devices.all_left()
        result: Counts = gpus * _GPUS_FIRST + self.cpu
        return result

    def place(self, ask: Ask, flavor: str, chosen: Sequence[tuple[int, int]], ends_at: float = inf) -> list[Assignment]:
        """Give members their places on the chosen nodes."""
        places: list[Assignment] = []
        for at, count in chosen:
            self._use(at, ask, count, ends_at)
            for _ in range(count):
                devices = self.devices.take(at, flavor, ask.gpus, ask.gpu_millis) if ask.gpus else ()
                places.append(Assignment(self.names[at], devices))
        return places

    def occupy(self, ask: Ask, assignments: Iterable[Assignment]) -> None:
        """Account for members that are there already. Nodes that are not ready are no part of this."""
        for node, devices in assignments:
            at = self.index.get(node)
            if at is not None:
                self.cpu[at] -= ask.cpu_millis
                self.memory[at] -= ask.memory_bytes
                if devices:
                    self.devices.occupy(at, devices, ask.gpu_millis)

    def release(self, ask: Ask, assignments: Iterable[Assignment]) -> None:
        """The inverse of `occupy`."""
        for node, devices in assignments:
            at = self.index.get(node)
            if at is not None:
                self.cpu[at] += ask.cpu_millis
                self.memory[at] += ask.memory_bytes
                if devices:
                    self.devices.release(at, devices, ask.gpu_millis)

    def keep(self, ask: Ask, coming: Coming) -> None:
        """Keep places from a moment on: what ends later may only use what is there beside them."""
        self.reserved = True
        devices = ask.gpus * ask.gpu_millis
        for node, count in coming.chosen:
            self.until[node] = min(coming.at, self.until[node])
            beside = coming.cpu[node] - count * ask.cpu_millis
            self.kept_cpu[node] = max(self.kept_cpu[node], self.cpu[node] - beside)
            beside = coming.memory[node] - count * ask.memory_bytes
            self.kept_memory[node] = max(self.kept_memory[node], self.memory[node] - beside)
            beside = coming.whole[node] - -(-count * devices // WHOLE)
            self.kept_gpus[node] = max(self.kept_gpus[node], self.devices.all_whole()[node] - beside)

    def holds(self, ask: Ask, assignments: Iterable[Assignment]) -> bool:
        """Whether exactly these places are free."""
        cpu: dict[int, int] = {}
        for node, devices in assignments:
            at = self.index.get(node)
            if at is None or not self.devices.are_free(at, devices, ask.gpu_millis):
                return False
            cpu[at] = cpu.get(at, 0) + 1
        return all(
            self.cpu[at] >= count * ask.cpu_millis and self.memory[at] >= count * ask.memory_bytes
            for at, count in cpu.items()
        )

    def _use(self, at: int, ask: Ask, count: int, ends_at: float) -> None:
        self.cpu[at] -= count * ask.cpu_millis
        self.memory[at] -= count * ask.memory_bytes
        if self.reserved and ends_at <= self.until[at]:  # gone before what is kept is needed
            self.kept_cpu[at] = max(0, self.kept_cpu[at] - count * ask.cpu_millis)
            self.kept_memory[at] = max(0, self.kept_memory[at] - count * ask.memory_bytes)
            if ask.gpus and ask.gpu_millis == WHOLE:
                self.kept_gpus[at] = max(0, self.kept_gpus[at] - count * ask.gpus)


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
