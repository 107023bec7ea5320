"""Who of those that wait may stand in the line, by the budgets of their organisation as they are now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from apps.common import clock
from apps.common.states import Move, explain
from apps.quotas.models import Budget, BudgetHold, ResourcePool, Workload
from apps.quotas.scheduling import budget as pure
from apps.quotas.selectors.budgets import Active, budgets_active
from apps.quotas.services.budget_gate import approval_ask, budget_hold
from apps.quotas.services.budget_words import hold_of
from apps.quotas.services.holds import workloads_let_in
from apps.quotas.states import WorkloadState

HELD_MOST = 2000
"""Workloads of an organisation that are looked at together; once they are let in, others follow."""
ORDER = ("-priority", "created_at", "pk")


@transaction.atomic
def budgets_settle(organisation_id: UUID, *, overflows: bool = False) -> int:
    """Let in what the budgets of an organisation have room for, and say anew to what waits on what it waits for.

    Returns how many came into the line or out of it.

    Args:
        overflows: also take out of the line what they have no room for. The pools where it waits are locked before,
            so that no cycle admits meanwhile what it has read.
    """
    waits = Workload.objects.filter(organisation=organisation_id, state=WorkloadState.PENDING).defer("spec")
    if overflows:
        pools = ResourcePool.objects.filter(pk__in=waits.filter(is_held=False).order_by().values("pool"))
        list(pools.order_by("pk").select_for_update(no_key=True))
    budgets = list(Budget.objects.filter(organisation=organisation_id).order_by("pk").select_for_update(no_key=True))
    in_line = list(waits.filter(is_held=False).order_by(*ORDER)) if overflows else []
    open_ones = BudgetHold.objects.filter(organisation=organisation_id, settled_at=None)
    held = list(
        waits.filter(is_held=True, pk__in=open_ones.values("workload"))
        .select_for_update(no_key=True)
        .order_by(*ORDER)[:HELD_MOST]
    )
    candidates = [*in_line, *held]
    ids = [one.pk for one in candidates]
    active = budgets_active(budgets, clock.db_now(), ids)
    exempt = set(BudgetHold.objects.filter(workload__in=ids, is_exempt=True).values_list("workload", flat=True))
    gates = pure.settle(
        [_without(one, in_line) for one in active], [_candidate(one, active, exempt) for one in candidates]
    )
    let_in = [one for one in held if gates[one.pk] is None]
    open_ones.filter(workload__in=let_in).update(settled_at=clock.db_now())
    workloads_let_in(let_in)
    taken = budget_hold([(one, gate) for one in in_line if (gate := gates[one.pk]) is not None], active)
    _explain([(one, gate) for one in held if (gate := gates[one.pk]) is not None], active)
    return len(let_in) + len(taken)


def _candidate(workload: Workload, active: Sequence[Active], exempt: Collection[UUID]) -> pure.Candidate:
    costs = {one.row.pk: one.costs[workload.pk] for one in active if workload.pk in one.costs}
    return pure.Candidate(workload.pk, costs, in_line=not workload.is_held, exempt=workload.pk in exempt)


def _without(one: Active, in_line: Sequence[Workload]) -> pure.Budget:
    """The budget with only those in its line that are not looked at."""
    use, none = one.view.use, pure.Cost()
    looked_at = sum((one.costs.get(workload.pk, none).total for workload in in_line), pure.NOTHING)
    return replace(one.view, use=replace(use, queued=use.queued - looked_at))


def _explain(gates: Sequence[tuple[Workload, pure.Gate]], active: Sequence[Active]) -> None:
    """Where another budget, limit or action is in the way now. Figures that only grow are not told again: each would
    be news to everybody who looks at what waits."""
    names = {one.row.pk: one.row.name for one in active}
    anew = [
        (workload, gate)
        for workload, gate in gates
        if workload.state_reason != hold_of(gate, active).reason
        or f"budget {names[gate.budget_id]} " not in workload.state_detail
        or f" {pure.figure(gate.limit)} " not in workload.state_detail
    ]
    holds = [(workload, hold_of(gate, active)) for workload, gate in anew]
    explain([Move(workload, workload.state, hold.reason, hold.detail) for workload, hold in holds])
    unasked = BudgetHold.objects.filter(workload__in=[one.pk for one, _ in anew], settled_at=None, approval=None)
    by_id = {workload.pk: (workload, gate) for workload, gate in anew}
    for hold in unasked if anew else ():
        hold.approval = approval_ask(*by_id[hold.workload_id])
        if hold.approval is not None:
            hold.save(update_fields=["approval"])
