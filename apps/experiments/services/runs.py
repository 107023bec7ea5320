"""Runs: submitted, stopped, and led by their workloads."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Unpack
from uuid import UUID

from django.db import transaction

from apps.access.models import User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.states import Move, explain, transition
from apps.common.tags import tags_checked
from apps.datasets.services.holds import hold_note, version_hold
from apps.experiments.models import Experiment, Run, RunInput
from apps.experiments.services.asked import RESOURCES_DEFAULT as RESOURCES_DEFAULT
from apps.experiments.services.asked import TIME_LIMIT_DEFAULT_SECONDS as TIME_LIMIT_DEFAULT_SECONDS
from apps.experiments.services.asked import Asked, Request, request_checked, request_spec
from apps.experiments.services.bundle_keeping import bundle_held
from apps.experiments.services.provenance import provenance_of, read_edges_add
from apps.experiments.specs import DATA
from apps.experiments.states import RunState
from apps.quotas.models import ResourcePool, Workload
from apps.quotas.services.requests import request_check
from apps.quotas.services.retrying import policy_of
from apps.quotas.services.workloads import Hold, workload_result, workload_stop, workload_submit
from apps.quotas.states import Reason, WorkloadState
from workers.contracts.sentences import say
from workers.contracts.specs import JobSpec

OWNER_KIND = "run"

FOLLOWS: dict[str, RunState] = {
    WorkloadState.PENDING: RunState.QUEUED,
    WorkloadState.ADMITTED: RunState.QUEUED,
    WorkloadState.LAUNCHING: RunState.QUEUED,
    WorkloadState.RUNNING: RunState.RUNNING,
    WorkloadState.STOPPING: RunState.STOPPING,
    WorkloadState.SUCCEEDED: RunState.SUCCEEDED,
    WorkloadState.FAILED: RunState.FAILED,
    WorkloadState.CANCELLED: RunState.CANCELLED,
}
"""State of a workload → state of its run."""

_BY_WAY_OF = {
    (RunState.QUEUED, RunState.SUCCEEDED): RunState.RUNNING,
    (RunState.STOPPING, RunState.RUNNING): RunState.QUEUED,
}
"""Steps that a slow reader of the workload missed."""

RECONCILE = Actor.system("reconcile")


@transaction.atomic
def run_submit(
    *,
    experiment: Experiment,
    name: str,
    actor: Actor,
    requested_by: User | None,
    retry_of: Run | None = None,
    pool: ResourcePool | None = None,
    **asked: Unpack[Asked],
) -> Run:
    """Make a run and its workload; it starts once admission finds room. Whoever asks can see the dataset versions.
    With one that is validating it waits, out of the line, until that is published or rejected. At least `count_min`
    members start together, up to `count_max`; with fewer it may have to go on from its checkpoint. No pool: the
    project's main.

    Raises:
        Conflict: a version is neither published nor validating.
        Invalid: a name that is taken, an unknown secret, code, parameters or a request that cannot be.
    """
    request = request_checked(Request(**asked), experiment.project, pool)
    if request.bundle is not None:
        bundle_held(request.bundle)
    holds = [(version, version_hold(version)) for _, version in request.versions()]
    spec = request_spec(request, unpublished=any(hold is not None for _, hold in holds))
    run = _draft(experiment, name, spec, request, retry_of=retry_of, requested_by=requested_by)
    workload = _queue(run, spec, next((hold for _, hold in holds if hold is not None), None), actor, pool)
    for version, hold in holds:
        if hold is not None:
            hold_note(version, workload)
    read = {each.name: str(each.version.pk) for each in request.versions()}
    audit.record(actor, "run.submitted", run, detail={"dataset_version": read.get(DATA), "inputs": read})
    return run


def _queue(run: Run, spec: JobSpec, hold: Hold | None, actor: Actor, pool: ResourcePool | None) -> Workload:
    """Give a draft its workload."""
    workload = workload_submit(
        project=run.project, spec=spec, owner_kind=OWNER_KIND, owner_id=run.pk, name=run.name,
        requested_by=run.requested_by, actor=actor, hold=hold, count_min=run.count_min, count_max=run.count_max,
        priority=run.priority_class or 0, pool=pool, retries=policy_of(run.retries),
    )  # fmt: skip
    transition(run, RunState.QUEUED, actor=actor, workload_id=workload.pk, **(hold.why if hold else {}))
    return workload


def _draft(experiment: Experiment, name: str, spec: JobSpec, request: Request, **more: Any) -> Run:
    counts = {"count_min": request.count_min, "count_max": request.count_max}
    request_check(spec, name=name, priority=0, **counts)
    version = request.dataset_version
    columns = {
        "project": experiment.project,
        "kind": request.kind,
        "script": request.script,
        "bundle": request.bundle,
        "command": list(request.command),
        "image": request.image,
        "requirements": request.requirements,
        "environment": dict(request.environment),
        "seed": request.seed,
        "dataset_version": version,
        "dataset_reference": version.reference if version is not None else "",
        "parameters": spec.parameters,
        "resources": asdict(spec.resources),
        "secrets": list(spec.secrets),
        "time_limit_seconds": spec.time_limit_seconds,
        "priority_class": request.priority_class,
        "retries": policy_of(request.retries).to_json(),
        "tags": tags_checked(request.tags),
        "provenance": provenance_of(request),
        **counts,
        **more,
    }
    run: Run
    run, made = Run.objects.get_or_create(experiment=experiment, name=name, defaults=columns)
    if not made:
        raise Invalid(f"The experiment has a run {name!r} already.", fields={"name": ["is taken"]})
    place = {name: getattr(experiment, name) for name in ("organisation_id", "team_id", "project_id")}
    RunInput.objects.bulk_create(
        RunInput(run=run, name=each.name, dataset_version=each.version, reference=each.version.reference, **place)
        for each in request.inputs
    )
    return run


@transaction.atomic
def run_stop(*, run: Run, actor: Actor) -> Run:
    """End a run; one that has ended stays as it is. Returns it as it is then."""
    if not run.is_terminal and run.workload_id is not None:
        workload = Workload.objects.get(pk=run.workload_id)
        workload_stop(
            workload, reason=Reason.CANCELLED_BY_USER, detail=say("stopped_by", actor=actor.name), actor=actor
        )
        audit.record(actor, "run.stopped", run)
        run_reconcile(workload.pk)
    stopped: Run = Run.objects.get(pk=run.pk)
    return stopped


@transaction.atomic
def run_reconcile(workload_id: UUID) -> bool:
    """Lead a run to where its workload is; true when something changed.

    The run is locked before its workload is read, so that of two that reconcile it at once the later one sees at
    least what the earlier saw.
    """
    run: Run | None = Run.objects.select_for_update().filter(workload_id=workload_id).first()
    if run is None:
        return False
    workload = Workload.objects.get(pk=workload_id)
    target = FOLLOWS[workload.state]
    if run.state == target:
        moved = bool(explain([Move(run, target, workload.state_reason, workload.state_detail)]))
    elif run.is_terminal:
        return False
    else:
        _advance(run, workload, target)
        moved = True
    return _keep_result(run, workload) or moved


def _advance(run: Run, workload: Workload, target: RunState) -> None:
    between = _BY_WAY_OF.get((RunState(run.state), target))
    has_begun = run.started_at is None and workload.started_at is not None
    for state in [between, target] if between else [target]:
        final = state == target
        transition(
            run,
            state,
            actor=RECONCILE,
            reason=workload.state_reason if final else "",
            detail=workload.state_detail if final else "",
            started_at=workload.started_at,
            ended_at=workload.ended_at if state in Run.machine.terminal else None,
        )
    if has_begun:  # also where nobody looked while it ran: the versions stay, whatever a rule says
        read_edges_add(run)


def _keep_result(run: Run, workload: Workload) -> bool:
    """Copy the result of an ended run; it may come after the end."""
    if not run.is_terminal or run.result is not None:
        return False
    run.result = workload_result(workload)
    if run.result is None:
        return False
    run.save(update_fields=["result"])
    return True
