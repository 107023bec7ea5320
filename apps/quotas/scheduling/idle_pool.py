"""The pool as if nothing ran and all its machines were there: what could ever start."""

from __future__ import annotations

from collections.abc import Hashable
from uuid import UUID

from apps.quotas.scheduling.inventory import Inventory
from apps.quotas.scheduling.snapshot import CPU_MILLIS, GPUS, WHOLE, Ask, Key, NodeView, Snapshot
from apps.quotas.scheduling.tree import Amounts, Tree

KINDS_MOST = 20_000
"""Kinds of asking that are remembered of an inventory."""


class IdlePool:
    def __init__(self, snapshot: Snapshot, inventory: Inventory) -> None:
        self._nodes = snapshot.nodes
        self.machines = inventory.all.copy()
        self.tree = Tree(inventory.capacity, snapshot.queues, snapshot.cohorts)
        self._members = inventory.members
        if len(self._members) > KINDS_MOST:
            self._members.clear()
        self.could: dict[tuple[Hashable, Ask], int] = {}
        """Queues that may have the same → the most members of a kind that one could have: see `refusal`."""
        self._alike: dict[UUID, int] = {}
        self._numbers: dict[Hashable, int] = {}
        self._most_of_one: dict[Key, int] = {}
        self._rooms: dict[UUID, dict[Key, float]] = {}

    def members(self, ask: Ask, flavor: str) -> int:
        """Members that all machines could hold together."""
        known = self._members.get((ask, flavor))
        if known is None:
            known = self.machines.together(ask, self.machines.members(ask, flavor))
            self._members[ask, flavor] = known
        return known

    def members_of_quota(self, queue: UUID, amounts: Amounts, most: int) -> int:
        """Members of these amounts that a queue could have, `most` at most."""
        rooms = self._rooms.setdefault(queue, {})
        for key, need in amounts.items():
            room = rooms.get(key)
            if room is None:
                room = rooms[key] = self.tree.room(self.tree.leaves[queue], key)[0]
            if room < need * most:
                most = int(room // need)
        return most

    def alike(self, queue: UUID) -> int:
        """A number for what a queue may have at all, if nobody had anything: the same for all that may have as much."""
        known = self._alike.get(queue)
        if known is None:
            leaf = self.tree.leaves[queue]
            rooms = tuple(self.tree.room(leaf, key)[0] for key in sorted(self.tree.capacity))
            known = self._numbers.setdefault((rooms, frozenset(leaf.limits)), len(self._numbers))
            self._alike[queue] = known
        return known

    def most_of_one(self, key: Key) -> int:
        """The most of a resource on one machine."""
        if key not in self._most_of_one:
            self._most_of_one[key] = max((_amount(node, key) for node in self._nodes), default=0)
        return self._most_of_one[key]


def _amount(node: NodeView, key: Key) -> int:
    resource, flavor = key
    if resource == GPUS:
        return WHOLE * sum(flavor in ("", gpu.flavor) for gpu in node.gpus)
    return node.cpu_millis if resource == CPU_MILLIS else node.memory_bytes
