"""Who may read and change how a pool is shared."""

from __future__ import annotations

from typing import Any

import pytest

from apps.access.states import Role
from tests.support.factories.quotas import (
    CohortFactory,
    PriorityClassFactory,
    QueueFactory,
    QuotaFactory,
    ResourceFlavorFactory,
    ResourcePoolFactory,
)
from tests.support.permissions import ANY_USER, SUPERUSER, Case, Context, check

API = "/api/v1"


def _cohort(ctx: Context) -> str:
    return f"{API}/cohorts/{CohortFactory.create().pk}"


def _pool(ctx: Context) -> str:
    return f"{API}/pools/{ResourcePoolFactory.create().pk}"


def _priority(ctx: Context) -> str:
    return f"{API}/priority-classes/{PriorityClassFactory.create().pk}"


def _queue(ctx: Context) -> str:
    return f"{API}/queues/{QueueFactory.create(project=ctx.project).pk}"


def _quota(ctx: Context) -> str:
    return f"{API}/quotas/{QuotaFactory.create(queue=QueueFactory.create(project=ctx.project)).pk}"


def _share(ctx: Context) -> dict[str, Any]:
    return {"share_of": str(ResourceFlavorFactory.create().pk), "share_millis": 250}


CASES = [
    Case("GET", lambda ctx: f"{_pool(ctx)}/cohorts", role=ANY_USER, stranger=200, name="GET-pools/id/cohorts"),
    Case("GET", f"{API}/cohorts", role=ANY_USER),
    Case("GET", _cohort, role=ANY_USER, stranger=200, name="GET-cohorts/id"),
    Case(
        "POST",
        f"{API}/cohorts",
        lambda ctx: {"pool": str(ResourcePoolFactory.create().pk), "name": "vision"},
        role=SUPERUSER,
        status=201,
        stranger=403,
    ),
    Case("PATCH", _cohort, lambda ctx: {"weight": 2}, role=SUPERUSER, stranger=403, name="PATCH-cohorts/id"),
    Case("DELETE", _cohort, role=SUPERUSER, status=204, stranger=403, name="DELETE-cohorts/id"),
    Case("PATCH", _pool, lambda ctx: {"backfill": False}, role=SUPERUSER, stranger=403, name="PATCH-pools/id"),
    Case(
        "POST",
        f"{API}/queues",
        lambda ctx: {"project": str(ctx.project.pk), "pool": ResourcePoolFactory.create().name, "is_main": True},
        role=Role.ADMIN,
        status=201,
        stranger=404,
    ),
    Case("PATCH", _queue, lambda ctx: {"weight": 2}, role=SUPERUSER, stranger=404, name="PATCH-queues/id"),
    Case("DELETE", _quota, role=SUPERUSER, status=204, stranger=404, name="DELETE-quotas/id"),
    Case("POST", f"{API}/flavors", _share, role=SUPERUSER, status=201, stranger=403),
    Case(
        "POST",
        f"{API}/priority-classes",
        lambda ctx: {"name": "urgent", "value": 5},
        role=SUPERUSER,
        status=201,
        stranger=403,
    ),
    Case("PATCH", _priority, lambda ctx: {"value": 7}, role=SUPERUSER, stranger=403, name="PATCH-priority-classes/id"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
