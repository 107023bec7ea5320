"""What must hold of clusters: each has its pool, and what connects to it can be opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apps.common.checks import audited_all
from apps.common.errors import BedplateError
from apps.common.invariants import Check, Finding, Instant, query_check
from apps.quotas.models import Attempt, Cluster, ResourcePool
from apps.quotas.services.cluster_credentials import credentials_open


def _closed_credentials(instant: Instant) -> Iterator[Finding]:
    for cluster in Cluster.objects.order_by("id"):
        try:
            credentials_open(cluster)
        except BedplateError as error:
            yield Finding(f"cluster {cluster.name}: {error.detail}")


CHECKS: Sequence[Check] = (
    query_check(
        "cluster.pool",
        "Each cluster has a pool of its name, run by its backend.",
        "cluster {} ({}) has the pool {}, run by {}",
        """
        SELECT c.id, c.name, p.name, p.backend FROM {cluster} c LEFT JOIN {pool} p ON p.cluster_id = c.id
        WHERE p.id IS NULL OR p.name <> c.name OR p.backend <> 'kubernetes/' || c.name
        """,
        cluster=Cluster,
        pool=ResourcePool,
    ),
    query_check(
        "cluster.attempts",
        "No attempt is open on a cluster that is not known.",
        "attempt {} is open on {}, which is no cluster",
        """
        SELECT a.id, a.handle->>'backend' FROM {attempt} a WHERE a.ended_at IS NULL
            AND a.handle->>'backend' LIKE 'kubernetes/%%' AND NOT EXISTS (
                SELECT FROM {cluster} c WHERE a.handle->>'backend' = 'kubernetes/' || c.name)
        """,
        attempt=Attempt,
        cluster=Cluster,
    ),
    Check(
        "cluster.credentials", "What connects to a cluster opens with a key of the installation.", _closed_credentials
    ),
    *audited_all([(Cluster, "cluster.created")]),
)
