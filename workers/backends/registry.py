"""Finds a backend by the name in the settings and in handles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workers.backends.base import Backend, Unsupported
from workers.backends.fake import FakeBackend
from workers.backends.kubernetes.backend import ClusterSettings, KubernetesBackend
from workers.backends.local.backend import LocalBackend
from workers.backends.local.plan import LOOPBACK
from workers.contracts.launch import CLUSTER_PREFIX

NAMES = (LocalBackend.name, FakeBackend.name, f"{CLUSTER_PREFIX}<cluster>")


def get_backend(
    name: str,
    *,
    home: Path,
    environment: Mapping[str, str] | None = None,
    replica_host: str = LOOPBACK,
    cluster: ClusterSettings | None = None,
) -> Backend:
    """A new backend of that name. The jobs of `local`, or of a cluster, are found again by any other of the same home,
    or of the same cluster.

    Args:
        name: `local`, `fake` or `kubernetes/<cluster>`.
        home: folder of the installation; jobs of `local` live below `jobs/` in it.
        environment: variables for every job of `local`, such as `BEDPLATE_DATA_RUNNER`.
        replica_host: where replicas of served models listen on the machine of `local`.
        cluster: how the cluster is reached, and what its manifests need.

    Raises:
        Unsupported: there is no such backend, or no such cluster; the text says which there are.
    """
    if name == LocalBackend.name:
        return LocalBackend(home, environment=environment, replica_host=replica_host)
    if name == FakeBackend.name:
        return FakeBackend()
    if name.startswith(CLUSTER_PREFIX) and name != CLUSTER_PREFIX:
        if cluster is None:
            raise Unsupported(f"No cluster {name.removeprefix(CLUSTER_PREFIX)!r} is known: add it first.")
        return KubernetesBackend(name, cluster.connection, cluster.site)
    if name == CLUSTER_PREFIX.rstrip("/"):
        raise Unsupported(f"Say which cluster: {CLUSTER_PREFIX}<name of the cluster>.")
    raise Unsupported(f"There is no backend {name!r}. Choose one of: {', '.join(NAMES)}.")
