"""Who of those that wait may stand in the line, by the budgets of their organisation as they are now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction

from apps.common import clock, queues
from apps.common.states import Move, explain
from apps.quotas.models import Budget, BudgetHold, ResourcePool, Workload
from apps.quotas.scheduling import budget as pure
from apps.quotas.selectors.budgets import Active, budgets_active
from apps.quotas.services.budget_gate import approval_ask, budget_hold
from apps.quotas.services.budget_words import hold_of
from apps.quotas.services.holds import workloads_let_in
from apps.quotas.states import WorkloadState

HELD_MOST = 20_000
"""Workloads of an organisation that are looked at together; once they are let in, others follow."""
ORDER = ("-priority", "created_at", "pk")
Gated = list[tuple[Workload, pure.Gate]]


@dataclass(frozen=True, slots=True)
class _Look:
    """Who waits in an organisation, and what its budgets say to each."""

    active: Sequence[Active]
    let_in: list[Workload]
    out: Gated
    """What stands in the line and may not."""
    stay: Gated
    """What is held back, and stays so for another reason than it was told."""

    @property
    def is_due(self) -> bool:
        return bool(self.let_in or self.out or self.stay)


def budgets_settle(organisation_id: UUID, *, overflows: bool = False) -> int:
    """Let in what the budgets of an organisation have room for, and say anew to what waits on what it waits for.

    Returns how many came into the line or out of it. Nothing is locked where nothing is due.

    Args:
        overflows: also take out of the line what they have no room for. The pools where it waits are locked before,
            so that no cycle admits meanwhile what it has read.
    """
    if not _look(organisation_id, overflows=overflows, locked=False).is_due:
        return 0
    with transaction.atomic():
        if overflows:
            waits = Workload.objects.filter(organisation=organisation_id, state=WorkloadState.PENDING, is_held=False)
            pools = ResourcePool.objects.filter(pk__in=waits.order_by().values("pool"))
            list(pools.order_by("pk").select_for_update(no_key=True))
        found = _look(organisation_id, overflows=overflows, locked=True)
        open_ones = BudgetHold.objects.filter(workload__in=found.let_in, settled_at=None)
        open_ones.update(settled_at=clock.db_now())
        workloads_let_in(found.let_in)
        taken = budget_hold(found.out, found.active)
        _explain(found.stay, found.active)
    return len(found.let_in) + len(taken)


def _look(organisation_id: UUID, *, overflows: bool, locked: bool) -> _Look:
    """Four queries and, where it is locked, the locks: budgets before workloads."""
    budgets = Budget.objects.filter(organisation=organisation_id).order_by("pk")
    rows = list(budgets.select_for_update(no_key=True) if locked else budgets)
    waits = Workload.objects.filter(organisation=organisation_id, state=WorkloadState.PENDING).defer("spec")
    in_line = list(waits.filter(is_held=False).order_by(*ORDER)) if overflows else []
    open_ones = BudgetHold.objects.filter(organisation=organisation_id, settled_at=None)
    of_budgets = waits.filter(is_held=True, pk__in=open_ones.values("workload")).order_by(*ORDER)
    held = list((of_budgets.select_for_update(no_key=True) if locked else of_budgets)[:HELD_MOST])
    candidates = [*in_line, *held]
    ids = [one.pk for one in candidates]
    active = budgets_active(rows, clock.db_now(), ids)
    exempt = set(BudgetHold.objects.filter(workload__in=ids, is_exempt=True).values_list("workload", flat=True))
    gates = pure.settle(
        [_without(one, in_line) for one in active], [_candidate(one, active, exempt) for one in candidates]
    )
    return _Look(
        active=active,
        let_in=[one for one in held if gates[one.pk] is None],
        out=_gated(in_line, gates),
        stay=[(one, gate) for one, gate in _gated(held, gates) if _is_news(one, gate, active)],
    )


def _gated(rows: Sequence[Workload], gates: Mapping[UUID, pure.Gate | None]) -> Gated:
    return [(one, gate) for one in rows if (gate := gates[one.pk]) is not None]


def _candidate(workload: Workload, active: Sequence[Active], exempt: Collection[UUID]) -> pure.Candidate:
    costs = {one.row.pk: one.costs[workload.pk] for one in active if workload.pk in one.costs}
    return pure.Candidate(workload.pk, costs, in_line=not workload.is_held, exempt=workload.pk in exempt)


def _without(one: Active, in_line: Sequence[Workload]) -> pure.Budget:
    """The budget with only those in its line that are not looked at."""
    use, none = one.view.use, pure.Cost()
    looked_at = sum((one.costs.get(workload.pk, none).total for workload in in_line), pure.NOTHING)
    return replace(one.view, use=replace(use, queued=use.queued - looked_at))


def _is_news(workload: Workload, gate: pure.Gate, active: Sequence[Active]) -> bool:
    """Whether another budget, limit or action is in the way than it was told. Figures that only grow are no news:
    they would be told to everybody who looks at what waits, again and again."""
    hold, detail = hold_of(gate, active), workload.state_detail
    (name,) = (one.row.name for one in active if one.row.pk == gate.budget_id)
    known = f"budget {name} " in detail and f" {pure.figure(gate.limit)} " in detail
    return workload.state_reason != hold.reason or not known


def _explain(gates: Gated, active: Sequence[Active]) -> None:
    holds = [(workload, hold_of(gate, active)) for workload, gate in gates]
    explain([Move(workload, workload.state, hold.reason, hold.detail) for workload, hold in holds])
    by_id = {workload.pk: (workload, gate) for workload, gate in gates}
    for workload_id in by_id:
        queues.send(queues.WORKLOAD_CHANGED, workload_id)
    for unasked in BudgetHold.objects.filter(workload__in=list(by_id), settled_at=None, approval=None):
        unasked.approval = approval_ask(*by_id[unasked.workload_id])
        if unasked.approval is not None:
            unasked.save(update_fields=["approval"])
