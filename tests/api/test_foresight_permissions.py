"""Who may learn why work waits, and who may ask what would be."""

from __future__ import annotations

from typing import Any

import pytest

from apps.quotas.models import Node, ResourcePool
from tests.support.factories.quotas import NodeFactory, ResourcePoolFactory, WhatIfFactory, WorkloadFactory
from tests.support.permissions import SUPERUSER, Case, Context, check

API = "/api/v1"


def _pool(ctx: Context) -> ResourcePool:
    """One that all see, with a machine."""
    name = f"pool-of-{ctx.project.pk.hex[-12:]}"
    pool: ResourcePool | None = ResourcePool.objects.filter(name=name).first()
    if pool is None:
        pool = ResourcePoolFactory.create(name=name)
        NodeFactory.create(pool=pool)
    return pool


def _asked(ctx: Context) -> dict[str, Any]:
    return {"changes": [{"kind": "add_nodes", "like": str(Node.objects.get(pool=_pool(ctx)).pk), "count": 1}]}


CASES = [
    Case(
        "GET",
        lambda ctx: f"{API}/workloads/{WorkloadFactory.create(project=ctx.project).pk}/why",
        name="GET-workloads/id/why",
    ),
    Case("GET", f"{API}/what-ifs", role=SUPERUSER, weaker=200, stranger=200),
    Case(
        "GET",
        lambda ctx: f"{API}/what-ifs/{WhatIfFactory.create().pk}",
        role=SUPERUSER,
        weaker=404,
        stranger=404,
        name="GET-what-ifs/id",
    ),
    Case(
        "POST",
        lambda ctx: f"{API}/pools/{_pool(ctx).pk}/what-if",
        _asked,
        role=SUPERUSER,
        status=202,
        name="POST-pools/id/what-if",
    ),
    Case("POST", lambda ctx: f"{API}/pools/{_pool(ctx).pk}/reclaims", _asked, role=SUPERUSER, name="POST-reclaims"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
