"""Looking at jobs: one question to each backend, then what is new is applied."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apps.common import clock
from apps.quotas.models import Attempt
from apps.quotas.services.attempts import attempt_observed, observation_matters
from apps.quotas.states import LAUNCHED
from workers.backends.base import BackendUnavailable
from workers.contracts.launch import JobHandle
from workers.contracts.observation import Observation
from workers.dispatch.batch import for_each
from workers.dispatch.registry import backend_named

log = logging.getLogger(__name__)


def observe_due() -> int:
    """Look at every open attempt; returns how many had news."""
    return _look_at(_open())


def observe(workload_id: UUID) -> None:
    """Look at the open attempt of one workload."""
    _look_at(_open().filter(workload=workload_id))


def _open() -> Any:
    rows = Attempt.objects.filter(ended_at=None, workload__state__in=LAUNCHED).select_related("workload")
    return rows.defer("workload__spec", "result", "usage").order_by("pk")


def _look_at(attempts: Iterable[Attempt]) -> int:
    asked_at = clock.db_now()
    by_backend: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.handle["data"]:
            by_backend[attempt.handle["backend"]].append(attempt)
    news: dict[UUID, tuple[Attempt, Observation]] = {}
    for name, asked in by_backend.items():
        for attempt, seen in zip(asked, _observed(name, asked), strict=False):
            if observation_matters(attempt, seen, asked_at=asked_at):
                news[attempt.workload_id] = (attempt, seen)

    def apply(workload_id: UUID) -> None:
        attempt, seen = news[workload_id]
        attempt_observed(attempt.pk, seen, asked_at=asked_at)

    return for_each(list(news), apply)


def _observed(name: str, attempts: Iterable[Attempt]) -> list[Observation]:
    """In the order of the attempts; nothing when the backend is away."""
    try:
        return backend_named(name).observe([JobHandle.from_json(attempt.handle) for attempt in attempts])
    except BackendUnavailable as error:
        log.warning("the backend %s cannot be looked at: %s", name, error)
        return []
