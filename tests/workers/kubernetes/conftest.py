"""A cluster for tests of the backend, and the backend on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kubernetes.server import KubernetesServer
from tests.workers.kubernetes.harness import NODES, KubernetesHarness
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.connection import connection_from_kubeconfig


@pytest.fixture
def cluster() -> Iterator[KubernetesServer]:
    """Two nodes with eight GPUs each."""
    with KubernetesServer(NODES) as server:
        yield server


@pytest.fixture
def harness(cluster: KubernetesServer) -> Iterator[KubernetesHarness]:
    """The backend, and others over the same cluster."""
    made = KubernetesHarness(cluster)
    yield made
    made.close()


@pytest.fixture
def api(cluster: KubernetesServer) -> Iterator[Api]:
    """The cluster's API as its administrator."""
    made = Api.of(connection_from_kubeconfig(cluster.kubeconfig()))
    yield made
    made.transport.close()
