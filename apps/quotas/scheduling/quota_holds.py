"""What is left of quotas and is kept for who waits for more of it: others may have it until it is enough for those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from apps.quotas.scheduling.fit import Counts
from apps.quotas.scheduling.reservation import Moments
from apps.quotas.scheduling.snapshot import Key
from apps.quotas.scheduling.tree import Amounts, Place, Tree

Returns = Callable[[Place, Key], tuple[Moments, Counts]]
"""When how much of a resource is given back of what is held below a place."""


@dataclass(slots=True)
class Hold:
    """Somebody waits below this place for more of a resource: who ends later may only take what is left beside it."""

    until: float
    spare: float


def quota_hold(need: float, room: float, ends: Moments, amounts: Counts, not_before: float = -inf) -> Hold:
    """The moment from which a place will have enough of a resource again, and what is left of it then.

    Args:
        need, room: how much is waited for, and how much of it there is now.
        ends, amounts: when how much of it is given back.
        not_before: it is not needed earlier.
    """
    order = np.argsort(ends, kind="stable")
    ends, back = ends[order], np.concatenate([[0], np.cumsum(amounts[order])])
    first = int(np.searchsorted(back, need - room))
    if first == len(back):
        return Hold(inf, 0.0)
    until = max(float(ends[first - 1]) if first else not_before, not_before)
    return Hold(until, room + float(back[np.searchsorted(ends, until, side="right")]) - need)


class QuotaHolds:
    """Of each place and resource, at most one waits."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._holds: dict[tuple[int, Key], Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._holds)

    def members(self, leaf: Place, amounts: Amounts, ends_at: float, most: int) -> int:
        """How many members that end then may be taken beside what is kept for others, `most` at most."""
        for place, key, need, hold in self._in_the_way(leaf, amounts, ends_at):
            spare = self._tree.slack(leaf, place, key) + max(0.0, hold.spare)
            most = min(most, int(spare // need))
        return most

    def spend(self, leaf: Place, amounts: Amounts, ends_at: float) -> None:
        """What is taken now is not there any more. Call it before the books have it."""
        for place, key, amount, hold in self._in_the_way(leaf, amounts, ends_at):
            hold.spare -= max(0, amount - self._tree.slack(leaf, place, key))

    def _in_the_way(self, leaf: Place, amounts: Amounts, ends_at: float) -> Iterator[tuple[Place, Key, int, Hold]]:
        if not self._holds:
            return
        for place in leaf.path:
            for key, amount in amounts.items():
                hold = self._holds.get((id(place), key))
                if hold is not None and amount and ends_at > hold.until:
                    yield place, key, amount, hold

    def keep(
        self, leaf: Place, place: Place, key: Key, need: int, returns: Returns, not_before: float = -inf
    ) -> float | None:
        """Keep so much of a resource for a leaf at a place above it, if nobody else waits there. Returns from when, if
        known.

        Args:
            not_before: it is not needed earlier.
        """
        if (id(place), key) in self._holds:
            return None
        need -= self._tree.slack(leaf, place, key)
        room = place.bound.get(key, inf) - place.taken.get(key, 0)
        hold = self._holds[id(place), key] = quota_hold(need, room, *returns(place, key), not_before)
        return hold.until if hold.until < inf else None

    def keep_all(self, leaf: Place, amounts: Amounts, at: float, returns: Returns) -> None:
        """Who gets machines from a moment on needs the quotas above it then as well."""
        for key, need in amounts.items():
            for place in leaf.path[:-1]:
                if place.bound.get(key) is not None:
                    self.keep(leaf, place, key, need, returns, at)
