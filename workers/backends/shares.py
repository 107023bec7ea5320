"""How a pool is shared, for a backend beside which others admit work too. Plain values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

CPU, MEMORY = "cpu", "memory"
POOL, COHORT, QUEUE = "pool", "cohort", "queue"
ANY_FLAVOR: Final = ""
"""A quota of devices of whatever kind."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What is guaranteed of one resource, that of all below included, and what may be borrowed and lent. Thousandths
    of a core, bytes, devices."""

    nominal: int = 0
    borrowing_limit: int | None = None
    """None: as much as there is."""
    lending_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A node of the tree by which a pool is shared."""

    kind: str
    """`pool`, `cohort` or `queue`."""
    name: str
    parent: tuple[str, str] | None = None
    """Kind and name of what it is below; None for the pool."""
    compute: Mapping[str, Amount] = field(default_factory=dict)
    """Of `cpu` and `memory`."""
    devices: Mapping[str, Amount] = field(default_factory=dict)
    """By flavor."""
    weight: float = 1.0
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of a queue: its `organisation`, `team` and `project`, as a launch has them."""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name


class MirrorsQuotas(ABC):
    """Ability: tells those who guard or share the machines of a pool how it is shared."""

    @abstractmethod
    def mirror(self, shares: Sequence[Share], flavors: Sequence[str]) -> None:
        """Make what is told there the same as this, and bound each project there by what it may hold at most.

        Args:
            shares: the pool first, everything after what it is below. A queue has the name of its project.
            flavors: all kinds of devices of the pool.

        Raises:
            BackendUnavailable: some may be as it was; call again.
        """
