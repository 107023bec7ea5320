"""A watch on each cluster, for as long as the cluster is known and as it is. It only hints: what is seen of a job is
a reason to look at it sooner, and whatever is missed is found by the next look at all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import DatabaseError, close_old_connections

from apps.common import queues
from apps.quotas.models import Cluster
from workers.backends.base import BackendUnavailable
from workers.dispatch.cluster_settings import cluster_watch

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0
"""Between two looks at the list of clusters."""
GOODBYE_SECONDS: Final = 5.0
Watch = Callable[[threading.Event], None]
"""Watches until the event is set; blocks."""


@dataclass(slots=True)
class _Watched:
    """A cluster and the thread that watches it."""

    revision: int
    thread: threading.Thread
    stop: threading.Event = field(default_factory=threading.Event)


class Watcher:
    """One thread per cluster; a thread that ends, whyever, is started again at the next look.

    Args:
        look_seconds: between two looks at the list of clusters.
        watch_of: how a cluster is watched, given where its hints go; raises BackendUnavailable when it cannot be.
    """

    def __init__(
        self,
        *,
        look_seconds: float = LOOK_SECONDS,
        watch_of: Callable[[Cluster, Callable[[str], None]], Watch] = cluster_watch,
    ) -> None:
        self._look_seconds, self._watch_of = look_seconds, watch_of
        self._watched: dict[UUID, _Watched] = {}

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop; blocks."""
        while True:
            self._follow_list()
            if stop.wait(self._look_seconds):
                break
        for one in self._watched.values():
            one.stop.set()
        for one in self._watched.values():
            one.thread.join(GOODBYE_SECONDS)

    def _follow_list(self) -> None:
        """Watch what is new or was changed; watch no more what is gone."""
        close_old_connections()
        try:
            known = {cluster.pk: cluster for cluster in Cluster.objects.order_by("name")}
        except DatabaseError as error:  # it comes back; what is watched is watched on
            log.warning("the list of clusters cannot be read: %s", error)
            return
        for pk, one in list(self._watched.items()):
            cluster = known.get(pk)
            if cluster is None or cluster.revision != one.revision or not one.thread.is_alive():
                one.stop.set()
                del self._watched[pk]
        for pk, cluster in known.items():
            if pk not in self._watched:
                self._begin(cluster)

    def _begin(self, cluster: Cluster) -> None:
        try:
            watch = self._watch_of(cluster, look_at)
        except BackendUnavailable as error:
            log.warning("cluster %s is not watched: %s", cluster.name, error)
            return
        stop = threading.Event()
        thread = threading.Thread(
            target=_watch, args=(cluster.name, watch, stop), name=f"watch-{cluster.name}", daemon=True
        )
        self._watched[cluster.pk] = _Watched(cluster.revision, thread, stop)
        thread.start()
        log.info("cluster %s is watched", cluster.name)


def look_at(workload_id: str) -> None:
    """Ask for a look at a workload, whose job moved. A label of a cluster is no id that must be right."""
    try:
        queues.send(queues.OBSERVE, UUID(workload_id))
    except ValueError:
        log.warning("a job on a cluster says that it is of %r, which is no workload", workload_id)


def _watch(name: str, watch: Watch, stop: threading.Event) -> None:
    try:
        watch(stop)
    except Exception:  # it is watched again after the next look; meanwhile the ticks see everything
        log.exception("cluster %s is not watched for a while", name)
