"""The watcher: one watch per cluster, as long as the cluster is known and as it is; it only hints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from django.db import connections

from apps.quotas.models import Cluster, ResourcePool
from tests.support.factories.quotas import ClusterFactory
from tests.support.jobs import Sent
from tests.support.waiting import until
from workers.backends.base import BackendUnavailable
from workers.dispatch import watching
from workers.dispatch.watching import Watch, Watcher, look_at


@dataclass
class Watches:
    """In place of reflectors: each blocks until told to stop, or fails."""

    broken: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    begun: list[tuple[str, int]] = field(default_factory=list)
    now: list[tuple[str, int]] = field(default_factory=list)

    def of(self, cluster: Cluster, on_hint: Callable[[str], None]) -> Watch:
        if cluster.name in self.refused:
            raise BackendUnavailable("The key k1 is not in the key file.")
        key = (cluster.name, cluster.revision)

        def watch(stop: threading.Event) -> None:
            self.begun.append(key)
            if cluster.name in self.broken:
                raise RuntimeError("a bug")
            self.now.append(key)
            stop.wait(30)
            self.now.remove(key)

        return watch


@contextmanager
def running(watches: Watches) -> Iterator[None]:
    stop = threading.Event()

    def run() -> None:
        Watcher(look_seconds=0.02, watch_of=watches.of).run(stop)
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_what_is_added_changed_and_removed_is_followed() -> None:
    first, watches = ClusterFactory.create(name="one"), Watches()
    with running(watches):
        until(lambda: watches.now == [("one", 1)])
        ClusterFactory.create(name="two")
        until(lambda: sorted(watches.now) == [("one", 1), ("two", 1)])
        Cluster.objects.filter(pk=first.pk).update(revision=2)
        until(lambda: sorted(watches.now) == [("one", 2), ("two", 1)])
        ResourcePool.objects.filter(cluster=first).delete()
        first.delete()
        until(lambda: watches.now == [("two", 1)])
    assert watches.now == [], "at the end nothing is watched any more"


@pytest.mark.django_db(transaction=True)
def test_a_watch_that_fails_is_begun_again_and_keeps_no_other_waiting() -> None:
    for name in ("bad", "closed", "good"):
        ClusterFactory.create(name=name)
    watches = Watches(broken={"bad"}, refused={"closed"})
    with running(watches):
        until(lambda: watches.begun.count(("bad", 1)) >= 3 and watches.now == [("good", 1)])
        watches.refused.clear()
        until(lambda: sorted(watches.now) == [("closed", 1), ("good", 1)])
    assert watches.begun.count(("good", 1)) == 1


@pytest.mark.django_db
def test_a_hint_is_a_look_at_a_workload(sent: Sent) -> None:
    one = uuid4()
    look_at(str(one))
    look_at("../etc/passwd")
    assert sent == [("dispatch.observe", str(one))]


def test_a_database_that_is_away_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    class Away:
        def order_by(self, name: str) -> None:
            asked.set()
            raise watching.DatabaseError("the database is starting up")

    monkeypatch.setattr(watching.Cluster, "objects", Away())
    watches, stop = Watches(), threading.Event()
    watcher = Watcher(look_seconds=0.02, watch_of=watches.of)
    monkeypatch.setattr(watching, "close_old_connections", lambda: None)
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    assert asked.wait(10)
    stop.set()
    thread.join(10)
    assert (thread.is_alive(), watches.begun) == (False, [])
