"""Who may read and keep Kubernetes clusters."""

from __future__ import annotations

import pytest

from tests.support.factories.quotas import ClusterFactory
from tests.support.permissions import ANY_USER, SUPERUSER, Case, Context, check

API = "/api/v1"


def _cluster(ctx: Context) -> str:
    return f"{API}/clusters/{ClusterFactory.create().pk}"


CASES = [
    Case("GET", f"{API}/clusters", role=ANY_USER),
    Case("GET", _cluster, role=ANY_USER, stranger=200, name="GET-clusters/id"),
    Case(
        "POST",
        f"{API}/clusters",
        lambda ctx: {"name": "here", "kind": "in_cluster"},
        role=SUPERUSER,
        status=201,
        stranger=403,
        scope="admin",
    ),
    Case(
        "PATCH",
        _cluster,
        lambda ctx: {"requests_per_second": 7},
        role=SUPERUSER,
        stranger=403,
        scope="admin",
        name="PATCH-clusters/id",
    ),
    Case("DELETE", _cluster, role=SUPERUSER, status=204, stranger=403, scope="admin", name="DELETE-clusters/id"),
    Case(
        "POST",
        lambda ctx: f"{_cluster(ctx)}/check",
        role=SUPERUSER,
        status=202,
        stranger=403,
        scope="admin",
        name="POST-clusters/id/check",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
