"""What follows from a pool's machines alone; remembered, since they are the same in most cycles."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from apps.quotas.scheduling.fit import Machines
from apps.quotas.scheduling.snapshot import Ask, NodeView
from apps.quotas.scheduling.tree import Amounts, capacity_of


class Inventory:
    """Machines with nothing on them. They are shared: only copies may be used up."""

    def __init__(self, nodes: tuple[NodeView, ...]) -> None:
        ready = tuple(node for node in nodes if node.ready)
        self.ready = Machines(ready)
        self.ready_capacity: Amounts = capacity_of(ready)
        self.ready_names = frozenset(node.name for node in ready)
        self.all = self.ready if len(ready) == len(nodes) else Machines(replace(node, ready=True) for node in nodes)
        """As if all were ready."""
        self.members: dict[tuple[Ask, str], int] = {}
        """Members that all could hold together, of what was asked for."""
        self.capacity: Amounts = self.ready_capacity if len(ready) == len(nodes) else capacity_of(nodes)


inventory_of = lru_cache(maxsize=4)(Inventory)
"""The inventory of these machines."""
