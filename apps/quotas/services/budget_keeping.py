"""What becomes of budgets as time goes by: thresholds are told once, and what waits for a budget is let in or out.

Every step finds its work in the stored state, so it may run twice, late, or beside itself.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.access.models import ApprovalRequest
from apps.access.services.approvals import approval_lapse
from apps.access.states import ApprovalState
from apps.common import clock
from apps.common.audit import record
from apps.common.events import emit
from apps.quotas.models import Budget, BudgetHold
from apps.quotas.scheduling import budget as pure
from apps.quotas.selectors.budgets import Active, budgets_active
from apps.quotas.services.budget_approvals import ENDS, hold_end
from apps.quotas.services.budget_gate import ACTOR, OVERRIDE
from apps.quotas.services.budget_settling import budgets_settle
from apps.quotas.states import WorkloadState
from workers.contracts.sentences import say


def organisations_with_budgets() -> list[UUID]:
    """Organisations that have a budget, or something that waits for one."""
    budgets = Budget.objects.order_by().values_list("organisation", flat=True)
    return list(budgets.union(BudgetHold.objects.filter(settled_at=None).values_list("organisation", flat=True)))


def budgets_keep_up(organisation_id: UUID) -> int:
    """Do what is due about the budgets of an organisation; returns how many workloads it let in or out of the line.

    A few statements where nothing is due.
    """
    holds_end_denied(organisation_id)
    _forget_ended(organisation_id)
    at = clock.db_now()
    active = budgets_active(Budget.objects.filter(organisation=organisation_id), at)
    for one in active:
        budget_tell(one)
    overflows = any(pure.overflowing(one.view) for one in active)
    if overflows or BudgetHold.objects.filter(organisation=organisation_id, settled_at=None).exists():
        return budgets_settle(organisation_id, overflows=overflows)
    return 0


def budget_tell(one: Active) -> None:
    """Tell of thresholds that a budget has reached since it was looked at last, each once per period and amount."""
    begins, amount = one.period.begins.isoformat(), f"{one.row.amount.normalize():f}"
    reached = [threshold for threshold in pure.reached(one.view) if not _is_told(one.row, threshold, begins, amount)]
    if not reached:
        return
    with transaction.atomic():
        row = Budget.objects.select_for_update(no_key=True).filter(pk=one.row.pk, amount=one.row.amount).first()
        for threshold in reached if row is not None else ():
            if row is None or _is_told(row, threshold, begins, amount):
                continue
            told = {
                "period_begins": begins,
                "amount": amount,
                "ratio": f"{threshold.ratio:f}",
                "action": threshold.action,
                "at": clock.db_now().isoformat(),
                "spent": pure.figure(one.view.use.spent),
                "reserved": pure.figure(one.view.use.reserved),
            }
            row.reached = [*(past for past in row.reached if past["period_begins"] == begins), told]
            row.save(update_fields=["reached"])
            record(ACTOR, "budget.threshold_reached", row, detail=told)
            emit("budget.threshold_reached", row, payload=told)


def _is_told(row: Budget, threshold: pure.Threshold, begins: str, amount: str) -> bool:
    key = (begins, amount, f"{threshold.ratio:f}", threshold.action)
    return any(key == (one["period_begins"], one["amount"], one["ratio"], one["action"]) for one in row.reached)


def holds_end_denied(organisation_id: UUID) -> int:
    """End what waited for an approval that was asked for when it was held, and that will not come."""
    refused = BudgetHold.objects.filter(
        organisation=organisation_id, settled_at=None, approval__state__in=list(ENDS)
    ).order_by("pk")
    return sum(hold_end(pk) for pk in refused.values_list("pk", flat=True))


def _forget_ended(organisation_id: UUID) -> None:
    """What has ended waits for nothing, and what waits for nothing needs no approval."""
    waits = BudgetHold.objects.filter(organisation=organisation_id, settled_at=None)
    waits.exclude(workload__state=WorkloadState.PENDING).update(settled_at=clock.db_now())
    settled = BudgetHold.objects.filter(organisation=organisation_id, settled_at__isnull=False)
    needless = ApprovalRequest.objects.filter(
        command=OVERRIDE, state=ApprovalState.PENDING, pk__in=settled.values("approval")
    )
    for approval in needless:
        approval_lapse(approval=approval, detail=say("approval_needless"), actor=ACTOR)
