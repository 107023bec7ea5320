"""What a simulation came to: what became of each job, who held and who waited when, and the figures made of that.

A *stint* is a stretch of time in which a workload held devices, or waited for them, in one amount. From the stints:

- mean and 99th percentile of the **wait**: all the time a job waited, also after it was preempted;
- **utilisation**: device time held in a span, divided by what the span had;
- **shares**: device time held by each queue;
- **Jain's index** of a window: with `x` = device time delivered to a tenant / device time it was entitled to,
  (Σx)² / (n·Σx²) over the n tenants that wanted something in the window. 1: all got the same part of what was theirs.
  What a tenant is entitled to is its max-min share of the window: what it wanted (held and waited for), where that is
  less than its weighted part; what such tenants leave is divided again among the others, by weight. In a tree of
  cohorts this is done from the top down: what a queue leaves goes to those of its own cohort first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple
from uuid import UUID

from apps.quotas.scheduling.snapshot import CohortView, QueueView

Windows = dict[UUID, list[float]]
"""Amount per queue, one for each window."""


class Stint(NamedTuple):
    workload_id: UUID
    queue_id: UUID
    held: bool
    """Or it waited for that."""
    since: float
    until: float
    gpu_millis: int
    """Thousandths of devices, all members together."""


@dataclass(slots=True)
class Passage:
    """What became of one job. Times are seconds since the epoch."""

    workload_id: UUID
    queue_id: UUID
    arrived_at: float
    started_at: float | None = None
    ended_at: float | None = None
    waited: float = 0.0
    """Seconds, also those after a preemption."""
    preemptions: int = 0
    lost_seconds: float = 0.0
    """Of its work, done and not kept."""
    refused: bool = False
    present: bool = False
    """It ran already when the simulation began."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that happened between two moments."""

    begins: float
    ends: float
    gpu_millis: int
    """Of all machines together."""
    passages: Mapping[UUID, Passage]
    stints: Sequence[Stint]
    cycles: int
    wrongs: Mapping[str, int] = field(default_factory=dict)
    """Kind → how often the referee found it: `quota`, `gang`, `capacity`."""
    words: Sequence[str] = ()
    """The first of them, in words."""

    @property
    def preemptions(self) -> int:
        return sum(passage.preemptions for passage in self.passages.values())

    def waits(self) -> list[float]:
        """Seconds that jobs have waited, ascending; without those refused, and those that ran from the beginning."""
        return sorted(one.waited for one in self.passages.values() if not (one.refused or one.present))

    def mean_wait(self) -> float:
        return fmean(self.waits() or [0.0])

    def wait_percentile(self, percent: float) -> float:
        """The smallest wait that so many percent of the jobs do not exceed."""
        return percentile(self.waits(), percent)

    def utilisation(self, since: float, until: float) -> float:
        """Part of all device time between two moments that was held."""
        held = sum(overlap(stint, since, until) for stint in self.stints if stint.held)
        whole = self.gpu_millis * (until - since)
        return held / whole if whole > 0 else 0.0

    def shares(self, since: float, until: float) -> dict[UUID, float]:
        """Device seconds each queue held between two moments."""
        found: dict[UUID, float] = defaultdict(float)
        for stint in self.stints:
            if stint.held:
                found[stint.queue_id] += overlap(stint, since, until) / 1000
        return dict(found)

    def jain(self, tenants: Tenants, since: float, until: float, window: float) -> float:
        """Jain's index of the windows between two moments, on average.

        Args:
            tenants: whose shares are compared.
            window: length in seconds.
        """
        count = max(1, round((until - since) / window))
        held = spread((one for one in self.stints if one.held), since, window, count)
        wanted = spread(self.stints, since, window, count)
        found = []
        for number in range(count):
            asks = {queue: wanted[queue][number] for queue in wanted if wanted[queue][number] > 0}
            entitled = tenants.entitled(asks, self.gpu_millis * window)
            parts = [held[queue][number] / entitled[queue] for queue in asks if queue in held and entitled[queue] > 0]
            parts += [0.0] * (sum(entitled[queue] > 0 for queue in asks) - len(parts))
            if parts:
                found.append(jain_index(parts))
        return fmean(found or [1.0])


class Tenants:
    """Queues in the tree of their cohorts, by weight."""

    def __init__(self, queues: Iterable[QueueView], cohorts: Iterable[CohortView] = ()) -> None:
        self.weights: dict[UUID, float] = {}
        self.below: dict[UUID | None, list[UUID]] = defaultdict(list)
        places: list[QueueView | CohortView] = [*cohorts, *queues]
        for one in places:
            self.weights[one.id] = one.weight
            self.below[one.parent].append(one.id)

    def entitled(self, wanted: Mapping[UUID, float], whole: float) -> dict[UUID, float]:
        """What each queue that wants something is entitled to: from the top down, its max-min part at every level."""
        return self._divide(None, wanted, whole)

    def _divide(self, place: UUID | None, wanted: Mapping[UUID, float], whole: float) -> dict[UUID, float]:
        found: dict[UUID, float] = {}
        asks = {one: asked for one in self.below[place] if (asked := self._asked(one, wanted)) > 0}
        for one, part in max_min(asks, self.weights, whole).items():
            found |= self._divide(one, wanted, part) if self.below.get(one) else {one: part}
        return found

    def _asked(self, place: UUID, wanted: Mapping[UUID, float]) -> float:
        below = self.below.get(place, ())
        return sum(self._asked(one, wanted) for one in below) if below else wanted.get(place, 0.0)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ascending values that so many percent of them do not exceed; 0 of none."""
    return values[max(0, -int(-len(values) * percent // 100) - 1)] if values else 0.0


def overlap(stint: Stint, since: float, until: float) -> float:
    """Device-thousandth seconds of a stint between two moments."""
    return max(0.0, min(stint.until, until) - max(stint.since, since)) * stint.gpu_millis


def spread(stints: Iterable[Stint], since: float, window: float, count: int) -> Windows:
    """Device-thousandth seconds per queue in each of `count` windows from a moment on."""
    found: Windows = defaultdict(lambda: [0.0] * count)
    for stint in stints:
        if not stint.gpu_millis:
            continue
        first = max(0, int((stint.since - since) // window))
        last = min(count - 1, int((stint.until - since) // window))
        amounts = found[stint.queue_id] if first <= last else []
        for number in range(first, last + 1):
            begins = since + number * window
            amounts[number] += overlap(stint, begins, begins + window)
    return found


def max_min(wanted: Mapping[UUID, float], weights: Mapping[UUID, float], whole: float) -> dict[UUID, float]:
    """What each is entitled to: its weighted part, or less where it wants less, which leaves more to the others."""
    found: dict[UUID, float] = {}
    left, weight = whole, sum(weights[one] for one in wanted)
    for one in sorted((one for one in wanted if weights[one]), key=lambda one: (wanted[one] / weights[one], one)):
        found[one] = min(wanted[one], left * weights[one] / weight)
        left, weight = left - found[one], weight - weights[one]
    return {one: found.get(one, 0.0) for one in wanted}


def jain_index(parts: Sequence[float]) -> float:
    """Between 1 / n, one has all, and 1, all have the same."""
    squares = sum(part * part for part in parts)
    return sum(parts) ** 2 / (len(parts) * squares) if squares else 1.0
