"""Budgets under races: two submits at once, a change while a cycle runs, an approval while budgets are settled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.access.models import ApprovalRequest
from apps.access.services.approvals import approval_approve
from apps.access.states import Role
from apps.common.audit import Actor
from apps.quotas.models import Budget, BudgetHold, Queue, Workload
from apps.quotas.services import admission, budget_gate, budget_settling
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.budget_approvals import approval_apply
from apps.quotas.services.budget_keeping import budgets_keep_up
from apps.quotas.services.workloads import workload_submit
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import BudgetFactory, job_spec, make_pool, make_queue

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("test")


@pytest.fixture
def queue(settings: Any) -> Queue:
    settings.BEDPLATE_BACKEND = "fake"
    return make_queue(make_pool(cores=64, H200=16), cores=64, gpus=16)


def submit(queue: Queue, hours: float, gpus: int = 1, by: Any = None) -> Workload:
    return workload_submit(
        project=queue.project, spec=job_spec(1, 1, gpus, time_limit_seconds=int(hours * 3600)), owner_kind="run",
        owner_id=queue.pk, name="a-run", requested_by=by, actor=ACTOR,
    )  # fmt: skip


def test_of_two_submits_at_once_one_waits(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    BudgetFactory.create(project=queue.project, amount=10)
    look, second = budget_gate.budgets_active, []

    def look_slowly(*args: Any) -> Any:
        monkeypatch.setattr(budget_gate, "budgets_active", look)
        # The first has locked the budget and is about to look at it; the second comes meanwhile.
        second.append(Thread(lambda: submit(queue, 6)))
        wait_until_blocked()
        return look(*args)

    monkeypatch.setattr(budget_gate, "budgets_active", look_slowly)
    first = submit(queue, 6)
    assert not first.is_held
    assert second[0].join().is_held
    assert list(Workload.objects.filter(is_held=True).values_list("state_reason", flat=True)) == ["budget_exhausted"]


def test_of_eight_submits_at_once_no_more_pass_than_fit(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=10)
    made = [thread.join() for thread in [Thread(lambda: submit(queue, 3)) for _ in range(8)]]
    assert sorted(one.is_held for one in made) == [False] * 3 + [True] * 5
    assert BudgetHold.objects.filter(settled_at=None).count() == 5


def test_a_cycle_never_meets_what_is_being_taken_out_of_the_line(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    BudgetFactory.create(project=queue.project, amount=100)
    line = [submit(queue, 10) for _ in range(3)]
    Budget.objects.update(amount=20)
    decide, other = admission.cycle, []

    def decide_slowly(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(admission, "cycle", decide)
        other.append(Thread(lambda: budgets_keep_up(queue.project.organisation_id)))
        wait_until_blocked()
        return decide(*args, **kwargs)

    monkeypatch.setattr(admission, "cycle", decide_slowly)
    admitted = pool_admit(queue.pool_id)
    taken = other[0].join()
    assert (admitted, taken) == (3, 0), "they were in the cycle before the budget could be settled"
    assert {one.state for one in Workload.objects.filter(pk__in=[one.pk for one in line])} == {"admitted"}


def test_a_cycle_that_comes_later_does_not_admit_what_was_taken_out(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    BudgetFactory.create(project=queue.project, amount=100)
    for _ in range(3):
        submit(queue, 10)
    Budget.objects.update(amount=20)
    take, other = budget_settling.budget_hold, []

    def take_slowly(*args: Any) -> Any:
        other.append(Thread(lambda: pool_admit(queue.pool_id)))
        wait_until_blocked()
        return take(*args)

    monkeypatch.setattr(budget_settling, "budget_hold", take_slowly)
    assert budgets_keep_up(queue.project.organisation_id) == 1
    assert other[0].join() == 2


def test_an_approval_and_a_raised_budget_let_it_in_once(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = [{"ratio": "0.5", "action": "require_approval"}]
    BudgetFactory.create(project=queue.project, amount=10, thresholds=levels)
    waits = submit(queue, 6, by=member(queue.project, Role.EDITOR))
    boss = UserFactory.create(is_superuser=True)
    asked = ApprovalRequest.objects.get()
    approval_approve(approval=asked, decided_by=boss, actor=Actor.user(boss))
    Budget.objects.update(amount=Decimal(100))
    let_in, other = budget_settling.workloads_let_in, []

    def let_in_slowly(*args: Any) -> Any:
        other.append(Thread(lambda: approval_apply(asked.pk)))
        wait_until_blocked()
        return let_in(*args)

    monkeypatch.setattr(budget_settling, "workloads_let_in", let_in_slowly)
    assert budgets_keep_up(queue.project.organisation_id) == 1
    assert other[0].join() is None
    asked.refresh_from_db()
    assert asked.outcome == "Refused: a-run does not wait for a budget."
    waits.refresh_from_db()
    assert (waits.is_held, waits.state) == (False, "pending")
