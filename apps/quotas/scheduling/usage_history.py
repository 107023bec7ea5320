"""What each queue held on average, recent times weighing more: kept up as holdings come and go."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from apps.quotas.scheduling.snapshot import Holding, Key, Policy, QueueView, Snapshot
from apps.quotas.scheduling.tree import amounts_of


class Histories:
    """Means that decay with the policy's half-life; read at any moment, told of every change."""

    def __init__(self, start: Snapshot) -> None:
        self.policy: Policy = start.policy
        self.views: tuple[QueueView, ...] = start.queues
        self.at = start.at
        self.means: dict[UUID, dict[Key, float]] = {queue.id: dict(queue.history) for queue in start.queues}
        self.held: dict[UUID, dict[Key, float]] = {queue.id: {} for queue in start.queues}
        for holding in start.holdings:
            self.change(holding, len(holding.assignments), start.at)

    def change(self, holding: Holding, members: int, at: float, entry: bool = False) -> None:
        """A queue holds so many members more, or less; an entry costs it as if it had held them for a while."""
        self._decay(at)
        held, means = self.held[holding.queue_id], self.means[holding.queue_id]
        penalty = 1 - self._factor(self.policy.entry_penalty_seconds) if entry else 0.0
        for key, amount in amounts_of(holding.ask, holding.flavor).items():
            held[key] = held.get(key, 0.0) + amount * members
            if penalty:
                means[key] = means.get(key, 0.0) + penalty * amount * members

    def queues(self, at: float) -> tuple[QueueView, ...]:
        """The queues with their history as it is at a moment."""
        self._decay(at)
        return tuple(replace(view, history=dict(self.means[view.id])) for view in self.views)

    def _factor(self, seconds: float) -> float:
        half_life = self.policy.half_life_seconds
        return float(0.5 ** (seconds / half_life)) if half_life > 0 else 0.0

    def _decay(self, at: float) -> None:
        if at <= self.at:
            return
        factor, self.at = self._factor(at - self.at), at
        for queue, held in self.held.items():
            means = self.means[queue]
            for key in {*means, *held}:
                now = held.get(key, 0.0)
                means[key] = now + (means.get(key, 0.0) - now) * factor
