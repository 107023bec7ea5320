"""The backends of this process, by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.conf import settings

from apps.quotas.models import Cluster, ResourcePool
from workers.backends.base import Backend, BackendUnavailable, Unsupported
from workers.backends.registry import get_backend
from workers.contracts import environment as names
from workers.contracts.launch import CLUSTER_PREFIX
from workers.dispatch.cluster_settings import cluster_settings

SLOW_SECONDS: Final = 2.0
"""A cluster that takes so long to say that it is not there, or to say nothing, is left alone for a while."""
REST_SECONDS: Final = 5.0
REST_SECONDS_MOST: Final = 60.0
REST_TIMES: Final = 3.0
"""So many times as long as it took, so that a tick which it used up is followed by some that it does not."""
FRESH_SECONDS: Final = 5.0

_backends: dict[str, Backend] = {}
_of_clusters: dict[str, tuple[tuple[UUID, int], Backend]] = {}
"""Name → id and revision of the row that it was made of, and the backend."""
_resting: dict[str, tuple[float, str]] = {}
"""Name → until when it is left alone, by the monotonic clock, and why."""
_answered: dict[str, float] = {}
"""Name → when it answered last, by the monotonic clock."""
_lock = threading.Lock()


def backend_named(name: str) -> Backend:
    """The backend of that name, made when it is first asked for; that of a cluster anew when the cluster was changed.

    Raises:
        Unsupported: this version has none of that name, or there is no such cluster.
        BackendUnavailable: the credentials of the cluster cannot be used.
    """
    with _lock:
        if name in _backends:
            return _backends[name]
    if is_cluster(name):
        return _of_cluster(name)
    with _lock:
        if name not in _backends:
            _backends[name] = get_backend(
                name,
                home=settings.BEDPLATE_HOME,
                environment=_environment(),
                replica_host=settings.BEDPLATE_REPLICA_HOST,
            )
        return _backends[name]


@contextmanager
def asking(name: str, backend: Backend | None = None) -> Iterator[Backend]:
    """The backend of that name, to be asked something in the block.

    A cluster whose silence cost seconds is left alone for some: who waits for another one is not kept waiting.

    Args:
        backend: what `backend_named` gives for that name, where it is known already.

    Raises:
        Unsupported: as `backend_named`.
        BackendUnavailable: as the backend says, or said a moment ago.
    """
    until, why = _resting.get(name, (0.0, ""))
    began = time.monotonic()
    if began < until:
        raise BackendUnavailable(why)
    try:
        yield backend or backend_named(name)
    except BackendUnavailable as error:
        now = time.monotonic()
        if is_cluster(name) and now - began >= SLOW_SECONDS:
            rest = min(max(REST_SECONDS, REST_TIMES * (now - began)), REST_SECONDS_MOST)
            _resting[name] = (now + rest, str(error))
        raise
    answered(name)


def answered(name: str) -> None:
    """Note that a backend has answered just now."""
    _resting.pop(name, None)
    _answered[name] = time.monotonic()


def answered_lately(name: str) -> bool:
    """Whether a backend has answered this process within the last seconds."""
    at = _answered.get(name)
    return at is not None and time.monotonic() - at < FRESH_SECONDS


def backend_use(backend: Backend) -> None:
    """Let this instance be the backend of its name from now on."""
    with _lock:
        _backends[backend.name] = backend


def backends_here() -> list[str]:
    """Names of the backends that run something or could: that of the installation, and every cluster. One query."""
    rows = ResourcePool.objects.filter(backend__startswith=CLUSTER_PREFIX).order_by("backend")
    return list(dict.fromkeys([settings.BEDPLATE_BACKEND, *rows.values_list("backend", flat=True)]))


def is_cluster(name: str) -> bool:
    """Whether a backend of that name is a Kubernetes cluster."""
    return name.startswith(CLUSTER_PREFIX)


def _of_cluster(name: str) -> Backend:
    """One query while the cluster is as it was."""
    rows = Cluster.objects.filter(name=name.removeprefix(CLUSTER_PREFIX))
    now = rows.values_list("pk", "revision").first()
    if now is None:
        raise Unsupported(f"There is no cluster {name.removeprefix(CLUSTER_PREFIX)}.")
    with _lock:
        known = _of_clusters.get(name)
    if known is not None and known[0] == now:
        return known[1]
    cluster = rows.get()
    made = get_backend(name, home=settings.BEDPLATE_HOME, cluster=cluster_settings(cluster, environment=_environment()))
    with _lock:  # the one before is closed by nobody: another thread may be asking it
        _of_clusters[name] = ((cluster.pk, cluster.revision), made)
    return made


def _environment() -> dict[str, str]:
    """Of every job."""
    found = {names.DATA_RUNNER: settings.BEDPLATE_DATA_RUNNER}
    if settings.BEDPLATE_RAY_ADDRESS:
        found[names.RAY_ADDRESS] = settings.BEDPLATE_RAY_ADDRESS
    return found
