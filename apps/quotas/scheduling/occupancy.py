"""What is held on the machines, in rows of numbers: one for each member, and one for each of its devices."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Protocol

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.fit import Counts, Machines
from apps.quotas.scheduling.snapshot import Ask, Assignment

Marks = npt.NDArray[np.bool_]


class Holder(Protocol):
    """What members ask for, and where they are."""

    @property
    def ask(self) -> Ask: ...
    @property
    def assignments(self) -> tuple[Assignment, ...]: ...


class Occupancy:
    """Members on ready nodes; what is on others, or on devices that are not there, is no part of this."""

    def __init__(self, machines: Machines, holdings: Sequence[Holder]) -> None:
        find, rows = machines.index.get, [*machines.devices.rows, {}]  # the last is of what is on no ready node
        places = [place for holding in holdings for place in holding.assignments]
        at = np.array([find(name, -1) for name, _ in places], np.int64)
        ready, sizes = at >= 0, [len(holding.assignments) for holding in holdings]
        owner = np.repeat(np.arange(len(holdings)), sizes)
        each = [rows[node].get(one, -1) for node, (_, mine) in zip(at.tolist(), places, strict=True) for one in mine]
        device, devices = np.array(each, np.int64), [len(mine) for _, mine in places]
        there = device >= 0
        self.size = len(holdings)
        self.node = at[ready]
        """Per member the number of its node."""
        self.owner = owner[ready]
        """Per member the number of its holding."""
        self.device = device[there]
        """Per device of a member its number: see `Devices.rows`."""
        self.device_owner = np.repeat(owner, devices)[there]
        asks = [holding.ask for holding in holdings]
        self.cpu = np.fromiter((ask.cpu_millis for ask in asks), np.int64, len(asks))[self.owner]
        self.memory = np.fromiter((ask.memory_bytes for ask in asks), np.int64, len(asks))[self.owner]
        self.millis = np.fromiter((ask.gpu_millis for ask in asks), np.int64, len(asks))[self.device_owner]
        self._nodes = len(machines.names)

    def joined(self, other: Occupancy) -> Occupancy:
        """What both hold; the holdings of the other are numbered on."""
        both = copy(self)
        both.size = self.size + other.size
        both.owner = np.concatenate([self.owner, other.owner + self.size])
        both.device_owner = np.concatenate([self.device_owner, other.device_owner + self.size])
        for name in ("node", "device", "cpu", "memory", "millis"):
            setattr(both, name, np.concatenate([getattr(self, name), getattr(other, name)]))
        return both

    def cpu_of(self, members: Marks) -> Counts:
        """Thousandths of cores per node that these members hold."""
        return self._sum(members, self.cpu)

    def memory_of(self, members: Marks) -> Counts:
        """Bytes per node that these members hold."""
        return self._sum(members, self.memory)

    def _sum(self, members: Marks, amounts: Counts) -> Counts:
        return np.bincount(self.node[members], weights=amounts[members], minlength=self._nodes).astype(np.int64)


def occupy(machines: Machines, held: Occupancy) -> None:
    """Account for all members that are there already."""
    every = np.ones(len(held.node), bool)
    machines.cpu -= held.cpu_of(every)
    machines.memory -= held.memory_of(every)
    machines.devices.occupy_all(held.device, held.millis)
