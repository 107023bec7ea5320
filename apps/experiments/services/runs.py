"""Runs: submitted, stopped, and led by their workloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.states import Move, explain, transition
from apps.common.tags import tags_checked
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors import dataset_input
from apps.datasets.services.holds import hold_note, version_hold
from apps.datasets.services.lineage import edge_add
from apps.datasets.states import Relation
from apps.experiments.models import Experiment, Run
from apps.experiments.services.requests import code_of, members_checked, script_check
from apps.experiments.specs import DATA, SCRIPT_NAME, run_spec
from apps.experiments.states import RunKind, RunState
from apps.quotas.models import PriorityClass, ResourcePool, Workload
from apps.quotas.services.requests import request_check
from apps.quotas.services.workloads import Hold, workload_result, workload_stop, workload_submit
from apps.quotas.states import Reason, WorkloadState
from workers.contracts.sentences import say
from workers.contracts.specs import JobSpec, Resources

OWNER_KIND = "run"
TIME_LIMIT_DEFAULT_SECONDS = 3600
RESOURCES_DEFAULT = Resources(cpu_millis=1000, memory_bytes=2 << 30)

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
    script: str,
    dataset_version: DatasetVersion,
    actor: Actor,
    requested_by: User | None,
    parameters: Mapping[str, Any] | None = None,
    resources: Resources = RESOURCES_DEFAULT,
    secrets: Sequence[str] = (),
    time_limit_seconds: int = TIME_LIMIT_DEFAULT_SECONDS,
    count_min: int = 1,
    count_max: int = 1,
    priority_class: PriorityClass | None = None,
    kind: str = RunKind.SCRIPT,
    tags: Sequence[str] = (),
    retry_of: Run | None = None,
    pool: ResourcePool | None = None,
) -> Run:
    """Make a run and its workload; it starts once admission finds room. Whoever asks can see the dataset version. With
    one that is validating it waits, out of the line, until that is published or rejected. At least `count_min` members
    start together, up to `count_max`; with fewer it may have to go on from its checkpoint. No pool: the project's main.

    Raises:
        Conflict: the version is neither published nor validating.
        Invalid: a name that is taken, an unknown secret, a script, parameters or a request that cannot be.
    """
    script, parameters = code_of(kind, script, parameters or {})
    hold = version_hold(dataset_version)
    spec = run_spec(
        script=script, data=dataset_input(dataset_version, DATA, unpublished=hold is not None), parameters=parameters,
        resources=resources, secrets=secrets, time_limit_seconds=time_limit_seconds,
    )  # fmt: skip
    counts = members_checked(kind, count_min, count_max)
    more = {"kind": kind, "tags": tags_checked(tags), "retry_of": retry_of, "requested_by": requested_by}
    run = _draft(experiment, name, spec, counts, version=dataset_version, priority_class=priority_class, **more)
    _queue(run, spec, hold, actor, pool)
    audit.record(actor, "run.submitted", run, detail={"dataset_version": str(dataset_version.pk)})
    return run


def _queue(run: Run, spec: JobSpec, hold: Hold | None, actor: Actor, pool: ResourcePool | None) -> None:
    """Give a draft its workload."""
    workload = workload_submit(
        project=run.project, spec=spec, owner_kind=OWNER_KIND, owner_id=run.pk, name=run.name,
        requested_by=run.requested_by, actor=actor, hold=hold, count_min=run.count_min, count_max=run.count_max,
        priority=run.priority_class or 0, pool=pool,
    )  # fmt: skip
    transition(run, RunState.QUEUED, actor=actor, workload_id=workload.pk, **(hold.why if hold else {}))
    if run.dataset_version is not None:
        hold_note(run.dataset_version, workload)


def _draft(
    experiment: Experiment, name: str, spec: JobSpec, counts: Mapping[str, int], *, version: DatasetVersion, **more: Any
) -> Run:
    script_check(experiment.project_id, spec.files[SCRIPT_NAME], spec.secrets)
    request_check(spec, name=name, priority=0, **counts)
    columns = {
        "project": experiment.project,
        "dataset_version": version,
        "dataset_reference": version.reference,
        "script": spec.files[SCRIPT_NAME],
        "parameters": spec.parameters,
        "resources": asdict(spec.resources),
        "secrets": list(spec.secrets),
        "time_limit_seconds": spec.time_limit_seconds,
        **counts,
        **more,
    }
    run: Run
    run, made = Run.objects.get_or_create(experiment=experiment, name=name, defaults=columns)
    if not made:
        raise Invalid(f"The experiment has a run {name!r} already.", fields={"name": ["is taken"]})
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
    # Also where nobody looked while it ran: the version stays, whatever a rule says.
    if has_begun and run.dataset_version_id is not None:
        edge_add(
            project=run.project,
            from_kind="run",
            from_id=run.pk,
            relation=Relation.TRAINED_ON,
            to_kind="dataset_version",
            to_id=run.dataset_version_id,
        )


def _keep_result(run: Run, workload: Workload) -> bool:
    """Copy the result of an ended run; it may come after the end."""
    if not run.is_terminal or run.result is not None:
        return False
    run.result = workload_result(workload)
    if run.result is None:
        return False
    run.save(update_fields=["result"])
    return True
