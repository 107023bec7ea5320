"""The command `budget.override`: one workload may pass every budget, once somebody has approved it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import ApprovalRequest
from apps.access.permissions import require
from apps.access.services.approvals import approval_run
from apps.access.states import ApprovalState, Role
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid, NotFound
from apps.quotas.models import BudgetHold, Workload
from apps.quotas.services.budget_gate import ACTOR, OVERRIDE
from apps.quotas.services.holds import workloads_let_in
from apps.quotas.services.moves import workload_locked
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import Reason
from workers.contracts.sentences import say

ENDS = {
    ApprovalState.DENIED: (Reason.APPROVAL_DENIED, "budget_denied"),
    ApprovalState.EXPIRED: (Reason.APPROVAL_EXPIRED, "budget_expired"),
    ApprovalState.WITHDRAWN: (Reason.CANCELLED_BY_USER, "budget_withdrawn"),
}
"""How work ends that was held for an approval which did not come, and the sentence that says so."""


def override_arguments_check(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `budget.override` as they are stored.

    Raises:
        Invalid: not `{"workload": id}` of one that there is.
    """
    try:
        workload = UUID(str(arguments["workload"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"{OVERRIDE} takes workload, the id of what waits for a budget") from error
    if not Workload.objects.filter(pk=workload).exists():
        raise Invalid(f"{OVERRIDE}: there is no such workload", fields={"workload": ["not found"]})
    return {"workload": str(workload)}


def approval_apply(approval_id: UUID) -> None:
    """Do what was decided, once: let the workload pass, or end it where it was held for this very approval."""
    approval_run(approval_id, _override)
    refused = BudgetHold.objects.filter(approval=approval_id, settled_at=None, approval__state__in=list(ENDS))
    for hold_id in refused.values_list("pk", flat=True):
        hold_end(hold_id)


@transaction.atomic
def hold_end(hold_id: UUID) -> bool:
    """End what was held for an approval that will not come; false where it waits for nothing any more."""
    known = BudgetHold.objects.filter(pk=hold_id, settled_at=None).values_list("workload", flat=True).first()
    if known is None:
        return False
    workload = workload_locked(known)
    rows = BudgetHold.objects.select_for_update(of=("self",), no_key=True).select_related("approval")
    hold = rows.filter(pk=hold_id, settled_at=None, approval__state__in=list(ENDS)).first()
    if hold is None or hold.approval is None:
        return False
    reason, code = ENDS[ApprovalState(hold.approval.state)]
    workload_stop(workload, reason=reason, detail=say(code), actor=ACTOR)
    hold.settled_at = clock.db_now()
    hold.save(update_fields=["settled_at"])
    return True


def _override(approval: ApprovalRequest) -> str:
    wanted = override_arguments_check(approval.arguments)
    found = Workload.objects.filter(pk=wanted["workload"], project=approval.project_id).first()
    if found is None:
        raise NotFound("The project has no such workload.")
    require(approval.requested_by, approval.project, Role.EDITOR)
    workload = workload_locked(found.pk)
    rows = BudgetHold.objects.select_for_update(no_key=True)
    hold = rows.filter(workload=workload, settled_at=None).first()
    if hold is None or not workload.is_held:
        raise Conflict(f"{workload.name} does not wait for a budget.")
    hold.is_exempt, hold.settled_at = True, clock.db_now()
    hold.save(update_fields=["is_exempt", "settled_at"])
    record(
        Actor.user(approval.decided_by), "workload.budget_overridden", workload, detail={"why": workload.state_detail}
    )
    workloads_let_in([workload])
    return f"{workload.name} may pass every budget now."
