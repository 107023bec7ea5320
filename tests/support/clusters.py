"""Clusters whose backend is a fake one, and clusters that misbehave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.quotas.models import Cluster
from apps.quotas.services.pools import pool_discover
from tests.support.factories.quotas import ClusterFactory
from workers.backends.base import BackendUnavailable, NodeFacts
from workers.backends.fake import FakeBackend
from workers.contracts.launch import JobHandle
from workers.contracts.observation import Observation
from workers.dispatch import registry

GIB = 1 << 30


class FakeClusterBackend(FakeBackend):
    """As the fake backend, under the name of a cluster."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name  # type: ignore[misc]  # of a cluster, each instance has its own


class Broken(FakeClusterBackend):
    """Refuses every verb as unreachable, or with an error that nobody foresaw."""

    error: Exception = BackendUnavailable("The API server does not answer.")

    def observe(self, handles: Sequence[JobHandle]) -> list[Observation]:
        self.calls["observe"] += 1
        raise self.error

    def sweep(self, *args: Any, **kwargs: Any) -> list[str]:
        raise self.error

    def discover(self) -> list[NodeFacts]:
        raise self.error


def make_cluster(name: str, backend: type[FakeClusterBackend] = FakeClusterBackend) -> tuple[Cluster, Any]:
    """A cluster with one machine of 8 cores, run by a backend of that class."""
    cluster: Cluster = ClusterFactory.create(name=name)
    nodes = [NodeFacts(f"{name}-0", 8000, 64 * GIB, labels={"rack": "r1"})]
    made = backend(cluster.backend, nodes=nodes)
    registry.backend_use(made)
    pool_discover(name, cluster.backend, nodes)
    return cluster, made
