"""Who may do what with budgets, rates and reports."""

from __future__ import annotations

from typing import Any

import pytest

from apps.quotas.models import Budget
from tests.support.factories.quotas import BudgetFactory, RateFactory, ResourceFlavorFactory
from tests.support.permissions import ANY_USER, SUPERUSER, Case, Context, check

API = "/api/v1"


def _budget(ctx: Context, suffix: str = "") -> str:
    return f"{API}/budgets/{BudgetFactory.create(project=ctx.project).pk}{suffix}"


def _of_team(ctx: Context) -> str:
    """The stranger is of the same team and sees it."""
    made: Budget = BudgetFactory.create(project=None, team=ctx.team, organisation=ctx.organisation)
    return f"{API}/budgets/{made.pk}"


def _burn_down(ctx: Context) -> str:
    return _budget(ctx, "/burn-down")


def _rate(ctx: Context) -> str:
    return f"{API}/rates/{RateFactory.create().pk}"


def _wanted(ctx: Context) -> dict[str, Any]:
    return {"project": str(ctx.project.pk), "name": "vision", "unit": "gpu_hours", "amount": "10", "period": "month"}


def _price(ctx: Context) -> dict[str, Any]:
    flavor = ResourceFlavorFactory.create()
    return {"pool": str(flavor.pool_id), "resource": "gpus", "flavor": flavor.name, "price": "2.5"}


CASES = [
    Case("GET", f"{API}/budgets"),
    Case("GET", _budget, name="GET-budgets/id"),
    Case("GET", _of_team, stranger=200, name="GET-budgets/id-of-a-team"),
    Case("GET", _burn_down, name="GET-budgets/id/burn-down"),
    Case("POST", f"{API}/budgets", _wanted, role=SUPERUSER, stranger=404, status=201),
    Case("PATCH", _budget, lambda ctx: {"amount": "5"}, role=SUPERUSER, stranger=404, name="PATCH-budgets/id"),
    Case("DELETE", _budget, role=SUPERUSER, stranger=404, status=204, name="DELETE-budgets/id"),
    Case("GET", f"{API}/rates", role=ANY_USER),
    Case("GET", _rate, role=ANY_USER, stranger=200, name="GET-rates/id"),
    Case("POST", f"{API}/rates", _price, role=SUPERUSER, status=201),
    Case("GET", f"{API}/usage-report"),
    Case("GET", f"{API}/usage-report.csv"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
