"""What the owners of workloads call: submit, stop, resize, and the result."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import Project, User
from apps.common import clock, queues
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid
from apps.common.events import emit
from apps.common.states import Move, explain
from apps.quotas.models import PriorityClass, ResourcePool, Workload
from apps.quotas.services.arrivals import workload_insert
from apps.quotas.services.asked import asked_columns, priority_of
from apps.quotas.services.budget_gate import budget_gate, budgets_locked, growth_check
from apps.quotas.services.graces import attempt_tell_again
from apps.quotas.services.holds import Hold as Hold
from apps.quotas.services.holds import workloads_let_in
from apps.quotas.services.moves import workload_locked, workload_move
from apps.quotas.services.queues import queue_place
from apps.quotas.services.requests import MEMBERS_MOST, request_check, shape_of_workload
from apps.quotas.services.retrying import RetryPolicy
from apps.quotas.services.usage import usage_regrant
from apps.quotas.states import CANCELLING, OVERRIDDEN, REQUEUED, Reason, WorkloadKind, WorkloadState
from workers.contracts.specs import Spec

NO_RETRIES = RetryPolicy()


@transaction.atomic
def workload_submit(
    *,
    project: Project,
    spec: Spec,
    owner_kind: str,
    owner_id: UUID,
    name: str,
    requested_by: User | None,
    actor: Actor,
    count_min: int = 1,
    count_max: int = 1,
    priority: int | PriorityClass = 0,
    topology: str = "",
    hold: Hold | None = None,
    pool: ResourcePool | None = None,
    retries: RetryPolicy = NO_RETRIES,
) -> Workload:
    """Ask for something to run: a pending workload in the project's queue, and an early admission cycle; in its queue
    in that pool, if one is asked for.

    At least `count_min` members start together, up to `count_max`; priority and topology: see `asked_columns`. With a
    `hold` it stays out of the line until `workload_release`, and until budgets have room for what it declares.

    Raises:
        Invalid: the request makes no sense (negative, absurd, not storable, several shares of GPUs); a pool that is
            not there for the project.
        Unavailable: no pool has been discovered yet.
    """
    of = priority_of(priority)
    counts: dict[str, Any] = {"count_min": count_min, "count_max": count_max}
    stored = request_check(spec, name=name, priority=of.value, **counts)
    queue_id, pool_id = queue_place(project, pool)
    asked = asked_columns(pool_id, spec, priority=of, topology=topology, **counts)
    workload, is_counted = workload_insert(
        project, actor=actor, queue_id=queue_id, name=name, spec=stored, owner_kind=owner_kind, owner_id=owner_id,
        requested_by=requested_by, **asked, **retries.columns, **(hold.columns if hold else {}),
    )  # fmt: skip
    if not workload.is_held and not (is_counted and budget_gate(workload)):
        queues.send(queues.ADMIT, pool_id)
    return workload


@transaction.atomic
def workload_release(workload_id: UUID) -> bool:
    """Let something into the line that its owner held back; false when its owner holds it back no more.

    Its age in the line is that of its submission; a limit on the time of waiting counts from now. A budget may hold it
    back from then on.
    """
    held = Workload.objects.filter(pk=workload_id, state=WorkloadState.PENDING, is_held=True)
    budgets_locked(held.values_list("project", flat=True))  # before the workload, as whoever settles them does
    workload = held.select_for_update(no_key=True).defer("spec").first()
    if workload is None or workload.budget_holds.filter(settled_at=None).exists():
        return False
    workloads_let_in([workload])
    budget_gate(workload)
    return True


@transaction.atomic
def workload_hold_explain(workload_id: UUID, hold: Hold) -> bool:
    """Say anew why something is held back; true when that changed."""
    held = Workload.objects.filter(pk=workload_id, state=WorkloadState.PENDING, is_held=True).defer("spec").first()
    told = held is not None and bool(explain([Move(held, held.state, hold.reason, hold.detail)]))
    if told:
        queues.send(queues.WORKLOAD_CHANGED, workload_id)
    return told


@transaction.atomic
def workload_stop(workload: Workload, *, reason: str, detail: str = "", actor: Actor) -> None:
    """End a workload, or (for a reason of `REQUEUED`) make it wait again. What has ended already stays as it is.

    What no backend can know yet ends at once; anything else goes to `stopping` and ends once it is proven gone.
    Somebody's wish to end it overrides a stop after which it would have run again.

    Raises:
        Invalid: the reason neither cancels nor requeues.
    """
    if reason not in CANCELLING | REQUEUED:
        raise Invalid(f"{reason!r} is not a reason to stop a workload")
    current = workload_locked(workload.pk)
    if _stop(current, reason, detail, actor) and actor.kind == "user":
        record(actor, "workload.stopped", current, detail={"reason": reason, "detail": detail})


@transaction.atomic
def workload_requeue(workload: Workload, *, detail: str = "", actor: Actor) -> None:
    """Take a workload off what it holds and let it wait again, by its priority, without a pause.

    What runs is told to leave its checkpoint first, and waits again once it is proven gone: then as a new attempt.

    Raises:
        Conflict: it holds nothing: it waits, leaves or has ended.
    """
    current = workload_locked(workload.pk)
    why = requeue_refused(current)
    if why or not _stop(current, Reason.EVICTED, detail, actor):
        raise Conflict(why or f"{current.name} is {current.state}")
    record(actor, "workload.requeued", current, detail={"detail": detail})


def requeue_refused(workload: Workload) -> str:
    """Why a workload cannot be made to wait again, or nothing."""
    if workload.state == WorkloadState.PENDING:
        return f"{workload.name} waits already"
    if workload.state == WorkloadState.STOPPING:
        return f"{workload.name} is leaving already"
    return f"{workload.name} has ended; submit it again" if workload.is_terminal else ""


def _stop(workload: Workload, reason: str, detail: str, actor: Actor) -> bool:
    """Whether there was something to stop."""
    if workload.state in (WorkloadState.PENDING, WorkloadState.ADMITTED):
        to = WorkloadState.CANCELLED if reason in CANCELLING else WorkloadState.PENDING
        if to == workload.state:
            return False
        workload_move(workload, to, at=clock.db_now(), actor=actor, reason=reason, detail=detail)
    elif workload.state in (WorkloadState.LAUNCHING, WorkloadState.RUNNING):
        workload_move(workload, WorkloadState.STOPPING, at=clock.db_now(), actor=actor, reason=reason, detail=detail)
        queues.send(queues.STOP, workload.pk)
    elif workload.state == WorkloadState.STOPPING and reason in CANCELLING and workload.state_reason in OVERRIDDEN:
        explain([Move(workload, workload.state, reason, detail)])
        attempt_tell_again(workload.pk)  # it has less time now than it was told
        queues.send(queues.WORKLOAD_CHANGED, workload.pk)
        queues.send(queues.STOP, workload.pk)
    else:
        return False
    return True


@transaction.atomic
def workload_resize(workload: Workload, *, count: int, actor: Actor) -> None:
    """Want another number of members. More are granted by admission; fewer are given back once they are gone.

    Raises:
        Invalid: not a number of members.
        Conflict: a job (its members are a gang), or a workload that is ending.
        QuotaExceeded: it would grow, and a budget that is used up counts it.
    """
    if not 1 <= count <= MEMBERS_MOST:
        raise Invalid(f"count: {count} is not between 1 and {MEMBERS_MOST}")
    current = workload_locked(workload.pk)
    if current.kind != WorkloadKind.SERVING:
        raise Conflict(f"{current.name} is a job; its members start and end together")
    if current.is_terminal or current.state == WorkloadState.STOPPING:
        raise Conflict(f"{current.name} is {current.state}")
    if count > current.count_max:
        growth_check(current)
    current.count_min, current.count_max = min(current.count_min, count), count
    current.shape = shape_of_workload(current)
    changed = ["count_min", "count_max", "shape"]
    if current.state == WorkloadState.ADMITTED and current.count_granted > count:
        current.assignments, current.count_granted = current.assignments[:count], count
        changed += ["assignments", "count_granted"]
        usage_regrant(current, at=clock.db_now())
    current.save(update_fields=changed)
    emit("workload.resized", current, payload={"count": count, "actor": actor.name})
    queues.send(queues.ADMIT, current.pool_id)
    queues.send(queues.RESIZE, current.pk)


def workload_result(workload: Workload) -> dict[str, Any] | None:
    """What the job left as its result: that of the last attempt; None without one."""
    attempt = workload.current_attempt()
    return attempt.result if attempt is not None else None
