"""Looking at jobs: one question to each backend, then what is new is applied."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.common import clock
from apps.quotas.models import Attempt
from apps.quotas.services.attempts import attempt_observed, observation_matters
from apps.quotas.services.pulses import last_worked, look_of, pulse_beat
from apps.quotas.states import LAUNCHED
from workers.backends.base import Backend, BackendUnavailable, Unsupported
from workers.contracts.launch import CLUSTER_PREFIX, JobHandle
from workers.contracts.observation import ENDED, Observation
from workers.dispatch.batch import for_each
from workers.dispatch.registry import asking, backend_named

log = logging.getLogger(__name__)

ASK_SECONDS = 15.0
"""Of the thirty that a task has: what is new is still to be applied."""


def observe_due() -> int:
    """Look at every open attempt on this machine; returns how many had news.

    A look at all of a backend, whose news were all applied, is noted: what the next look finds ended, ended since.
    """
    return _look_at_all(_open().exclude(handle__backend__startswith=CLUSTER_PREFIX))


def observe_clusters_due() -> int:
    """As `observe_due`, of every open attempt on a cluster. All clusters are asked at once: one that is slow, or does
    not answer, keeps no other waiting."""
    return _look_at_all(_open().filter(handle__backend__startswith=CLUSTER_PREFIX))


def observe(workload_id: UUID) -> None:
    """Look at the open attempt of one workload."""
    _look_at(_open().filter(workload=workload_id))


def _look_at_all(attempts: Iterable[Attempt]) -> int:
    news, done, seen_whole = _look_at(attempts)
    if done == news:
        for name in seen_whole:
            pulse_beat(look_of(name))
    return done


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
    for name, seen_of_all in _observed(by_backend):
        asked = by_backend[name]
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


def _observed(by_backend: Mapping[str, Sequence[Attempt]]) -> Iterator[tuple[str, list[Observation]]]:
    """Of each backend, in the order of its attempts; nothing of one that is away. Where there are several, each is
    asked in a thread of its own, and what has not answered after some seconds is left to the next look."""
    looks = [look for name, asked in by_backend.items() if (look := _look(name, asked)) is not None]
    if len(looks) < 2:
        yield from ((look.name, look.ask()) for look in looks)
        return
    threads = ThreadPoolExecutor(len(looks), thread_name_prefix="observe")
    try:
        asked = {threads.submit(look.ask): look for look in looks}
        yield from ((asked[done].name, done.result()) for done in as_completed(asked, ASK_SECONDS))
    except TimeoutError:
        late = ", ".join(sorted(look.name for done, look in asked.items() if not done.done()))
        log.warning("these have not answered within %d s and are looked at next time: %s", ASK_SECONDS, late)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _look(name: str, attempts: Sequence[Attempt]) -> _Look | None:
    """None: there is no such backend, or it cannot be made."""
    try:
        return _Look(name, backend_named(name), [JobHandle.from_json(attempt.handle) for attempt in attempts])
    except (BackendUnavailable, Unsupported) as error:
        log.warning("the backend %s cannot be looked at: %s", name, error)
        return None


@dataclass(frozen=True, slots=True)
class _Look:
    """A question to one backend; asking it touches no database, so any thread may."""

    name: str
    backend: Backend
    handles: list[JobHandle]

    def ask(self) -> list[Observation]:
        """Nothing when the backend is away."""
        try:
            with asking(self.name, self.backend) as backend:
                return backend.observe(self.handles)
        except (BackendUnavailable, Unsupported) as error:
            log.warning("the backend %s cannot be looked at: %s", self.name, error)
        except Exception:  # whatever is wrong with one, others are looked at
            log.exception("the backend %s cannot be looked at", self.name)
        return []
