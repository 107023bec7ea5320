"""What `manage.py verify` says of clusters: nothing while all is well, else by name."""

from __future__ import annotations

from typing import Any

import pytest

from apps.common.audit import Actor
from apps.quotas.invariants import CHECKS
from apps.quotas.services.cluster_credentials import Credentials
from apps.quotas.services.clusters import cluster_create
from apps.quotas.services.pools import pool_discover
from tests.support.clusters import FakeClusterBackend
from tests.support.damage import damage, everything, wrong
from tests.support.factories.quotas import make_queue
from tests.support.jobs import fake
from tests.support.kubeconfigs import SERVER, TOKEN
from tests.workers.dispatch.driving import launched
from workers.backends.base import NodeFacts
from workers.dispatch import registry

__all__ = ["fake"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def named(fake: Any) -> dict[str, Any]:
    """A cluster with a job that is launching."""
    token = Credentials("token", server=SERVER, token=TOKEN)
    cluster = cluster_create(name="gpu", credentials=token, actor=Actor.system("test"))
    nodes = [NodeFacts("gpu-0", 8000, 1 << 36)]
    registry.backend_use(FakeClusterBackend("kubernetes/gpu", nodes=nodes))
    pool_discover("gpu", "kubernetes/gpu", nodes)
    workload = launched(make_queue(cluster.pool))
    attempt = workload.current_attempt()
    return {"cluster": cluster.pk, "attempt": attempt.pk if attempt else None}


def test_what_went_through_the_services_is_well(named: dict[str, Any]) -> None:
    assert everything(CHECKS) == []


DAMAGES = {
    "a pool of another name": (
        "UPDATE quotas_resourcepool SET name = 'other'",
        "cluster.pool",
        "cluster {cluster} (gpu) has the pool other, run by kubernetes/gpu",
    ),
    "a job on a cluster that nobody knows": (
        """UPDATE quotas_attempt SET handle = '{{"backend": "kubernetes/gone", "data": {{}}}}'""",
        "cluster.attempts",
        "attempt {attempt} is open on kubernetes/gone, which is no cluster",
    ),
    "credentials of another row": (
        "UPDATE quotas_cluster SET nonce = '123456789012'",
        "cluster.credentials",
        "cluster gpu: The key",
    ),
    "a cluster that nobody added": (
        "DELETE FROM common_auditevent",
        "cluster.audited.created",
        "cluster {cluster} has no audit row cluster.created",
    ),
}


@pytest.mark.parametrize("case", list(DAMAGES))
def test_damage_is_found_and_named(named: dict[str, Any], case: str) -> None:
    sql, check, said = DAMAGES[case]
    damage(sql.format(**named))
    assert wrong(CHECKS, check)[0].startswith(said.format(**named))
