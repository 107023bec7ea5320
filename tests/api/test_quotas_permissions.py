"""Who may do what with pools, quotas and workloads."""

from __future__ import annotations

from typing import Any

import pytest

from apps.access.states import Role
from tests.support.factories.quotas import (
    AttemptFactory,
    NodeFactory,
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
    Case("PUT", f"{API}/quotas", _quota_wanted, role=SUPERUSER, stranger=404),
    Case("GET", _own(WorkloadFactory, "workloads", "/logs"), name="GET-workloads/id/logs"),
    Case("GET", _log_file, name="GET-workloads/id/logs/download"),
    Case("GET", _own(WorkloadFactory, "workloads", "/story"), name="GET-workloads/id/story"),
    Case("POST", _own(WorkloadFactory, "workloads", "/stop"), role=Role.EDITOR, name="POST-workloads/id/stop"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
