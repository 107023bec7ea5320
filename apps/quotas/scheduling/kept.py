"""What is kept on a node for those that come later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.snapshot import WHOLE, Ask

Counts = npt.NDArray[np.int64]


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


@dataclass(slots=True)
class Kept:
    """What is kept on a node from a moment on: of what is free now, what ends later may not use it."""

    until: float
    cpu: int = 0
    memory: int = 0
    gpus: dict[str, int] = field(default_factory=dict)
    """Whole devices of a kind."""
    shared: set[str] = field(default_factory=set)
    """Kinds of which also devices that others share are kept."""
    cpu_for: int = 0
    memory_for: int = 0
    gpus_for: dict[str, int] = field(default_factory=dict)
    """What it is kept for: what those will use who come then."""

    def add(self, ask: Ask, count: int, coming: Coming, lent: tuple[int, int, int]) -> None:
        """Keep what members need who come then.

        Args:
            lent: how much more of cores, of memory and of whole devices is free now than will be then (else negative).
        """
        self.until = min(coming.at, self.until)
        self.cpu_for += count * ask.cpu_millis
        self.memory_for += count * ask.memory_bytes
        self.cpu = max(self.cpu, lent[0] + self.cpu_for)
        self.memory = max(self.memory, lent[1] + self.memory_for)
        if not ask.gpus:
            return
        flavor = coming.flavor
        self.gpus_for[flavor] = self.gpus_for.get(flavor, 0) + -(-count * ask.gpus * ask.gpu_millis // WHOLE)
        self.gpus[flavor] = max(self.gpus.get(flavor, 0), lent[2] + self.gpus_for[flavor])
        if ask.gpu_millis < WHOLE:
            self.shared.add(flavor)

    def use(self, ask: Ask, flavor: str, count: int) -> None:
        """Members take of it who are gone before it is needed."""
        self.cpu = max(0, self.cpu - count * ask.cpu_millis)
        self.memory = max(0, self.memory - count * ask.memory_bytes)
        if ask.gpus and ask.gpu_millis == WHOLE and flavor in self.gpus:
            self.gpus[flavor] = max(0, self.gpus[flavor] - count * ask.gpus)
