"""What is held on the machines, in rows of numbers: one for each member, and one for each of its devices."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.fit import Counts, Machines
from apps.quotas.scheduling.snapshot import Holding

Marks = npt.NDArray[np.bool_]


class Occupancy:
    """Members on ready nodes; what is on others, or on devices that are not there, is no part of this."""

    def __init__(self, machines: Machines, holdings: Sequence[Holding]) -> None:
        node, owner, device, device_owner = [], [], [], []
        index, rows = machines.index, machines.devices.rows
        for number, holding in enumerate(holdings):
            for name, indices in holding.assignments:
                at = index.get(name)
                if at is None:
                    continue
                node.append(at)
                owner.append(number)
                for each in indices:
                    row = rows.get((at, each))
                    if row is not None:
                        device.append(row)
                        device_owner.append(number)
        self.size = len(holdings)
        self.node = np.array(node, np.int64)
        """Per member the number of its node."""
        self.owner = np.array(owner, np.int64)
        """Per member the number of its holding."""
        self.device = np.array(device, np.int64)
        """Per device of a member its number: see `Devices.rows`."""
        self.device_owner = np.array(device_owner, np.int64)
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
