"""What a simulation is given: jobs as they will turn out, how time goes, and who watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from uuid import UUID

from apps.quotas.scheduling.snapshot import Ask, Decision, Holding, Snapshot, Waiting

Decide = Callable[[Snapshot], tuple[Decision, ...]]
Look = Callable[[], Snapshot]


@dataclass(frozen=True, slots=True)
class Job:
    """A workload as it will turn out; a policy sees only what it declares."""

    id: UUID
    queue_id: UUID
    ask: Ask
    arrives_at: float
    seconds: float
    """How long it runs with `count_max` members; with fewer in proportion longer."""
    limit_seconds: float = inf
    """Declared; an attempt is ended after so long."""
    count_min: int = 1
    count_max: int = 1
    priority: int = 0
    preempts: bool = False
    preemptible: bool = True
    checkpoint_seconds: float = 0.0
    """Between two checkpoints; 0: it keeps all its work when it is told to go; infinite: it loses all."""

    @property
    def waiting(self) -> Waiting:
        return Waiting(
            self.id,
            self.queue_id,
            self.ask,
            self.arrives_at,
            self.count_min,
            self.count_max,
            self.priority,
            self.preempts,
            self.limit_seconds,
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How time goes. Seconds."""

    tick: float = 0.0
    """Decisions are made at multiples of this only; 0: as soon as something changes."""
    beat: float = inf
    """While something waits, decide at least this often."""
    notice: float = 0.0
    """From a notice to leave until all is free; no work is done meanwhile."""
    resume: float = 0.0
    """Work that a preempted job must do again when it goes on."""
    until: float = inf
    """What happens later is not simulated."""


class Observer:
    """Sees what happens. `look()` is the pool just after it, before anything is decided about it."""

    def submitted(self, job: Job, look: Look) -> None:
        """It waits now."""

    def admitted(self, job: Job, holding: Holding, look: Look) -> None:
        """It was given what `holding` says, at `holding.admitted_at`."""

    def ended(self, job: Job, look: Look) -> None:
        """It is gone for good."""

    def decided(self, decisions: tuple[Decision, ...], look: Look) -> None:
        """The policy has spoken and it is done."""
