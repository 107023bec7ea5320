"""Quotas of queues and cohorts: what each is guaranteed, may borrow, and lends."""

from __future__ import annotations

from typing import Any, Final, TypedDict, Unpack

from django.db import transaction

from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.quotas.models import Cohort, Queue, Quota, ResourceFlavor
from apps.quotas.services.changes import pool_shared_anew, refuse, weight_check
from apps.quotas.services.locks import pool_locked
from apps.quotas.states import Resource

NOMINAL_MOST: Final = 1 << 60
AMOUNTS: Final = ("nominal", "borrowing_limit", "lending_limit", "weight")


class QuotaLimits(TypedDict, total=False):
    """What a quota says beside its nominal. What is not named stays as it is; a new quota is a hard cap."""

    borrowing_limit: int | None
    """None: all that others leave idle."""
    lending_limit: int | None
    """None: all of what it leaves idle."""
    weight: float | None
    """None: that of its queue or cohort."""


def quota_check(resource: str, flavor: str, nominal: int) -> None:
    """Raise Invalid for an unknown resource, a flavor of something that has none, or not a sensible amount."""
    if resource not in Resource.values:
        raise Invalid(f"resource: {resource!r} is not one of {', '.join(Resource.values)}")
    if flavor and resource != Resource.GPUS:
        raise Invalid(f"flavor: {resource} has no flavors")
    if not 0 <= nominal <= NOMINAL_MOST:
        raise Invalid(f"nominal: {nominal} is not between 0 and {NOMINAL_MOST}")


@transaction.atomic
def quota_set(
    owner: Queue | Cohort, resource: str, flavor: str, nominal: int, *, actor: Actor, **limits: Unpack[QuotaLimits]
) -> Quota:
    """Set how much of a resource a queue, or all below a cohort, may hold. What is admitted already stays.

    A nominal below what is held is accepted: what is too much is not replaced, and others may reclaim what is theirs.
    A weight of 0 gets nothing above its nominal while anybody else wants it. Limits that are not named stay as they
    are; where nobody has set any, nothing may be borrowed: the nominal is all.

    Raises:
        Invalid: as `quota_check`; more is lent than there is; a share of a device, which counts for its kind.
    """
    quota_check(resource, flavor, nominal)
    pool = pool_locked(owner.pool_id)
    whose: dict[str, Any] = {"cohort": owner} if isinstance(owner, Cohort) else {"queue": owner}
    old = Quota.objects.select_for_update().filter(**whose, resource=resource, flavor=flavor).first()
    before = _amounts(old)
    quota = old or Quota(**whose, resource=resource, flavor=flavor)
    kept = limits_now(old)  # before it changes
    quota.nominal = nominal
    for name, value in {**kept, **limits}.items():
        setattr(quota, name, value)
    _check(quota)
    if flavor and old is None:
        _check_flavor(pool.pk, flavor)
    quota.save()
    after = _amounts(quota)
    named = {"resource": resource, "flavor": flavor, "nominal": nominal, "was": before and before["nominal"]}
    _note(actor, "quota.set", quota, owner, {**named, "before": before, "after": after})
    pool_shared_anew(pool)
    return quota


def limits_now(quota: Quota | None) -> dict[str, Any]:
    """The limits that a quota keeps when it is set and they are not named; None: there is no quota yet."""
    if quota is None or _is_free(quota):
        return {"borrowing_limit": 0, "lending_limit": None, "weight": None}
    return {name: getattr(quota, name) for name in AMOUNTS if name != "nominal"}


def _is_free(quota: Quota) -> bool:
    """Whether it is as a queue gets it at first: nothing guaranteed, all that is idle free to use."""
    return quota.nominal == 0 and (quota.borrowing_limit, quota.lending_limit, quota.weight) == (None, None, None)


@transaction.atomic
def quota_remove(*, quota: Quota, actor: Actor) -> None:
    """Remove a quota. A queue that has none of a resource left may use none of it; what is admitted stays.

    A cohort without one guarantees nothing and limits nothing.
    """
    owner = owner_of(quota)
    pool = pool_locked(owner.pool_id)
    current = Quota.objects.select_for_update().filter(pk=quota.pk).first()
    if current is None:
        return
    named = {"resource": current.resource, "flavor": current.flavor}
    _note(actor, "quota.removed", current, owner, {**named, "before": _amounts(current), "after": None})
    current.delete()
    pool_shared_anew(pool)


def owner_of(quota: Quota) -> Queue | Cohort:
    """The queue or the cohort that a quota is about."""
    owner = quota.queue or quota.cohort
    if owner is None:
        raise AssertionError(f"quota {quota.pk} belongs to nothing")
    return owner


def _check(quota: Quota) -> None:
    for name in ("borrowing_limit", "lending_limit"):
        value = getattr(quota, name)
        if value is not None and not 0 <= value <= NOMINAL_MOST:
            refuse(name, f"{value} is not between 0 and {NOMINAL_MOST}")
    if quota.lending_limit is not None and quota.lending_limit > quota.nominal:
        refuse("lending_limit", f"{quota.lending_limit} is more than the nominal {quota.nominal} that it owns")
    weight_check(quota.weight)


def _check_flavor(pool_id: Any, flavor: str) -> None:
    shares = ResourceFlavor.objects.filter(pool=pool_id, name=flavor, share_of__isnull=False)
    share = shares.select_related("share_of").first()
    if share is not None:
        refuse("flavor", f"{flavor} is a share of {share.share_of.name}: its use counts for the quota of that")


def _amounts(quota: Quota | None) -> dict[str, Any] | None:
    return None if quota is None else {name: getattr(quota, name) for name in AMOUNTS}


def _note(actor: Actor, action: str, quota: Quota, owner: Queue | Cohort, detail: dict[str, Any]) -> None:
    project_id = owner.project_id if isinstance(owner, Queue) else None
    record(actor, action, quota, project_id=project_id, detail={**detail, "of": str(owner)})
