"""When and where something that does not fit now will fit, by what the running ones have declared.

The first that must wait gets its places kept from that moment on (EASY backfill: Lifka, 1995): others may start
meanwhile if they end before, or take what is left beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.fit import Counts, Machines, fits_of
from apps.quotas.scheduling.occupancy import Marks, Occupancy
from apps.quotas.scheduling.snapshot import WHOLE, Ask, Holding

Moments = npt.NDArray[np.float64]
SOON_SECONDS = 60.0
"""What is being stopped, or is beyond its limit, is taken to be gone so soon."""
LEAST_SECONDS = 600.0
"""What has declared no limit is taken to run on for as long as it has run, and at least so long."""


def expected_end(holding: Holding, at: float) -> float:
    """When it will have ended, as far as its limit tells; a guess by its age when it has none."""
    return at + SOON_SECONDS if holding.leaving else end_by_limit(holding.ends_at, at, at - holding.began)


def end_by_limit(ends_at: float, at: float, age: float = 0.0) -> float:
    """When something of that age will have ended, as far as its limit tells."""
    return max(ends_at, at + SOON_SECONDS) if ends_at < inf else at + max(LEAST_SECONDS, age)


@dataclass(frozen=True, slots=True)
class Coming:
    """What will be free on each node at a moment at the latest, beside what is kept already."""

    at: float
    flavor: str
    cpu: Counts
    memory: Counts
    whole: Counts
    """Devices of the kind."""
    chosen: list[tuple[int, int]]
    """Nodes and how many members go there."""


class Forecast:
    """What becomes free when.

    Args:
        held: all for which the machines account.
        ends: when each of those ends.
    """

    def __init__(self, machines: Machines, held: Occupancy, ends: Moments) -> None:
        self._machines, self._held = machines, held
        self._ends, self._device_ends = ends[held.owner], ends[held.device_owner]
        self._moments = np.unique(self._ends)

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
        ended: Marks = self._ends <= moment
        machines, held, gone = self._machines, self._held, self._device_ends <= moment
        cpu = machines.cpu + held.cpu_of(ended)
        memory = machines.memory + held.memory_of(ended)
        whole, gpus = np.zeros_like(cpu), None
        if ask.gpus:
            left = machines.devices.given_back(held.device[gone], held.millis[gone])
            whole = machines.devices.whole_in(left, flavor)
            gpus = whole if ask.gpu_millis == WHOLE else machines.devices.shares_in(left, flavor, ask.gpu_millis)
        fits = fits_of(ask, *self._unspoken(ask, flavor, cpu, memory, gpus))
        chosen = machines.choose(ask, flavor, count, fits)
        return Coming(moment, flavor, cpu, memory, whole, chosen) if chosen is not None else None

    def _unspoken(
        self, ask: Ask, flavor: str, cpu: Counts, memory: Counts, gpus: Counts | None
    ) -> tuple[Counts, Counts, Counts | None]:
        """Without what is kept for others that come before."""
        kept = self._machines.kept
        if not kept:
            return cpu, memory, gpus
        if gpus is not None:
            each = 1 if ask.gpu_millis == WHOLE else WHOLE // ask.gpu_millis
            gpus = gpus - kept.gpus_for(flavor) * each
        return cpu - kept.cpu_for, memory - kept.memory_for, gpus
