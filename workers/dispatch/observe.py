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
from apps.quotas.services.pulses import last_worked, look_of, pulse_beat
from apps.quotas.states import LAUNCHED
from workers.backends.base import BackendUnavailable
from workers.contracts.launch import JobHandle
from workers.contracts.observation import ENDED, Observation
from workers.dispatch.batch import for_each
from workers.dispatch.registry import backend_named

log = logging.getLogger(__name__)


def observe_due() -> int:
    """Look at every open attempt; returns how many had news.

    A look at all of a backend, whose news were all applied, is noted: what the next look finds ended, ended since.
    """
    news, done, seen_whole = _look_at(_open())
    if done == news:
        for name in seen_whole:
            pulse_beat(look_of(name))
    return done


def observe(workload_id: UUID) -> None:
    """Look at the open attempt of one workload."""
    _look_at(_open().filter(workload=workload_id))


def _open() -> Any:
    rows = Attempt.objects.filter(ended_at=None, workload__state__in=LAUNCHED).select_related("workload")
    return rows.defer("workload__spec", "result", "usage").order_by("pk")


def _look_at(attempts: Iterable[Attempt]) -> tuple[int, int, set[str]]:
    """How many had news, how many of these were applied, and the backends that answered."""
    asked_at = clock.db_now()
    by_backend: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.handle["data"]:
            by_backend[attempt.handle["backend"]].append(attempt)
    news: dict[UUID, tuple[Attempt, Observation]] = {}
    answered: set[str] = set()
    for name, asked in by_backend.items():
        seen_of_all = _observed(name, asked)
        answered |= {name} if seen_of_all else set()
        for attempt, seen in zip(asked, seen_of_all, strict=False):
            if observation_matters(attempt, seen, asked_at=asked_at):
                news[attempt.workload_id] = (attempt, seen)
    ended = {attempt.handle["backend"] for attempt, seen in news.values() if seen.phase in ENDED}
    looked_at = {name: last_worked(look_of(name)) for name in ended}

    def apply(workload_id: UUID) -> None:
        attempt, seen = news[workload_id]
        attempt_observed(attempt.pk, seen, asked_at=asked_at, looked_at=looked_at.get(attempt.handle["backend"]))

    return len(news), for_each(list(news), apply), answered


def _observed(name: str, attempts: Iterable[Attempt]) -> list[Observation]:
    """In the order of the attempts; nothing when the backend is away."""
    try:
        return backend_named(name).observe([JobHandle.from_json(attempt.handle) for attempt in attempts])
    except BackendUnavailable as error:
        log.warning("the backend %s cannot be looked at: %s", name, error)
        return []
