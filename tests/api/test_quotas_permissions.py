"""Who may do what with pools, quotas and workloads."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.states import Role
from apps.common import clock
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import (
    AttemptFactory,
    IdlePolicyFactory,
    NodeFactory,
    NodeIncidentFactory,
    PriorityClassFactory,
    QueueFactory,
    QuotaFactory,
    ResourceFlavorFactory,
    ResourcePoolFactory,
    UsageRecordFactory,
    WorkloadFactory,
)
from tests.support.permissions import ANY_USER, SUPERUSER, Case, Context, check

API = "/api/v1"
SHARED = {
    "pools": ResourcePoolFactory,
    "flavors": ResourceFlavorFactory,
    "nodes": NodeFactory,
    "incidents": NodeIncidentFactory,
    "idle-policies": IdlePolicyFactory,
    "priority-classes": PriorityClassFactory,
}
"""Belong to no project."""
OWN = {
    "queues": QueueFactory,
    "workloads": WorkloadFactory,
    "attempts": AttemptFactory,
    "usage-records": UsageRecordFactory,
}


def _shared(factory: Any, path: str, suffix: str = "") -> Any:
    return lambda ctx: f"{API}/{path}/{factory.create().pk}{suffix}"


def _own(factory: Any, path: str, suffix: str = "") -> Any:
    return lambda ctx: f"{API}/{path}/{factory.create(project=ctx.project).pk}{suffix}"


def _quota(ctx: Context) -> str:
    return f"{API}/quotas/{QuotaFactory.create(queue=QueueFactory.create(project=ctx.project)).pk}"


def _log_file(ctx: Context) -> str:
    return f"{API}/workloads/{AttemptFactory.create(project=ctx.project).workload_id}/logs/download"


def _quota_wanted(ctx: Context) -> dict[str, Any]:
    queue = QueueFactory.create(project=ctx.project)
    return {"queue": str(queue.pk), "resource": "cpu_millis", "nominal": 1000}


def _drained(ctx: Context) -> str:
    node = NodeFactory.create(ready=False, drained_at=clock.now())
    NodeIncidentFactory.create(node=node, closed_at=None)
    return f"{API}/nodes/{node.pk}/undrain"


def _idle_policy_of(ctx: Context) -> str:
    queue = QueueFactory.create(project=ctx.project)
    return f"{API}/idle-policies/{IdlePolicyFactory.create(pool=queue.pool, queue=queue).pk}"


def _idle_policy_wanted(ctx: Context) -> dict[str, Any]:
    queue = QueueFactory.create(project=ctx.project)
    return {"pool": str(queue.pool_id), "queue": str(queue.pk), "action": "stop"}


def _why(ctx: Context) -> dict[str, Any]:
    return {"reason": "The power supply is replaced."}


CASES = [
    *(Case("GET", f"{API}/{path}", role=ANY_USER) for path in SHARED),
    *(
        Case("GET", _shared(factory, path), role=ANY_USER, stranger=200, name=f"GET-{path}/id")
        for path, factory in SHARED.items()
    ),
    *(
        Case(
            "GET", _shared(ResourcePoolFactory, "pools", verb), role=ANY_USER, stranger=200, name=f"GET-pools/id{verb}"
        )
        for verb in ("/map", "/queue", "/history")
    ),
    *(Case("GET", f"{API}/{path}") for path in (*OWN, "quotas", "quotas/usage", "workloads/summary")),
    *(Case("GET", _own(factory, path), name=f"GET-{path}/id") for path, factory in OWN.items()),
    Case("GET", _quota, name="GET-quotas/id"),
    Case("PUT", f"{API}/quotas", _quota_wanted, role=SUPERUSER, stranger=403),
    Case(
        "POST",
        _shared(NodeFactory, "nodes", "/drain"),
        _why,
        role=SUPERUSER,
        stranger=403,
        name="POST-nodes/id/drain",
    ),
    Case("POST", _drained, _why, role=SUPERUSER, stranger=403, name="POST-nodes/id/undrain"),
    Case("GET", _idle_policy_of, name="GET-idle-policies/id-of-a-queue"),
    Case("PUT", f"{API}/idle-policies", _idle_policy_wanted, role=SUPERUSER, stranger=403),
    Case("DELETE", _idle_policy_of, role=SUPERUSER, status=204, stranger=404, name="DELETE-idle-policies/id"),
    Case("GET", _own(WorkloadFactory, "workloads", "/logs"), name="GET-workloads/id/logs"),
    Case("GET", _log_file, name="GET-workloads/id/logs/download"),
    Case("GET", _own(WorkloadFactory, "workloads", "/story"), name="GET-workloads/id/story"),
    Case("POST", _own(WorkloadFactory, "workloads", "/stop"), role=Role.EDITOR, name="POST-workloads/id/stop"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "quotas"), ("PUT", "idle-policies"), ("POST", "nodes/id/drain"), ("POST", "nodes/id/undrain")],
)
def test_who_may_not_is_told_so_before_what_is_wrong_with_the_body(method: str, path: str) -> None:
    client, address = APIClient(), f"{API}/{path.replace('/id/', f'/{NodeFactory.create().pk}/')}"
    client.force_authenticate(UserFactory.create())
    assert client.generic(method, address, "{}", content_type="application/json").status_code == 403
    client.force_authenticate(UserFactory.create(is_superuser=True, is_staff=True))
    assert client.generic(method, address, "{}", content_type="application/json").status_code == 400
