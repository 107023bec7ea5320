"""What ingestions, profiles and cleaning runs share: their state is derived from the workload that does the work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import transaction

from apps.common.audit import Actor, record
from apps.common.errors import Conflict, StaleState
from apps.common.states import transition
from apps.datasets.models import DataJob
from apps.datasets.services.results import BadResult
from apps.datasets.states import JobReason, JobState
from apps.quotas.models import Attempt, Workload
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import Reason, WorkloadState
from workers.contracts.sentences import say

RECONCILER: Final = Actor.system("reconcile")
DETAIL_MOST = 2000

Job = TypeVar("Job", bound=DataJob)
Checked = TypeVar("Checked")


def job_cancel(job: DataJob, *, actor: Actor) -> None:
    """Ask for its end. The state follows once the workload's job is proven gone.

    Raises:
        Conflict: it has ended already.
    """
    with transaction.atomic():
        if job.is_terminal:
            raise Conflict(f"the {job.machine.noun} has {job.state} already")
        workload_stop(job.workload, reason=Reason.CANCELLED_BY_USER, actor=actor)
        record(actor, f"{job.machine.noun}.cancelled", job)


def job_of(model: type[Job], workload_id: UUID) -> Job | None:
    """The job that a workload works for, with the workload; None where there is none."""
    jobs: Any = model._default_manager
    found: Job | None = jobs.filter(workload_id=workload_id).select_related("workload").first()
    return found


def job_follow(
    job: Job,
    *,
    check: Callable[[Job, Attempt], Checked],
    apply: Callable[[Job, Checked], dict[str, Any]],
    keep: Callable[[Job, Checked], AbstractContextManager[None]] = lambda _job, _checked: nullcontext(),
    failed: Callable[[Attempt | None], dict[str, Any]] = lambda _attempt: {},
) -> None:
    """Move a job to where its workload is. Run twice or by two at once, it does the same as run once.

    Args:
        check: reads the last attempt's result and files, outside any transaction; raises BadResult.
        keep: what happens in the store around the transaction in which `apply` runs.
        apply: writes what was checked, in the transaction in which the job succeeds, for the locked job; returns
            the columns that change with the state, and its `reason` where it is not `completed`.
        failed: reads what the last attempt left although it failed, outside any transaction: columns as `apply`.

    Raises:
        OSError, StorageUnavailable: the store could not be asked; look again later.
    """
    workload = job.workload
    with suppress(StaleState):  # a twin has moved it meanwhile, along the same table to the same end
        if job.state == JobState.QUEUED and _has_begun(workload):
            transition(job, JobState.RUNNING, actor=RECONCILER)
        if job.is_terminal:
            return
        if workload.state == WorkloadState.CANCELLED:
            transition(
                job, JobState.CANCELLED, actor=RECONCILER, reason=_reason(workload), detail=workload.state_detail
            )
        elif workload.state == WorkloadState.FAILED:
            changes = {"reason": _reason(workload), **failed(workload.current_attempt())}
            transition(job, JobState.FAILED, actor=RECONCILER, detail=_failure(workload), **changes)
        elif workload.state == WorkloadState.SUCCEEDED:
            _succeed(job, workload, check, apply, keep)


def _succeed(
    job: Job,
    workload: Workload,
    check: Callable[[Job, Attempt], Checked],
    apply: Callable[[Job, Checked], dict[str, Any]],
    keep: Callable[[Job, Checked], AbstractContextManager[None]],
) -> None:
    attempt = workload.current_attempt()
    try:
        if attempt is None:
            raise BadResult(say("result_no_attempt"))
        checked = check(job, attempt)
    except BadResult as error:
        detail = str(error)[:DETAIL_MOST]
        transition(job, JobState.FAILED, actor=RECONCILER, reason=JobReason.BAD_RESULT, detail=detail)
        return
    with keep(job, checked), transaction.atomic():
        jobs: Any = type(job)._default_manager
        locked: Job = jobs.select_for_update(of=("self",)).get(pk=job.pk)
        if locked.is_terminal:
            return
        changes = {"reason": JobReason.COMPLETED, **apply(locked, checked)}
        transition(locked, JobState.SUCCEEDED, actor=RECONCILER, **changes)


def _has_begun(workload: Workload) -> bool:
    return workload.started_at is not None or workload.state in (WorkloadState.RUNNING, WorkloadState.SUCCEEDED)


def _reason(workload: Workload) -> str:
    """The workload's reason where a data job can have it."""
    return workload.state_reason if workload.state_reason in JobReason.values else ""


def _failure(workload: Workload) -> str:
    """Why it failed, for people: what the job itself said, else what was seen of it."""
    attempt = workload.current_attempt()
    error = attempt.result.get("error") if attempt is not None and isinstance(attempt.result, dict) else None
    said = (error.get("detail") or error.get("code")) if isinstance(error, dict) else None
    return str(said or workload.state_detail)[:DETAIL_MOST]
