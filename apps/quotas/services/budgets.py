"""Budgets and rates as administrators set them. Each change is audited with before and after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from apps.access.models import Organisation, Project, Team
from apps.common import clock, queues
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid
from apps.common.events import emit
from apps.quotas.models import Budget, Rate, ResourceFlavor, ResourcePool
from apps.quotas.states import BudgetAction, BudgetPeriod, BudgetUnit, Resource

USUAL: Sequence[dict[str, str]] = ({"ratio": "0.8", "action": "warn"}, {"ratio": "1", "action": "block"})
"""Thresholds of a budget that names none."""
THRESHOLDS_MOST = 10
RATIO_MOST = Decimal(10)
DAYS_MOST = 1100
"""Of fixed dates: three years, so that a series by day stays small."""
AMOUNT_MOST = Decimal(10) ** 12
TOLD = ("name", "unit", "amount", "period", "starts_on", "ends_on", "thresholds")


@transaction.atomic
def budget_create(
    *,
    organisation: Organisation,
    team: Team | None = None,
    project: Project | None = None,
    actor: Actor,
    **columns: Any,
) -> Budget:
    """Set how much may be spent.

    Args:
        team: only its projects'; `project`: only this one's, whose team and organisation count then.
        columns: as `TOLD`.

    Raises:
        Invalid: dates, an amount or thresholds that make no sense; a team of another organisation.
        Conflict: the organisation has a budget of that name.
    """
    if project is not None:
        organisation, team = project.organisation, project.team
    if team is not None and team.organisation_id != organisation.pk:
        raise Invalid("team: is one of another organisation", fields={"team": ["is one of another organisation"]})
    made = Budget(organisation=organisation, team=team, project=project, **{"thresholds": USUAL, **columns})
    _check(made)
    made.save()
    record(actor, "budget.created", made, detail=_told(made))
    return _changed(made)


@transaction.atomic
def budget_change(*, budget: Budget, actor: Actor, **columns: Any) -> Budget:
    """Change a budget; whose it is stays. What runs is left alone, what waits is looked at again.

    Raises:
        Invalid, Conflict: as `budget_create`.
    """
    current = Budget.objects.select_for_update(no_key=True).get(pk=budget.pk)
    was = _told(current)
    for name, value in columns.items():
        setattr(current, name, value)
    _check(current)
    now = _told(current)
    if now == was:
        return current
    current.save(update_fields=list(TOLD))
    record(actor, "budget.changed", current, detail={**now, "was": was})
    return _changed(current)


@transaction.atomic
def budget_remove(*, budget: Budget, actor: Actor) -> None:
    """Take a budget away. What it counted stays in the ledger, and what it held back is let in."""
    current = Budget.objects.select_for_update().get(pk=budget.pk)
    record(actor, "budget.removed", current, detail=_told(current))
    emit("budget.removed", current)
    queues.send(queues.BUDGETS, current.organisation_id)
    current.delete()


@transaction.atomic
def rate_add(
    *,
    pool: ResourcePool,
    resource: str,
    price: Decimal,
    flavor: str = "",
    valid_from: datetime | None = None,
    actor: Actor,
) -> Rate:
    """Say what an hour of something costs from a moment on.

    Args:
        price: of an hour of a core, of a GiB of memory, or of a whole device of the kind `flavor`.
        valid_from: now by default. Only the first price of something may lie in the past, so that what was used keeps
            the price that it had.

    Raises:
        Invalid: no such kind of GPU, or a price for the past.
        Conflict: there is one from that very moment on.
    """
    now = clock.db_now()
    valid_from = valid_from or now
    _rate_check(pool, resource, flavor, price)
    ResourcePool.objects.select_for_update(no_key=True).get(pk=pool.pk)
    known = Rate.objects.filter(pool=pool, resource=resource, flavor=flavor)
    if known.filter(valid_from=valid_from).exists():
        raise Conflict("There is a rate from that very moment on; rates are never changed, only followed by others.")
    if valid_from < now and known.exists():
        text = "lies in the past, and what was used keeps the price that it had"
        raise Invalid(f"valid_from: {text}", fields={"valid_from": [text]})
    made: Rate = Rate.objects.create(pool=pool, resource=resource, flavor=flavor, price=price, valid_from=valid_from)
    told = {"resource": resource, "flavor": flavor, "price": str(price), "valid_from": valid_from.isoformat()}
    record(actor, "rate.added", made, detail={"pool": pool.name, **told})
    return made


def _rate_check(pool: ResourcePool, resource: str, flavor: str, price: Decimal) -> None:
    wrong: dict[str, list[str]] = {}
    if resource not in Resource.values:
        wrong["resource"] = [f"{resource!r} is not one of {', '.join(Resource.values)}"]
    elif (resource == Resource.GPUS) != bool(flavor):
        wrong["flavor"] = ["is needed for GPUs, and only for them"]
    elif flavor and not ResourceFlavor.objects.filter(pool=pool, name=flavor, share_of=None).exists():
        wrong["flavor"] = [f"{pool.name} has no whole devices {flavor!r}; parts of a device cost their part of it"]
    if not (price.is_finite() and 0 <= price <= AMOUNT_MOST):
        wrong["price"] = [f"{price} is not between 0 and {AMOUNT_MOST}"]
    _refuse(wrong)


def _check(budget: Budget) -> None:
    wrong: dict[str, list[str]] = {}
    amount = Decimal(budget.amount)
    if not (amount.is_finite() and 0 <= amount <= AMOUNT_MOST):
        wrong["amount"] = [f"{budget.amount} is not between 0 and {AMOUNT_MOST}"]
    if problem := dates_wrong(budget.period, budget.starts_on, budget.ends_on):
        wrong["ends_on"] = [problem]
    if budget.unit not in BudgetUnit.values:
        wrong["unit"] = [f"{budget.unit!r} is not one of {', '.join(BudgetUnit.values)}"]
    try:
        budget.thresholds = thresholds_checked(budget.thresholds)
    except Invalid as error:
        wrong |= error.fields
    _refuse(wrong)
    budget.clean_fields()
    same = Budget.objects.filter(organisation=budget.organisation_id, name=budget.name).exclude(pk=budget.pk)
    if same.exists():
        raise Conflict(f"There is a budget {budget.name} already.")


def dates_wrong(period: str, starts_on: date | None, ends_on: date | None) -> str:
    """Why these are no dates of a budget, or nothing."""
    if starts_on and ends_on and ends_on < starts_on:
        return "lies before the first day"
    if period != BudgetPeriod.FIXED:
        return ""
    if not (starts_on and ends_on):
        return "fixed dates need a first and a last day"
    return f"is more than {DAYS_MOST} days later" if (ends_on - starts_on).days >= DAYS_MOST else ""


def thresholds_checked(wanted: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Thresholds as they are stored, the lowest first.

    Raises:
        Invalid: too many, one twice, or one that makes no sense.
    """
    found: set[tuple[Decimal, str]] = set()
    for one in wanted:
        try:
            ratio, action = Decimal(str(one["ratio"])), str(one["action"])
        except (KeyError, TypeError, InvalidOperation):
            raise _threshold_wrong("each has a ratio and an action") from None
        if not (ratio.is_finite() and 0 < ratio <= RATIO_MOST):
            raise _threshold_wrong(f"{ratio} is not above 0 and at most {RATIO_MOST}")
        if action not in BudgetAction.values:
            raise _threshold_wrong(f"{action!r} is not one of {', '.join(BudgetAction.values)}")
        found.add((ratio.normalize(), action))
    if len(found) < len(wanted) or len(found) > THRESHOLDS_MOST:
        raise _threshold_wrong(f"at most {THRESHOLDS_MOST}, and none twice")
    return [{"ratio": f"{ratio:f}", "action": action} for ratio, action in sorted(found)]


def _threshold_wrong(text: str) -> Invalid:
    return Invalid(f"thresholds: {text}", fields={"thresholds": [text]})


def _refuse(wrong: dict[str, list[str]]) -> None:
    if wrong:
        raise Invalid("; ".join(f"{name}: {texts[0]}" for name, texts in wrong.items()), fields=wrong)


def _told(budget: Budget) -> dict[str, Any]:
    plain = {"amount": f"{Decimal(budget.amount).normalize():f}", "thresholds": list(budget.thresholds)}
    dates = {name: day.isoformat() if (day := getattr(budget, name)) else None for name in ("starts_on", "ends_on")}
    scope = {"scope": budget.scope, "owner": str(budget.owner_id)}
    return {"name": budget.name, "unit": budget.unit, "period": budget.period, **plain, **dates, **scope}


def _changed(budget: Budget) -> Budget:
    emit("budget.changed", budget)
    queues.send(queues.BUDGETS, budget.organisation_id)
    return budget
