"""When and where something that does not fit now will fit, by what the running ones have declared.

The first that must wait gets its places kept from that moment on (EASY backfill: Lifka, 1995): others may start
meanwhile if they end before, or take what is left beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.fit import Counts, Machines, fits_of, heed
from apps.quotas.scheduling.occupancy import Marks, Occupancy
from apps.quotas.scheduling.snapshot import WHOLE, Ask, Holding

Moments = npt.NDArray[np.float64]
SOON_SECONDS = 60.0
"""What is being stopped, or is beyond its limit, is taken to be gone so soon."""
LEAST_SECONDS = 600.0
"""What has declared no limit is taken to run on for as long as it has run, and at least so long."""


def expected_ends(holdings: Sequence[Holding], at: float) -> Moments:
    """When each will have ended, as far as its limit tells; a guess by its age when it has none."""
    limits = np.array([one.ends_at for one in holdings], np.float64)
    began = np.array([one.admitted_at if one.started_at is None else one.started_at for one in holdings], np.float64)
    leaving = np.array([one.leaving for one in holdings], bool)
    ends = np.where(limits < inf, np.maximum(limits, at + SOON_SECONDS), at + np.maximum(LEAST_SECONDS, at - began))
    found: Moments = np.where(leaving, at + SOON_SECONDS, ends)
    return found


def expected_end(ends_at: float, at: float) -> float:
    """When something that begins now will have ended."""
    return max(ends_at, at + SOON_SECONDS) if ends_at < inf else at + LEAST_SECONDS


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
        fits = heed(machines, ask, fits_of(ask, *self._unspoken(ask, flavor, cpu, memory, gpus)))
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
