"""What all data jobs share: how they are made; their state is derived from the workload that does the work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from uuid6 import uuid7

from apps.access.models import Project, User
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, StaleState
from apps.common.states import transition
from apps.datasets.models import DataJob, DatasetVersion
from apps.datasets.services.results import BadResult
from apps.datasets.states import JobReason, JobState
from apps.quotas.models import Attempt, Workload
from apps.quotas.services.workloads import workload_stop, workload_submit
from apps.quotas.states import Reason, WorkloadState
from workers.contracts.sentences import say
from workers.contracts.specs import Spec

RECONCILER: Final = Actor.system("reconcile")
DETAIL_MOST = 2000

Job = TypeVar("Job", bound=DataJob)
Checked = TypeVar("Checked")


def job_create(
    model: type[Job],
    *,
    project: Project,
    spec: Spec,
    name: str,
    requested_by: User | None,
    actor: Actor,
    job_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
    **columns: Any,
) -> Job:
    """A queued job and its workload, in the running transaction.

    Args:
        name: of the workload.
        job_id: where the spec depends on it.
        detail: for the audit trail.
        columns: of the job itself.
    """
    noun, made_id = model.machine.noun, job_id or uuid7()
    about: dict[str, Any] = {"project": project, "requested_by": requested_by}
    workload = workload_submit(spec=spec, owner_kind=noun, owner_id=made_id, name=name, actor=actor, **about)
    job: Job = _all(model).create(id=made_id, workload=workload, **about, **columns)
    record(actor, f"{noun}.created", job, detail=detail)
    return job


def job_note(model: type[Job], *, version: DatasetVersion, job: DataJob, actor: Actor, **changes: Any) -> Job:
    """A job that has succeeded, of the workload of the one that made the version and found this on its way.

    In the transaction that makes the version.
    """
    noted: Job = _all(model).create(
        project=version.project, version=version, workload=job.workload, requested_by_id=job.requested_by_id
    )
    record(actor, f"{model.machine.noun}.created", noted)
    transition(noted, JobState.RUNNING, actor=actor)
    transition(noted, JobState.SUCCEEDED, actor=actor, reason=JobReason.COMPLETED, **changes)
    return noted


def job_once(known: Callable[[], Job | None], make: Callable[[], Job]) -> tuple[Job, bool]:
    """The job that is there already, else a new one; and whether it is new.

    Args:
        known: looks for it; asked again where the database refuses a second one, because a twin came meanwhile.
    """
    found = known()
    if found is not None:
        return found, False
    try:
        with transaction.atomic():
            return make(), True
    except IntegrityError:
        found = known()
        if found is None:  # not about a twin: the error is real
            raise
        return found, False


def _all(model: type[DataJob]) -> Any:
    return model._default_manager


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
    found: Job | None = _all(model).filter(workload_id=workload_id).select_related("workload").first()
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
        locked: Job = _all(type(job)).select_for_update(of=("self",)).get(pk=job.pk)
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
