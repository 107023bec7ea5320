"""Why a budget holds something back, as people read it."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from apps.quotas.scheduling import budget as pure
from apps.quotas.selectors.budgets import Active
from apps.quotas.services.holds import Hold
from apps.quotas.states import BudgetAction, BudgetUnit, Reason
from workers.contracts.sentences import say


def hold_of(gate: pure.Gate, active: Iterable[Active]) -> Hold:
    """The hold of a gate of one of these budgets: with its numbers, and what would help."""
    (one,) = [one for one in active if one.row.pk == gate.budget_id]
    is_money = one.row.unit == BudgetUnit.MONEY
    told = {
        "budget": one.row.name,
        "limit": pure.figure(gate.limit),
        "until": f"{one.period.ends:%Y-%m-%d %H:%M:%S} UTC",
        **({"currency": settings.BEDPLATE_CURRENCY} if is_money else {}),
    }
    if gate.action == BudgetAction.REQUIRE_APPROVAL:
        code = "budget_approval_money" if is_money else "budget_approval_hours"
        counted = pure.figure(gate.counted)
        return Hold(Reason.WAITING_FOR_APPROVAL, say(code, counted=counted, needs=_needs(gate), **told))
    if not gate.left:
        code = "budget_used_money" if is_money else "budget_used_hours"
        use = one.view.use
        figures = {"spent": pure.figure(use.spent), "reserved": pure.figure(gate.counted - use.spent)}
        return Hold(Reason.BUDGET_EXHAUSTED, say(code, **figures, **told))
    code = "budget_left_money" if is_money else "budget_left_hours"
    return Hold(Reason.BUDGET_EXHAUSTED, say(code, left=pure.figure(gate.left), needs=_needs(gate), **told))


def _needs(gate: pure.Gate) -> str:
    return pure.figure(gate.needs, up=True)
