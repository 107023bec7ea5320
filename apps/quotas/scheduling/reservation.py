"""When and where something that does not fit now will fit, by what the running ones have declared.

The first that must wait gets its places kept from that moment on (EASY backfill: Lifka, 1995): others may start
meanwhile if they end before, or take what is left beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.fit import Counts, Machines, fits_of
from apps.quotas.scheduling.snapshot import WHOLE, Ask, Holding, Key
from apps.quotas.scheduling.tree import amounts_of

SOON_SECONDS = 60.0
"""What is being stopped, or is beyond its limit, is taken to be gone so soon."""
LEAST_SECONDS = 600.0
"""What has declared no limit is taken to run on for as long as it has run, and at least so long."""


def expected_end(holding: Holding, at: float) -> float:
    """When it will have ended, as far as its limit tells; a guess by its age when it has none."""
    if holding.leaving:
        return at + SOON_SECONDS
    if holding.ends_at < inf:
        return max(holding.ends_at, at + SOON_SECONDS)
    began = holding.started_at if holding.started_at is not None else holding.admitted_at
    return at + max(LEAST_SECONDS, at - began)


@dataclass(frozen=True, slots=True)
class Coming:
    """What will be free on each node at a moment at the latest."""

    at: float
    cpu: Counts
    memory: Counts
    whole: Counts
    """Devices of all kinds."""
    chosen: list[tuple[int, int]]
    """Nodes and how many members go there."""


class Forecast:
    """What becomes free when, as it stands at the beginning of a cycle."""

    def __init__(self, machines: Machines, holdings: Iterable[Holding], at: float) -> None:
        self._machines = machines
        rows: list[tuple[int, int, int, float]] = []
        devices: dict[tuple[int, int], float] = {}
        for holding in holdings:
            end = expected_end(holding, at)
            for node, indices in holding.assignments:
                number = machines.index.get(node)
                if number is None:
                    continue
                rows.append((number, holding.ask.cpu_millis, holding.ask.memory_bytes, end))
                for index in indices:
                    devices[number, index] = max(end, devices.get((number, index), 0.0))
        self._node = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        self._cpu = np.fromiter((row[1] for row in rows), np.float64, len(rows))
        self._memory = np.fromiter((row[2] for row in rows), np.float64, len(rows))
        self._ends = np.fromiter((row[3] for row in rows), np.float64, len(rows))
        self._moments = np.unique(self._ends)
        self._device_node = np.fromiter((node for node, _ in devices), np.int64, len(devices))
        self._device_ends = np.fromiter(devices.values(), np.float64, len(devices))
        kinds = [machines.devices.flavor_at(node, index) for node, index in devices]
        self._device_kind = np.array(kinds, dtype=object)

    def earliest(self, ask: Ask, flavor: str, count: int) -> Coming | None:
        """The first moment at which so many members fit; None: not even when everything has ended."""
        low, high = 0, len(self._moments)
        found: Coming | None = None
        while low < high:
            middle = (low + high) // 2
            coming = self._at(float(self._moments[middle]), ask, flavor, count)
            if coming is None:
                low = middle + 1
            else:
                found, high = coming, middle
        return found

    def _at(self, moment: float, ask: Ask, flavor: str, count: int) -> Coming | None:
        ended, gone = self._ends <= moment, self._device_ends <= moment
        machines = self._machines
        cpu = machines.cpu + self._sum(ended, self._cpu)
        memory = machines.memory + self._sum(ended, self._memory)
        gpus = None
        if ask.gpus:
            back = self._per_node(self._device_node[gone & (self._device_kind == flavor)])
            gpus = machines.devices.free(flavor) + back
            if ask.gpu_millis < WHOLE:
                gpus = gpus * (WHOLE // ask.gpu_millis) + machines.devices.shares_of_opened(flavor, ask.gpu_millis)
        chosen = machines.choose(ask, flavor, count, fits_of(ask, cpu, memory, gpus))
        if chosen is None:
            return None
        whole = machines.devices.all_whole() + self._per_node(self._device_node[gone])
        return Coming(moment, cpu, memory, whole, chosen)

    def _sum(self, which: npt.NDArray[np.bool_], amounts: npt.NDArray[np.float64]) -> Counts:
        size = len(self._machines.names)
        return np.bincount(self._node[which], weights=amounts[which], minlength=size).astype(np.int64)

    def _per_node(self, nodes: Counts) -> Counts:
        return np.bincount(nodes, minlength=len(self._machines.names)).astype(np.int64)


@dataclass(slots=True)
class Hold:
    """Somebody waits below this place for more of a resource: who ends later may only take what is left beside it."""

    until: float
    spare: float


def quota_hold(key: Key, need: float, room: float, holdings: Iterable[Holding], at: float) -> Hold:
    """The moment from which a place will have enough of a resource again, by what is held below it (`holdings`).

    Args:
        need, room: how much is waited for, and how much of it there is now.
    """
    ends = [
        (expected_end(one, at), amounts_of(one.ask, one.flavor, len(one.assignments)).get(key, 0)) for one in holdings
    ]
    for end, amount in sorted(ends):
        room += amount
        if room >= need:
            return Hold(end, room - need)
    return Hold(inf, 0.0)
