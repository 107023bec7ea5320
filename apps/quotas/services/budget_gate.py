"""What budgets say to work that has not begun: whether it may stand in the line, be admitted, or grow.

Whoever lets something into the line locks the budgets first (after pools, before workloads), so that of two at once
the second sees what the first declared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from apps.access.models import ApprovalRequest, Project
from apps.access.services.approvals import approval_request
from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import QuotaExceeded
from apps.quotas.models import Budget, BudgetHold, Workload
from apps.quotas.scheduling import budget as pure
from apps.quotas.selectors.budgets import Active, budgets_active, budgets_of, exempt_among
from apps.quotas.selectors.rates import Priced, costs_money, priced_now
from apps.quotas.services.budget_words import hold_of
from apps.quotas.services.holds import Hold, workloads_held_back
from apps.quotas.states import BudgetAction, BudgetUnit

ACTOR = Actor.system("budgets")
OVERRIDE = "budget.override"
"""The command by which one workload may pass every budget: `{"workload": id}`."""


@dataclass(frozen=True, slots=True)
class BudgetBlock(Hold):
    """Why nothing of a project that costs anything is admitted or grows now.

    Args:
        units: of the budgets that are used up.
        priced: what costs money: (pool, resource, kind of GPU).
        exempt: workloads that somebody let pass.
    """

    units: frozenset[str]
    priced: Priced
    exempt: frozenset[UUID]

    def stops(self, workload: Workload) -> bool:
        """Whether this workload costs anything of what is used up, and nobody let it pass."""
        if workload.pk in self.exempt:
            return False
        if BudgetUnit.GPU_HOURS in self.units and workload.gpus:
            return True
        return BudgetUnit.MONEY in self.units and costs_money(workload, self.priced)


def budgets_blocked(project_ids: Iterable[UUID]) -> dict[UUID, BudgetBlock]:
    """Projects of which nothing that costs anything may be admitted or grow: a budget of theirs is used up.

    What runs may run on. One query where no budget counts these projects, five otherwise; locks nothing.
    """
    ids = set(project_ids)
    rows = list(budgets_of(ids)) if ids else []
    active = budgets_active(rows, clock.db_now(), queued=False) if rows else []
    used_up = [one for one in active if pure.blocked([one.view]) is not None]
    if not used_up:
        return {}
    priced, exempt = priced_now(), frozenset(exempt_among(ids))
    found: dict[UUID, BudgetBlock] = {}
    for project in Project.objects.filter(pk__in=ids).only("organisation_id", "team_id"):
        own = [one for one in used_up if one.row.owner_id in (project.pk, project.team_id, project.organisation_id)]
        gate = pure.blocked([one.view for one in own])
        if gate is not None:
            units = frozenset(one.row.unit for one in own)
            found[project.pk] = BudgetBlock(*_said(gate, own), units=units, priced=priced, exempt=exempt)
    return found


def budgets_locked(project_ids: Collection[UUID]) -> list[Budget]:
    """The budgets that count the work of some projects, locked until the end of the transaction. One query."""
    return list(budgets_of(project_ids).select_for_update(no_key=True))


def budget_gate(workload: Workload) -> bool:
    """Hold back a workload that came into the line in this transaction, if a budget has no room for what it declares.

    True when it is held back. One query where no budget counts its project.
    """
    budgets = budgets_locked([workload.project_id])
    if not budgets:
        return False
    active = budgets_active(budgets, clock.db_now(), [workload.pk])
    if not active or BudgetHold.objects.filter(workload=workload, is_exempt=True).exists():
        return False
    costs = {one.row.pk: one.costs[workload.pk] for one in active if workload.pk in one.costs}
    gate = pure.gate([_without(one, costs) for one in active], costs)
    if gate is None:
        return False
    return bool(budget_hold([(workload, gate)], active))


def budget_hold(gates: Iterable[tuple[Workload, pure.Gate]], active: Collection[Active]) -> list[Workload]:
    """Take workloads out of the line and note that budgets hold them back; returns those that still waited there.

    Where approval is required it is asked for in the name of who asked for the work.
    """
    by_id = {workload.pk: gate for workload, gate in gates}
    taken = workloads_held_back([(workload, hold_of(gate, active)) for workload, gate in gates])
    BudgetHold.objects.bulk_create(
        BudgetHold(
            organisation_id=workload.organisation_id,
            team_id=workload.team_id,
            project_id=workload.project_id,
            workload=workload,
            approval=approval_ask(workload, by_id[workload.pk]),
        )
        for workload in taken
    )
    return taken


def approval_ask(workload: Workload, gate: pure.Gate) -> ApprovalRequest | None:
    """A request that the workload may pass, where a threshold requires one and somebody asked for the work."""
    if gate.action != BudgetAction.REQUIRE_APPROVAL or workload.requested_by is None:
        return None
    return approval_request(
        project=workload.project,
        command=OVERRIDE,
        arguments={"workload": str(workload.pk)},
        requested_by=workload.requested_by,
        comment=workload.state_detail,
        actor=ACTOR,
    )


def growth_check(workload: Workload) -> None:
    """Raise QuotaExceeded where a budget that is used up lets the workload grow no more."""
    block = budgets_blocked([workload.project_id]).get(workload.project_id)
    if block is not None and block.stops(workload):
        raise QuotaExceeded(f"{workload.name} may not grow. {block.detail}")


def _without(one: Active, costs: dict[UUID, pure.Cost]) -> pure.Budget:
    """The budget as it was before the workload itself stood in the line."""
    use, own = one.view.use, costs.get(one.row.pk, pure.Cost())
    return replace(one.view, use=replace(use, queued=use.queued - own.total))


def _said(gate: pure.Gate, active: Collection[Active]) -> tuple[str, str]:
    hold = hold_of(gate, active)
    return hold.reason, hold.detail
