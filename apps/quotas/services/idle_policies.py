"""What is done about idle GPUs, per pool and per queue: set, taken back, looked up."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.quotas.models import IdlePolicy, Queue, ResourcePool
from apps.quotas.models.health import SECONDS_MOST
from apps.quotas.scheduling.idle import IdlePolicy as Rule
from apps.quotas.states import IdleAction, WorkloadKind

DEFAULT = Rule()


@transaction.atomic
def idle_policy_set(
    *,
    pool: ResourcePool,
    queue: Queue | None = None,
    action: str = DEFAULT.action,
    threshold_ratio: float = DEFAULT.threshold_ratio,
    warn_seconds: int = DEFAULT.warn_seconds,
    stop_seconds: int = DEFAULT.stop_seconds,
    grace_seconds: int = DEFAULT.grace_seconds,
    kinds: Collection[str] = tuple(DEFAULT.kinds),
    actor: Actor,
) -> IdlePolicy:
    """Say what is done about idle GPUs of a pool, or of one of its queues; repeating it changes nothing.

    A warning that stands is judged by it from the next look on.

    Raises:
        Invalid: a queue of another pool, or a value that makes no sense.
    """
    values = {
        "action": action,
        "threshold_ratio": threshold_ratio,
        "warn_seconds": warn_seconds,
        "stop_seconds": stop_seconds,
        "grace_seconds": grace_seconds,
        "kinds": sorted(set(kinds)),
    }
    _check(pool, queue, values)
    old = IdlePolicy.objects.select_for_update().filter(pool=pool, queue=queue).first()
    was = {name: getattr(old, name) for name in values} if old is not None else None
    if old is not None and was == values:
        return old
    policy, _ = IdlePolicy.objects.update_or_create(pool=pool, queue=queue, defaults=values)
    project_id = queue.project_id if queue is not None else None
    record(actor, "idle_policy.set", policy, project_id=project_id, detail={**values, "was": was})
    return policy


@transaction.atomic
def idle_policy_remove(policy: IdlePolicy, *, actor: Actor) -> None:
    """Let what is above hold again: the policy of the pool, or the defaults."""
    project_id = policy.queue.project_id if policy.queue is not None else None
    was = {"action": policy.action, "threshold_ratio": policy.threshold_ratio, "kinds": policy.kinds}
    record(actor, "idle_policy.removed", policy, project_id=project_id, detail={"was": was})
    policy.delete()


def rules_in_force() -> Callable[[UUID, UUID], Rule]:
    """(pool id, queue id) → what holds there. One query."""
    rows = {(row.pool_id, row.queue_id): _rule(row) for row in IdlePolicy.objects.all()}
    return lambda pool_id, queue_id: rows.get((pool_id, queue_id)) or rows.get((pool_id, None)) or DEFAULT


def _rule(row: IdlePolicy) -> Rule:
    return Rule(
        threshold_ratio=row.threshold_ratio,
        warn_seconds=row.warn_seconds,
        stop_seconds=row.stop_seconds,
        grace_seconds=row.grace_seconds,
        action=row.action,
        kinds=frozenset(row.kinds),
    )


def _check(pool: ResourcePool, queue: Queue | None, values: dict[str, Any]) -> None:
    wrong: dict[str, list[str]] = {}
    if queue is not None and queue.pool_id != pool.pk:
        wrong["queue"] = [f"is not in the pool {pool.name}"]
    if values["action"] not in IdleAction.values:
        wrong["action"] = [f"{values['action']!r} is not one of {', '.join(IdleAction.values)}"]
    if not 0 < values["threshold_ratio"] <= 1:
        wrong["threshold_ratio"] = ["is not above 0 and at most 1"]
    for name, least in (("warn_seconds", 60), ("stop_seconds", 60), ("grace_seconds", 0)):
        if not least <= values[name] <= SECONDS_MOST:
            wrong[name] = [f"is not between {least} and {SECONDS_MOST}"]
    unknown = set(values["kinds"]) - set(WorkloadKind.values)
    if unknown:
        wrong["kinds"] = [f"{', '.join(sorted(unknown))}: not among {', '.join(WorkloadKind.values)}"]
    if wrong:
        raise Invalid("; ".join(f"{name}: {text}" for name, [text] in wrong.items()), fields=wrong)
