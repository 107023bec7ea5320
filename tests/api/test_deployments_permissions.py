"""Who may do what with endpoints and revisions."""

from __future__ import annotations

from typing import Any

import pytest

from apps.access.states import Role, TokenScope
from tests.support.factories.datasets import pool_ready
from tests.support.factories.deployments import EndpointFactory, RevisionFactory
from tests.support.factories.experiments import ModelVersionFactory
from tests.support.permissions import Case, Context, check

API = "/api/v1"


def endpoint(ctx: Context) -> str:
    return f"{API}/endpoints/{RevisionFactory.create(project=ctx.project).endpoint_id}"


def revision(ctx: Context) -> str:
    return f"{API}/revisions/{RevisionFactory.create(project=ctx.project).pk}"


def endpoint_body(ctx: Context) -> dict[str, Any]:
    version = ModelVersionFactory.create(project=ctx.project)
    return {"project": str(ctx.project.pk), "name": "risk", "model_version": str(version.pk)}


def revision_body(ctx: Context) -> dict[str, Any]:
    version = ModelVersionFactory.create(project=ctx.project)
    made = EndpointFactory.create(project=ctx.project)
    return {"endpoint": str(made.pk), "model_version": str(version.pk)}


CASES = [
    Case("GET", lambda ctx: f"{API}/endpoints?page_size={5 if endpoint(ctx) else 0}"),
    Case("GET", endpoint),
    Case("GET", lambda ctx: f"{endpoint(ctx)}/figures"),
    Case("GET", lambda ctx: f"{API}/endpoints/summary?page_size={5 if endpoint(ctx) else 0}"),
    Case("GET", lambda ctx: f"{endpoint(ctx)}/signature", status=404),
    Case(
        "POST",
        lambda ctx: f"{endpoint(ctx)}/try",
        body=lambda ctx: {"records": [{"Income": 1}]},
        scope=TokenScope.INFER,
        status=503,
        name="try-no-replica",
    ),
    Case("POST", f"{API}/endpoints", body=endpoint_body, role=Role.EDITOR, status=201),
    Case("POST", lambda ctx: f"{endpoint(ctx)}/stop", role=Role.EDITOR),
    Case("GET", lambda ctx: f"{API}/revisions?page_size={5 if revision(ctx) else 0}"),
    Case("GET", revision),
    Case("GET", lambda ctx: f"{revision(ctx)}/story"),
    Case("POST", f"{API}/revisions", body=revision_body, role=Role.EDITOR, status=201),
]


@pytest.fixture(autouse=True)
def pool() -> None:
    pool_ready()


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
