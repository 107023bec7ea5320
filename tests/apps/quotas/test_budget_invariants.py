"""What `manage.py verify` says of budgets: nothing while all is well, else by name."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.access.models import ApprovalRequest
from apps.access.services.approvals import approval_approve
from apps.access.states import Role
from apps.common import clock
from apps.common.audit import Actor
from apps.quotas.invariants import CHECKS
from apps.quotas.models import Queue, Workload
from apps.quotas.services.budget_approvals import approval_apply
from apps.quotas.services.budgets import budget_create, rate_add
from apps.quotas.services.workloads import workload_submit
from tests.support.damage import damage, everything, wrong
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import BudgetHoldFactory, job_spec, make_pool, make_queue

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


@pytest.fixture
def waits(settings: Any) -> tuple[Workload, Workload]:
    """One that waits for a budget, and one that somebody let pass it."""
    settings.BEDPLATE_BACKEND = "fake"
    queue: Queue = make_queue(make_pool(H200=4), gpus=4)
    editor, boss = member(queue.project, Role.EDITOR), UserFactory.create(is_superuser=True)
    levels = [{"ratio": "0.1", "action": "require_approval"}]
    budget_create(
        organisation=queue.project.organisation, project=queue.project, name="vision", unit="gpu_hours",
        amount=Decimal(10), period="month", thresholds=levels, actor=ACTOR,
    )  # fmt: skip
    rate_add(pool=queue.pool, resource="gpus", flavor="H200", price=Decimal(2), actor=ACTOR)
    about: dict[str, Any] = {"spec": job_spec(1, 1, 1, time_limit_seconds=36_000), "owner_kind": "run", "actor": ACTOR}
    made = [
        workload_submit(project=queue.project, owner_id=queue.pk, name=name, requested_by=editor, **about)
        for name in ("first", "second")
    ]
    asked = ApprovalRequest.objects.get(arguments={"workload": str(made[1].pk)})
    approval_approve(approval=asked, decided_by=boss, actor=Actor.user(boss))
    approval_apply(asked.pk)
    return made[0], made[1]


def test_budgets_that_went_through_the_services_are_well(waits: Any) -> None:
    assert everything(CHECKS) == []


DAMAGES = {
    "held for no budget": (
        "UPDATE quotas_budgethold SET settled_at = now() WHERE workload_id = '{first}'",
        "budget_hold.workload",
        "workload {first} is held back (waiting_for_approval), and waits for no budget",
    ),
    "let in without being settled": (
        "UPDATE quotas_workload SET is_held = false WHERE id = '{first}'",
        "budget_hold.workload",
        "hold {hold} of workload {first} is open, which is pending and held: False",
    ),
    "passes without anybody's word": (
        "DELETE FROM common_auditevent WHERE action = 'workload.budget_overridden'",
        "budget_hold.exempt",
        "workload {second} passes every budget: nobody is on record for it",
    ),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_what_is_wrong_is_found_by_name(waits: tuple[Workload, Workload], case: str) -> None:
    sql, check, expected = DAMAGES[case]
    first, second = waits
    ids = {"first": first.pk, "second": second.pk, "hold": first.budget_holds.get().pk}
    damage(sql.format(**ids))
    assert wrong(CHECKS, check) == [expected.format(**ids)]


def test_what_ended_is_forgotten_in_time() -> None:
    hold = BudgetHoldFactory.create()
    for ended_at, count in ((clock.db_now(), 0), (clock.db_now() - timedelta(days=1), 1)):
        damage(f"UPDATE quotas_workload SET is_held = false, state = 'cancelled', state_at = '{ended_at}'")
        assert len(wrong(CHECKS, "budget_hold.workload")) == count
    assert hold.settled_at is None


def test_a_budget_that_nobody_made_is_found(waits: Any) -> None:
    damage("DELETE FROM common_auditevent WHERE action IN ('budget.created', 'rate.added')")
    assert len(wrong(CHECKS, "budget.audited.created")) == len(wrong(CHECKS, "rate.audited.added")) == 1
