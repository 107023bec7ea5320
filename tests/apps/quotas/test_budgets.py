"""Budgets at work: what is submitted, waits, is let in, grows, and what is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.access.models import ApprovalRequest, User
from apps.access.services.approvals import approval_approve, approval_deny, approval_withdraw, approvals_expire
from apps.access.states import Role
from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, QuotaExceeded
from apps.common.messages import SAID, parts_of
from apps.common.models import AuditEvent, Event
from apps.quotas.models import Budget, BudgetHold, Queue, UsageRecord, Workload
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.budget_approvals import approval_apply
from apps.quotas.services.budget_gate import budgets_blocked
from apps.quotas.services.budget_keeping import budgets_keep_up, organisations_with_budgets
from apps.quotas.services.budgets import budget_change, budget_create, budget_remove, rate_add
from apps.quotas.services.workloads import Hold, workload_release, workload_resize, workload_stop, workload_submit
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import (
    BudgetFactory,
    RateFactory,
    ResourceFlavorFactory,
    UsageRecordFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
    serving,
)
from tests.support.jobs import Sent, fresh, story

ACTOR = Actor.system("test")
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 12, 1, tzinfo=UTC)
APPROVAL = [{"ratio": "0.5", "action": "require_approval"}, {"ratio": "1", "action": "block"}]


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.fixed_at(NOON):
        yield


@pytest.fixture
def queue(db: None, settings: Any) -> Queue:
    settings.BEDPLATE_BACKEND = "fake"
    return make_queue(make_pool(cores=64, H200=16), cores=64, gpus=16)


@pytest.fixture
def asker(queue: Queue) -> User:
    return member(queue.project, Role.EDITOR)


def submit(queue: Queue, gpus: int = 1, hours: float = 0, by: User | None = None, **kwargs: Any) -> Workload:
    spec = job_spec(1, 1, gpus, time_limit_seconds=int(hours * 3600))
    return workload_submit(
        project=queue.project, spec=spec, owner_kind="run", owner_id=queue.pk, name="a-run",
        requested_by=by, actor=ACTOR, **kwargs,
    )  # fmt: skip


def held(workload: Workload) -> tuple[bool, str]:
    now = fresh(workload)
    return now.is_held, now.state_reason


def burnt(queue: Queue, hours: float, gpus: int = 1, **kwargs: Any) -> UsageRecord:
    """An interval that was closed at noon."""
    at = {"reserved_at": NOON - timedelta(hours=hours), "closed_at": NOON, **kwargs}
    workload = WorkloadFactory.create(queue=queue, project=queue.project, state="succeeded", ended_at=at["closed_at"])
    made: UsageRecord = UsageRecordFactory.create(
        workload=workload, members=1, gpus=gpus, gpu_millis=gpus * 1000, flavor="H200", **at
    )
    return made


def keep_up(queue: Queue) -> int:
    return budgets_keep_up(queue.project.organisation_id)


# What is submitted ----------------------------------------------------------------------------------------------


def test_without_a_budget_nothing_waits_for_one(queue: Queue) -> None:
    BudgetFactory.create(amount=0)  # somebody else's
    assert held(submit(queue, gpus=16, hours=1000)) == (False, "")


def test_declared_limits_count_from_the_submission_on(queue: Queue, sent: Sent) -> None:
    BudgetFactory.create(project=queue.project, name="vision", amount=10)
    first, second, third = submit(queue, 4, 2), submit(queue, 1, 3), submit(queue, 2, 1)
    assert [held(one) for one in (first, second, third)] == [
        (False, ""), (True, "budget_exhausted"), (False, ""),
    ]  # fmt: skip
    assert fresh(second).state_detail == (
        "Waiting: budget vision has 2 of 10 GPU-hours left until 2026-12-01 00:00:00 UTC, and this declares 3."
        " Raise the budget, ask for less, or ask for an override."
    )
    assert sent.count((queues.WORKLOAD_CHANGED, str(second.pk))) == 1
    fourth = submit(queue, 1)
    assert fresh(fourth).state_detail == (
        "Waiting: the 10 GPU-hours of budget vision are used up until 2026-12-01 00:00:00 UTC: 0 are spent and 10"
        " reserved. Raise the budget, or ask for an override."
    )
    for one in (second, fourth):
        assert [part.code for part in parts_of(fresh(one).state_detail)] != [SAID]
    assert BudgetHold.objects.filter(settled_at=None).count() == 2


def test_what_waits_for_a_budget_is_not_admitted_and_in_nobodys_way(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=10)
    waits, starts = submit(queue, 4, 3, priority=9), submit(queue, 4, 2)
    assert pool_admit(queue.pool_id) == 1
    assert (fresh(waits).state, fresh(starts).state) == ("pending", "admitted")


def test_work_that_costs_nothing_of_a_budget_is_left_alone(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=0)
    assert held(submit(queue, gpus=0, hours=5)) == (False, "")
    assert held(submit(queue, gpus=1)) == (True, "budget_exhausted")


def test_what_runs_counts_with_what_it_still_declares(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=20)
    burnt(queue, hours=3)
    running = submit(queue, 2, 4)
    with clock.fixed_at(NOON - timedelta(hours=1)):
        pool_admit(queue.pool_id)
    UsageRecord.objects.filter(workload=running, used_at=None).update(used_at=NOON - timedelta(hours=1))
    # 3 burnt, 2 × 1 h burnt, 2 × 3 h reserved: 9 are left.
    assert held(submit(queue, 1, 10)) == (True, "budget_exhausted")
    assert held(submit(queue, 1, 9)) == (False, "")


def test_without_a_declared_limit_what_is_burnt_counts(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=20)
    submit(queue, 2)
    with clock.fixed_at(NOON - timedelta(hours=10)):
        pool_admit(queue.pool_id)
    assert held(submit(queue, 1)) == (True, "budget_exhausted")


def test_only_the_part_of_an_interval_within_the_period_counts(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=10, period="fixed", starts_on="2026-11-10", ends_on="2026-11-10")
    burnt(queue, hours=100)  # 12 h of them today
    assert held(submit(queue, 1)) == (True, "budget_exhausted")
    Budget.objects.update(amount=13)
    assert held(submit(queue, 1, 1)) == (False, "")
    with clock.fixed_at(NOON + timedelta(hours=12)):
        assert held(submit(queue, 1, 100)) == (False, ""), "the budget is over"


def test_a_limit_beyond_the_period_counts_until_its_end(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=12, period="fixed", starts_on="2026-11-10", ends_on="2026-11-10")
    assert held(submit(queue, 1, 1000)) == (False, "")


@pytest.mark.parametrize("scope", ["team", "organisation"])
def test_budgets_of_teams_and_organisations_count_all_their_projects(queue: Queue, scope: str) -> None:
    owner = queue.project if scope == "team" else None
    BudgetFactory.create(project=None, team=owner and owner.team, organisation=queue.project.organisation, amount=10)
    other = make_queue(queue.pool, gpus=16)
    type(other.project).objects.filter(pk=other.project_id).update(
        organisation=queue.project.organisation, team=queue.project.team
    )
    other.refresh_from_db()
    assert held(submit(other, 1, 8)) == (False, "")
    assert held(submit(queue, 1, 3)) == (True, "budget_exhausted")


def test_money_counts_by_the_rates_of_the_time(queue: Queue, settings: Any) -> None:
    settings.BEDPLATE_CURRENCY = "EUR"
    BudgetFactory.create(project=queue.project, name="vision", unit="money", amount=100)
    RateFactory.create(pool=queue.pool, price=2, valid_from=NOON - timedelta(days=100))
    RateFactory.create(pool=queue.pool, price=10, valid_from=NOON - timedelta(hours=1))
    burnt(queue, hours=3)  # 2 h at 2, 1 h at 10
    one = submit(queue, 1, 9)
    assert held(one) == (True, "budget_exhausted")
    assert fresh(one).state_detail.startswith("Waiting: budget vision has 86 of 100 EUR left until ")
    assert held(submit(queue, 1, 8)) == (False, "")
    assert held(submit(queue, 0, 1000)) == (False, ""), "cores have no price"
    RateFactory.create(pool=queue.pool, resource="cpu_millis", flavor="", price=1)
    assert held(submit(queue, 0, 1000)) == (True, "budget_exhausted")


def test_any_kind_of_gpu_is_counted_as_the_dearest(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, unit="money", amount=100)
    RateFactory.create(pool=queue.pool, price=2)
    RateFactory.create(pool=queue.pool, flavor="B200", price=50)
    assert held(submit(queue, 1, 3)) == (True, "budget_exhausted")


# Approval -------------------------------------------------------------------------------------------------------


@pytest.fixture
def waits(queue: Queue, asker: User) -> Workload:
    """Above the half of a budget: it needs approval."""
    BudgetFactory.create(project=queue.project, name="vision", amount=10, thresholds=APPROVAL)
    return submit(queue, 1, 6, by=asker)


def test_above_a_threshold_approval_is_asked_for(waits: Workload, asker: User) -> None:
    assert held(waits) == (True, "waiting_for_approval")
    assert fresh(waits).state_detail == (
        "Waiting: above 5 GPU-hours of budget vision work needs approval until 2026-12-01 00:00:00 UTC;"
        " 0 are used or reserved, and this declares 6. An administrator decides."
    )
    asked = ApprovalRequest.objects.get()
    assert (asked.command, asked.arguments, asked.requested_by) == (
        "budget.override", {"workload": str(waits.pk)}, asker,
    )  # fmt: skip
    assert BudgetHold.objects.get().approval == asked


def decided(decide: Any) -> ApprovalRequest:
    asked = ApprovalRequest.objects.get()
    boss = UserFactory.create(is_superuser=True)
    decide(approval=asked, decided_by=boss, actor=Actor.user(boss))
    return asked


def test_approved_it_passes_once_and_for_good(waits: Workload, queue: Queue) -> None:
    asked = decided(approval_approve)
    approval_apply(asked.pk)
    approval_apply(asked.pk)
    assert held(waits) == (False, "")
    assert AuditEvent.objects.filter(action="workload.budget_overridden").count() == 1
    asked.refresh_from_db()
    assert asked.outcome == "a-run may pass every budget now."
    Budget.objects.update(amount=0)
    assert keep_up(queue) == 0
    assert pool_admit(queue.pool_id) == 1
    assert held(submit(queue, 1)) == (True, "budget_exhausted"), "only this one"


@pytest.mark.parametrize(
    "how, reason", [("deny", "approval_denied"), ("expire", "approval_expired"), ("withdraw", "cancelled_by_user")]
)
@pytest.mark.parametrize("hinted", [True, False])
def test_without_approval_it_ends(waits: Workload, queue: Queue, how: str, reason: str, hinted: bool) -> None:
    asked = ApprovalRequest.objects.get()
    if how == "deny":
        decided(approval_deny)
    elif how == "withdraw":
        approval_withdraw(approval=asked, user=asked.requested_by, actor=Actor.user(asked.requested_by))
    else:
        ApprovalRequest.objects.update(expires_at=NOON)
        approvals_expire()
    if hinted:
        approval_apply(asked.pk)
    else:
        keep_up(queue)
    assert (fresh(waits).state, fresh(waits).state_reason) == ("cancelled", reason)
    assert story(waits) == [("cancelled", reason)]
    assert not BudgetHold.objects.filter(settled_at=None).exists()


def test_where_the_budget_is_raised_nobody_has_to_decide_any_more(waits: Workload, queue: Queue) -> None:
    budget_change(budget=Budget.objects.get(), amount=Decimal(100), actor=ACTOR)
    assert keep_up(queue) == 1
    assert held(waits) == (False, "")
    keep_up(queue)
    assert ApprovalRequest.objects.get().state == "withdrawn"
    assert fresh(waits).state == "pending"


def test_an_override_may_be_asked_for_by_hand(queue: Queue, asker: User) -> None:
    from_other = submit(make_queue(queue.pool, gpus=16), 1)
    BudgetFactory.create(project=queue.project, amount=0)
    blocked = submit(queue, 1, by=asker)
    assert not ApprovalRequest.objects.exists()
    boss = UserFactory.create(is_superuser=True)
    outcomes = []
    for workload in (from_other, blocked, blocked):
        asked = ApprovalRequest.objects.create(
            project=queue.project, command="budget.override", arguments={"workload": str(workload.pk)},
            requested_by=asker, expires_at=NOON + timedelta(days=1),
        )  # fmt: skip
        approval_approve(approval=asked, decided_by=boss, actor=Actor.user(boss))
        approval_apply(asked.pk)
        asked.refresh_from_db()
        outcomes.append(asked.outcome)
    assert outcomes == [
        "Refused: The project has no such workload.",
        "a-run may pass every budget now.",
        "Refused: a-run does not wait for a budget.",
    ]
    assert held(blocked) == (False, "")


def test_a_block_that_turns_into_approval_asks_for_it(queue: Queue, asker: User) -> None:
    budget = BudgetFactory.create(project=queue.project, amount=5, thresholds=APPROVAL)
    waits = submit(queue, 1, 6, by=asker)
    assert held(waits) == (True, "budget_exhausted")
    budget_change(budget=budget, amount=Decimal(10), actor=ACTOR)
    keep_up(queue)
    assert held(waits) == (True, "waiting_for_approval")
    assert BudgetHold.objects.get().approval == ApprovalRequest.objects.get()
    keep_up(queue)
    assert ApprovalRequest.objects.count() == 1


# Let in and out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["raised", "removed", "turned"])
def test_what_waits_is_let_in_when_there_is_room(queue: Queue, sent: Sent, how: str) -> None:
    budget = BudgetFactory.create(project=queue.project, amount=10)
    burnt(queue, hours=8)
    waits, small = submit(queue, 1, 6), submit(queue, 1, 1)
    assert (held(waits)[0], held(small)[0]) == (True, False)
    assert keep_up(queue) == 0
    sent.clear()
    if how == "raised":
        budget_change(budget=budget, amount=Decimal(15), actor=ACTOR)
    elif how == "removed":
        budget_remove(budget=budget, actor=ACTOR)
    with clock.fixed_at(NEXT_MONTH if how == "turned" else NOON):
        assert organisations_with_budgets() == [queue.project.organisation_id]
        assert keep_up(queue) == 1
        assert keep_up(queue) == 0
    assert held(waits) == (False, "")
    assert (queues.ADMIT, str(queue.pool_id)) in sent
    assert (queues.WORKLOAD_CHANGED, str(waits.pk)) in sent


def test_what_ends_early_makes_room(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=10)
    first, waits = submit(queue, 1, 8), submit(queue, 1, 6)
    workload_stop(first, reason="cancelled_by_user", actor=ACTOR)
    assert keep_up(queue) == 1
    assert held(waits) == (False, "")


def test_a_budget_that_is_lowered_takes_out_of_the_line_what_it_has_no_room_for(queue: Queue) -> None:
    budget = BudgetFactory.create(project=queue.project, amount=100)
    runs = submit(queue, 1, 20)
    pool_admit(queue.pool_id)
    line = [submit(queue, 1, 10, priority=priority) for priority in (0, 5, 0)]
    budget_change(budget=budget, amount=Decimal(35), actor=ACTOR)
    assert keep_up(queue) == 2
    assert [held(one)[0] for one in line] == [True, False, True]
    assert fresh(runs).state == "admitted", "what runs is left alone"
    assert pool_admit(queue.pool_id) == 1


def test_only_a_block_takes_out_of_the_line_what_was_let_in(queue: Queue, asker: User) -> None:
    one = submit(queue, 1, 8, by=asker)
    BudgetFactory.create(project=queue.project, amount=10, thresholds=APPROVAL)
    assert keep_up(queue) == 0
    assert held(one) == (False, "")


def test_what_its_owner_lets_go_meets_the_budget_then(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=10)
    hold = Hold("quality_blocked", "Waiting: it is not good enough yet.")
    owners, mine = submit(queue, 1, 6, hold=hold), submit(queue, 1, 6)
    assert held(mine) == (False, ""), "what its owner holds back declares nothing yet"
    keep_up(queue)
    assert held(owners) == (True, "quality_blocked")
    assert workload_release(owners.pk)
    assert held(owners) == (True, "budget_exhausted")
    assert not workload_release(owners.pk)
    Budget.objects.update(amount=100)
    assert keep_up(queue) == 1
    assert held(owners) == (False, "")


def test_what_ended_meanwhile_waits_for_nothing(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=0)
    waits = submit(queue, 1)
    workload_stop(waits, reason="cancelled_by_user", actor=ACTOR)
    keep_up(queue)
    assert BudgetHold.objects.get().settled_at == NOON
    assert organisations_with_budgets() != []


def test_where_nothing_is_due_nothing_is_locked(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, amount=10)
    passing = submit(queue, 1, 20)
    approve = {"is_exempt": True, "settled_at": NOON}
    BudgetHold.objects.filter(workload=passing).update(**approve)
    Workload.objects.update(is_held=False)
    waits = submit(queue, 1, 6)
    with CaptureQueriesContext(connection) as queries:
        assert keep_up(queue) == 0
    assert [query["sql"] for query in queries if " FOR " in query["sql"] and "UPDATE" in query["sql"]] == []
    assert (held(passing)[0], held(waits)[0]) == (False, True)


# Admission and growth -------------------------------------------------------------------------------------------


def test_a_budget_that_is_used_up_keeps_out_what_costs_anything(queue: Queue, django_assert_num_queries: Any) -> None:
    other = make_queue(queue.pool, gpus=16)
    both = [queue.project_id, other.project_id]
    with django_assert_num_queries(1):
        assert budgets_blocked(both) == {}
    work, idle, passing = submit(queue, 1), submit(queue, 0), submit(queue, 1)
    BudgetFactory.create(project=queue.project, name="vision", amount=3)
    BudgetFactory.create(project=other.project, amount=100)
    with django_assert_num_queries(2):
        assert budgets_blocked(both) == {}
    burnt(queue, hours=4)
    BudgetHold.objects.create(project=queue.project, workload=passing, is_exempt=True, settled_at=NOON)
    with django_assert_num_queries(5):
        found = budgets_blocked(both)
    assert list(found) == [queue.project_id]
    block = found[queue.project_id]
    assert (block.reason, block.detail) == (
        "budget_exhausted",
        "Waiting: the 3 GPU-hours of budget vision are used up until 2026-12-01 00:00:00 UTC: 4 are spent and 0"
        " reserved. Raise the budget, or ask for an override.",
    )
    assert [block.stops(one) for one in (work, idle, passing)] == [True, False, False]


def test_a_cycle_leaves_what_a_budget_stops_and_admits_the_rest(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, name="vision", amount=3)
    stopped, passing, idle = submit(queue, 1), submit(queue, 1), submit(queue, 0)
    other = submit(make_queue(queue.pool, gpus=16), 1)
    burnt(queue, hours=4)
    BudgetHold.objects.create(project=queue.project, workload=passing, is_exempt=True, settled_at=NOON)
    assert pool_admit(queue.pool_id) == 3
    assert [fresh(one).state for one in (stopped, passing, idle, other)] == ["pending", *["admitted"] * 3]
    assert held(stopped) == (False, "budget_exhausted")
    assert fresh(stopped).state_detail.startswith("Waiting: the 3 GPU-hours of budget vision are used up until ")
    Budget.objects.update(amount=100)
    assert pool_admit(queue.pool_id) == 1


def test_of_money_only_what_has_a_price_is_kept_out(queue: Queue) -> None:
    work, idle = submit(queue, 1), submit(queue, 0)
    BudgetFactory.create(project=queue.project, unit="money", amount=0)
    block = budgets_blocked([queue.project_id])[queue.project_id]
    assert not block.stops(work)
    RateFactory.create(pool=queue.pool)
    block = budgets_blocked([queue.project_id])[queue.project_id]
    assert [block.stops(one) for one in (work, idle)] == [True, False]


def test_what_runs_may_run_on_but_not_grow(queue: Queue) -> None:
    RateFactory.create(pool=queue.pool, resource="cpu_millis", flavor="", price=1)
    replicas = serving(queue=queue, project=queue.project, state="running", count_max=2)
    BudgetFactory.create(project=queue.project, name="vision", unit="money", amount=0)
    with pytest.raises(QuotaExceeded, match=r"may not grow\. Waiting: the 0 USD of budget vision are used up"):
        workload_resize(replicas, count=3, actor=ACTOR)
    workload_resize(replicas, count=1, actor=ACTOR)
    assert fresh(replicas).count_max == 1


# Told -----------------------------------------------------------------------------------------------------------


def told() -> list[tuple[str, str]]:
    rows = AuditEvent.objects.filter(action="budget.threshold_reached").order_by("id")
    return [(row.detail["ratio"], row.detail["action"]) for row in rows]


def test_thresholds_are_told_once_per_period_and_amount(queue: Queue) -> None:
    budget = BudgetFactory.create(project=queue.project, amount=10)
    burnt(queue, hours=7.9)
    keep_up(queue)
    assert told() == []
    burnt(queue, hours=0.1)
    keep_up(queue)
    keep_up(queue)
    assert told() == [("0.8", "warn")]
    event = Event.objects.get(kind="budget.threshold_reached")
    assert (event.subject, event.project_id, event.payload["spent"]) == (
        f"budget.{budget.pk}", queue.project_id, "8",
    )  # fmt: skip
    burnt(queue, hours=5)
    keep_up(queue)
    assert told() == [("0.8", "warn"), ("1", "block")]
    budget_change(budget=budget, amount=Decimal(14), actor=ACTOR)
    keep_up(queue)
    assert told() == [("0.8", "warn"), ("1", "block"), ("0.8", "warn")]
    with clock.fixed_at(NEXT_MONTH + timedelta(hours=1)):
        burnt(queue, hours=0, reserved_at=NEXT_MONTH - timedelta(hours=20), closed_at=NEXT_MONTH + timedelta(hours=1))
        keep_up(queue)
        assert len(told()) == 3, "what was spent in November is no matter of December"


# Set ------------------------------------------------------------------------------------------------------------


def test_setting_a_budget_is_audited_with_before_and_after(queue: Queue, sent: Sent) -> None:
    wanted = {"name": "vision", "unit": "gpu_hours", "amount": Decimal("100.5"), "period": "month"}
    budget = budget_create(organisation=queue.project.organisation, project=queue.project, actor=ACTOR, **wanted)
    assert (budget.scope, budget.owner_id, budget.team) == ("project", queue.project_id, queue.project.team)
    assert budget.thresholds == [{"ratio": "0.8", "action": "warn"}, {"ratio": "1", "action": "block"}]
    budget_change(budget=budget, amount=Decimal(50), actor=ACTOR)
    budget_change(budget=budget, amount=Decimal(50), actor=ACTOR)
    budget_remove(budget=budget, actor=ACTOR)
    rows = AuditEvent.objects.filter(subject_kind="budget").order_by("id")
    assert [(row.action, row.project_id) for row in rows] == [
        (f"budget.{verb}", queue.project_id) for verb in ("created", "changed", "removed")
    ]
    assert (rows[1].detail["amount"], rows[1].detail["was"]["amount"]) == ("50", "100.5")
    assert sent == [(queues.BUDGETS, str(queue.project.organisation_id))] * 3


TEN_YEARS = timedelta(days=3650)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "negative": ({"amount": Decimal(-1)}, "amount"),
    "absurd": ({"amount": Decimal(10) ** 13}, "amount"),
    "fixed without dates": ({"period": "fixed"}, "ends_on"),
    "dates the other way round": ({"starts_on": NOON.date(), "ends_on": NOON.date() - timedelta(days=1)}, "ends_on"),
    "ten years": ({"period": "fixed", "starts_on": NOON.date(), "ends_on": NOON.date() + TEN_YEARS}, "ends_on"),
    "a threshold of nothing": ({"thresholds": [{"ratio": 0, "action": "warn"}]}, "thresholds"),
    "no number": ({"thresholds": [{"ratio": "NaN", "action": "warn"}]}, "thresholds"),
    "no action": ({"thresholds": [{"ratio": 1}]}, "thresholds"),
    "another action": ({"thresholds": [{"ratio": 1, "action": "kill"}]}, "thresholds"),
    "one twice": ({"thresholds": [{"ratio": 1, "action": "warn"}, {"ratio": "1.0", "action": "warn"}]}, "thresholds"),
    "too many": ({"thresholds": [{"ratio": n / 10, "action": "warn"} for n in range(1, 12)]}, "thresholds"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_budget_that_makes_no_sense_is_refused(queue: Queue, case: str) -> None:
    changes, field = BAD[case]
    wanted = {"name": "vision", "unit": "gpu_hours", "amount": Decimal(1), "period": "month", **changes}
    with pytest.raises(Invalid) as refused:
        budget_create(organisation=queue.project.organisation, project=queue.project, actor=ACTOR, **wanted)
    assert list(refused.value.fields) == [field]
    assert not Budget.objects.exists()


def test_names_of_budgets_are_unique_in_an_organisation(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, name="vision")
    wanted = {"name": "vision", "unit": "money", "amount": Decimal(1), "period": "month"}
    with pytest.raises(Conflict):
        budget_create(organisation=queue.project.organisation, actor=ACTOR, **wanted)


def test_rates_are_added_and_never_for_a_past_that_has_one(queue: Queue) -> None:
    about: dict[str, Any] = {"pool": queue.pool, "resource": "gpus", "flavor": "H200", "actor": ACTOR}
    rate_add(**about, price=Decimal(2), valid_from=NOON - timedelta(days=100))
    rate_add(**about, price=Decimal(3))
    with pytest.raises(Conflict):
        rate_add(**about, price=Decimal(4))
    with pytest.raises(Invalid, match="lies in the past"):
        rate_add(**about, price=Decimal(4), valid_from=NOON - timedelta(days=1))
    rate_add(**about, price=Decimal(4), valid_from=NOON + timedelta(days=1))
    assert AuditEvent.objects.filter(action="rate.added").count() == 3


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"flavor": "A100"}, "flavor"),
        ({"flavor": ""}, "flavor"),
        ({"flavor": "H200/4"}, "flavor"),
        ({"resource": "cpu_millis"}, "flavor"),
        ({"resource": "water", "flavor": ""}, "resource"),
        ({"price": Decimal(-1)}, "price"),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused(queue: Queue, wrong: dict[str, Any], field: str) -> None:
    whole = queue.pool.flavors.get(name="H200")
    ResourceFlavorFactory.create(pool=queue.pool, name="H200/4", share_of=whole, share_millis=250, isolated=False)
    about = {"pool": queue.pool, "resource": "gpus", "flavor": "H200", "price": Decimal(1), **wrong}
    with pytest.raises(Invalid) as refused:
        rate_add(**about, actor=ACTOR)
    assert list(refused.value.fields) == [field]
