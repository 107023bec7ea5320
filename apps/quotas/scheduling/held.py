"""All that is held at the beginning of a cycle, in rows of numbers, and grouped by queue and kind of GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from functools import cached_property
from uuid import UUID

import numpy as np

from apps.quotas.scheduling.fit import Counts
from apps.quotas.scheduling.nominal import measured
from apps.quotas.scheduling.occupancy import Marks, Occupancy
from apps.quotas.scheduling.reservation import SOON_SECONDS, Moments, expected_ends
from apps.quotas.scheduling.snapshot import CPU_MILLIS, GPUS, WHOLE, Ask, Holding, Key, Policy
from apps.quotas.scheduling.tree import Place, Tree, amounts_of


class Held:
    """What may be asked of one of a group may be asked of all."""

    def __init__(
        self, holdings: Sequence[Holding], occupancy: Occupancy, tree: Tree, policy: Policy, at: float
    ) -> None:
        self.holdings, self.occupancy, self.size = holdings, occupancy, len(holdings)
        self._policy, self.at = policy, at
        self._keys: dict[int, tuple[float, float, int]] = {}
        self.groups: list[tuple[Place | None, list[Key]]] = []
        """Its queue, and by what it is inside the nominal of that or borrows."""
        self._kinds: list[str] = []
        numbers: dict[tuple[int, str, bool], int] = {}
        group_of: list[int] = []
        for one in holdings:
            kind = (one.queue_id.int, one.flavor, one.ask.gpus > 0)
            number = numbers.get(kind)
            if number is None:
                number = numbers[kind] = len(self.groups)
                self.groups.append((tree.leaves.get(one.queue_id), measured(amounts_of(one.ask, one.flavor))))
                self._kinds.append(one.flavor)
            group_of.append(number)
        self.group_of = np.array(group_of, np.int64)

    def below(self, place: Place, key: Key) -> Counts:
        """How much of a resource each holds, if it is below a place."""
        resource, flavor = key
        mine = [
            leaf is not None and place in leaf.path and flavor in ("", kind)
            for (leaf, _), kind in zip(self.groups, self._kinds, strict=True)
        ]
        amounts = self._gpus if resource == GPUS else self._cpu if resource == CPU_MILLIS else self._memory
        return np.where(np.array(mine, bool)[self.group_of], amounts, 0) if self.size else amounts

    @cached_property
    def _cpu(self) -> Counts:
        return self._row([one.ask.cpu_millis * len(one.assignments) for one in self.holdings])

    @cached_property
    def _memory(self) -> Counts:
        return self._row([one.ask.memory_bytes * len(one.assignments) for one in self.holdings])

    @cached_property
    def _gpus(self) -> Counts:
        return self._row([one.ask.gpus * one.ask.gpu_millis * len(one.assignments) for one in self.holdings])

    @cached_property
    def priorities(self) -> Counts:
        return self._row([one.priority for one in self.holdings])

    @cached_property
    def barred(self) -> Marks:
        """Those that may not be asked to leave, by whomever: they leave already, or have hardly begun."""
        last = self.at - self._policy.min_run_seconds
        barred = [
            one.leaving or not one.preemptible or (one.admitted_at if one.started_at is None else one.started_at) > last
            for one in self.holdings
        ]
        return np.array(barred, bool)

    @cached_property
    def _ends(self) -> Moments:
        return expected_ends(self.holdings, self.at)

    def ends(self, going: Set[UUID]) -> Moments:
        """When each will have ended; `going` are told to leave just now."""
        if not going:
            return self._ends
        told = list(self.numbers_of(going))
        ends = self._ends.copy()
        ends[told] = np.minimum(ends[told], self.at + SOON_SECONDS)
        return ends

    def numbers_of(self, holdings: Set[UUID]) -> set[int]:
        """Which these are."""
        return {self._numbers[one.int] for one in holdings}

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {one.workload_id.int: number for number, one in enumerate(self.holdings)}

    def in_order(self, numbers: Counts, is_borrowed: Marks, places: Counts) -> list[int]:
        """Of these, who goes first: the lowest priority, the borrowed, who gives most places back at once, so that few
        have to go, the least work lost, the youngest."""
        numbers = np.array(sorted(numbers.tolist(), key=self._key), np.int64)
        keys = (-places, ~is_borrowed[self.group_of], self.priorities)
        order: list[int] = numbers[np.lexsort([key[numbers] for key in keys])].tolist()
        return order

    def places(self, ask: Ask, most: int) -> Counts:
        """How many members of a kind could take the place of each, `most` at most. On a device that others share there
        is none for a whole one."""
        if not ask.gpus:
            return np.minimum(self._cpu // max(1, ask.cpu_millis), most)
        if ask.gpu_millis == WHOLE:
            return np.minimum(self._whole // (ask.gpus * WHOLE), most)
        return np.minimum(self._gpus // (ask.gpus * ask.gpu_millis), most)

    @cached_property
    def _whole(self) -> Counts:
        shared = np.array([one.ask.gpu_millis < WHOLE for one in self.holdings], bool)
        return np.where(shared, 0, self._gpus)

    def _key(self, number: int) -> tuple[float, float, int]:
        """The order by what is the same whoever asks: the least work lost, the youngest."""
        known = self._keys.get(number)
        if known is None:
            one = self.holdings[number]
            known = self._keys[number] = (_lost(one, self.at), -one.admitted_at, one.workload_id.int)
        return known

    @staticmethod
    def _row(values: list[int]) -> Counts:
        return np.array(values, np.int64)


def _lost(holding: Holding, at: float) -> float:
    """Seconds of devices, or of members without, since its last checkpoint."""
    if holding.started_at is None:
        return 0.0
    kept = max(holding.started_at, holding.checkpoint_at or 0.0)
    return (at - kept) * max(1, holding.ask.gpus) * len(holding.assignments)


def by_queue(holdings: Iterable[Holding]) -> dict[int, dict[Key, int]]:
    """Queue, by the number of its id, → what it holds together."""
    alike: dict[tuple[int, Ask, str], int] = {}
    for holding in holdings:
        kind = holding.queue_id.int, holding.ask, holding.flavor
        alike[kind] = alike.get(kind, 0) + len(holding.assignments)
    found: dict[int, dict[Key, int]] = {}
    for (queue, ask, flavor), count in alike.items():
        mine = found.setdefault(queue, {})
        for key, amount in amounts_of(ask, flavor, count).items():
            mine[key] = mine.get(key, 0) + amount
    return found
