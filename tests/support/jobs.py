"""Fixtures and helpers for tests that drive workloads through the fake backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.common import queues
from apps.quotas.models import Queue, ResourcePool, UsageRecord, Workload
from apps.quotas.services.admission import pool_admit
from tests.support.factories.quotas import make_pool, make_queue
from workers.backends.fake import FakeBackend
from workers.dispatch import registry


class Sent(list[tuple[str, str]]):
    """What was asked for in the background: (name, id), in order, whether the transaction commits or not."""

    def names(self) -> list[str]:
        return [name for name, _ in self]

    def take(self) -> list[tuple[str, str]]:
        """All so far; forgets them."""
        taken = list(self)
        self.clear()
        return taken


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Records `queues.send` in place of sending."""
    record = Sent()
    monkeypatch.setattr(queues, "send", lambda name, *args, **when: record.append((name, str(args[0]))))
    return record


@pytest.fixture
def fake(settings: Any) -> Iterator[FakeBackend]:
    """The fake backend, empty, as the one of this installation."""
    settings.BEDPLATE_BACKEND = "fake"
    before = registry._backends.copy()
    backend = FakeBackend()
    registry.backend_use(backend)
    yield backend
    registry._backends.clear()
    registry._backends.update(before)


@pytest.fixture
def pool(db: None, settings: Any) -> ResourcePool:
    """8 cores and 64 GiB on `node-0`, of the fake backend."""
    settings.BEDPLATE_BACKEND = "fake"
    return make_pool()


@pytest.fixture
def queue(pool: ResourcePool) -> Queue:
    """A project's queue with the whole pool as its quota."""
    return make_queue(pool)


def fresh(workload: Workload) -> Workload:
    """As it is stored now."""
    found: Workload = Workload.objects.get(pk=workload.pk)
    return found


def admit(workload: Workload) -> Workload:
    """Run one cycle of its pool."""
    pool_admit(workload.pool_id)
    return fresh(workload)


def story(workload: Workload) -> list[tuple[str, str]]:
    """Its steps: (state, reason)."""
    return [(step.to_state, step.reason) for step in workload.story()]


def intervals(workload: Workload) -> list[tuple[int, bool, bool]]:
    """Its usage: (members, was used, is closed), oldest first."""
    rows = UsageRecord.objects.filter(workload=workload).order_by("reserved_at", "id")
    return [(row.members, row.used_at is not None, row.closed_at is not None) for row in rows]
