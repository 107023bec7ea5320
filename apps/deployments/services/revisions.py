"""Revisions: made, led by their workloads, handing requests from one to the next."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.events import emit
from apps.common.states import Move, explain, transition
from apps.datasets.services.lineage import edge_add
from apps.datasets.states import Relation
from apps.deployments.models import Endpoint, Revision
from apps.deployments.selectors.endpoints import Replicas, replicas_of
from apps.deployments.specs import StoredFile, revision_spec
from apps.deployments.states import REVISION, TAKING_REQUESTS, RevisionState
from apps.experiments.models import ModelVersion
from apps.experiments.states import ModelVersionState, RunKind
from apps.quotas.models import Workload
from apps.quotas.selectors import ANSWERING
from apps.quotas.services.workloads import workload_stop, workload_submit
from apps.quotas.states import REQUEUED, Reason, WorkloadState
from workers.contracts.sentences import say

OWNER_KIND = "revision"
FULL_WEIGHT = 100
NOT_SERVED = frozenset({RunKind.TEXT_CLASSIFIER, RunKind.IMAGE_CLASSIFIER})
"""Kinds of runs whose models a replica cannot ask: it gives a row of a table one number."""
RECONCILE = Actor.system("reconcile")

_ORDER = [*RevisionState]
"""A revision goes forward only."""
_PATHS: dict[tuple[str, str], tuple[RevisionState, ...]] = {
    (RevisionState.PENDING, RevisionState.READY): (RevisionState.LOADING, RevisionState.READY),
    (RevisionState.PENDING, RevisionState.DRAINING): (RevisionState.LOADING, RevisionState.DRAINING),
}
"""Steps that a slow reader of the workload missed."""


@transaction.atomic
def revision_create(
    *, endpoint: Endpoint, model_version: ModelVersion, replicas: int, actor: Actor, requested_by: User | None
) -> Revision:
    """The next revision of an endpoint; it takes the requests once it is ready, and the one before it is stopped.

    Raises:
        Conflict: the model version is not ready.
        Invalid: it is no ONNX model with a preprocessor, or of a trainer whose models are not served, or the number of
            replicas cannot be.
    """
    model, preprocessor = _servable(model_version)
    locked: Endpoint = Endpoint.objects.select_for_update(of=("self",)).select_related("project").get(pk=endpoint.pk)
    locked.revisions_made += 1
    locked.save(update_fields=["revisions_made"])
    revision: Revision = Revision.objects.create(
        project=locked.project,
        endpoint=locked,
        number=locked.revisions_made,
        model_version=model_version,
        replicas=replicas,
        requested_by=requested_by,
    )
    workload = workload_submit(
        project=locked.project,
        spec=revision_spec(model=model, preprocessor=preprocessor, model_version_id=model_version.pk),
        owner_kind=OWNER_KIND,
        owner_id=revision.pk,
        name=f"{locked.name} {revision.number}",
        requested_by=requested_by,
        count_max=replicas,
        actor=actor,
    )
    revision.workload = workload
    revision.save(update_fields=["workload"])
    _note_lineage(revision)
    emit("revision.created", revision, payload={"endpoint": str(locked.pk), "number": revision.number})
    detail = {"number": revision.number, "model_version": str(model_version.pk), "replicas": replicas}
    audit.record(actor, "revision.created", revision, detail=detail)
    return revision


@transaction.atomic
def revision_reconcile(workload_id: UUID) -> bool:
    """Lead a revision to where its workload is; true when something changed.

    The endpoint is locked before the workload is read: revisions of one endpoint move one after the other, and of
    two that reconcile at once the later one sees at least what the earlier saw.
    """
    known = Revision.objects.filter(workload_id=workload_id).values_list("endpoint_id", flat=True).first()
    if known is None:
        return False
    endpoint: Endpoint = Endpoint.objects.select_for_update(of=("self",)).get(pk=known)
    revision: Revision = Revision.objects.get(workload_id=workload_id)
    if revision.is_terminal:
        return False
    workload = Workload.objects.get(pk=workload_id)
    seen = replicas_of(workload)
    moved = _follow(revision, workload, seen)
    if revision.state == RevisionState.READY:
        moved |= _keep_replicas(revision, seen) | _hand_over(endpoint, revision)
    return moved


def revision_stop(revision: Revision, *, reason: str, detail: str, actor: Actor) -> None:
    """Take it out of the gateway's table and stop its workload. Call it with the endpoint locked."""
    if revision.state in (RevisionState.LOADING, RevisionState.READY):
        _move(revision, RevisionState.DRAINING, reason=reason, detail=detail, actor=actor)
    if revision.workload_id is None:
        return
    workload = Workload.objects.get(pk=revision.workload_id)
    workload_stop(workload, reason=reason, detail=detail, actor=actor)
    workload.refresh_from_db()
    _follow(revision, workload, Replicas())


def wanted_state(workload: Workload, seen: Replicas) -> RevisionState:
    """Where a revision belongs by its workload alone."""
    if workload.state == WorkloadState.FAILED:
        return RevisionState.FAILED
    if workload.state in (WorkloadState.CANCELLED, WorkloadState.SUCCEEDED):
        return RevisionState.RETIRED
    if workload.state == WorkloadState.STOPPING and workload.state_reason not in REQUEUED:
        return RevisionState.DRAINING
    if seen.addresses:
        return RevisionState.READY
    if workload.state in ANSWERING:
        return RevisionState.LOADING
    return RevisionState.PENDING


def is_behind(revision: Revision, workload: Workload, seen: Replicas) -> bool:
    """Whether reconciling it would change anything. No query."""
    wanted = wanted_state(workload, seen)
    if _ORDER.index(wanted) > _ORDER.index(RevisionState(revision.state)):
        return True
    if revision.state == RevisionState.DRAINING:
        return False
    detail = _detail(revision, workload, seen)
    told = (revision.state_reason, revision.state_detail) == (workload.state_reason, detail)
    serves = revision.state != RevisionState.READY or (revision.weight > 0 and revision.addresses == seen.addresses)
    return not (told and serves)


def _follow(revision: Revision, workload: Workload, seen: Replicas) -> bool:
    """Move forward to where the workload says, or say anew why it stays."""
    wanted = wanted_state(workload, seen)
    reason, detail = workload.state_reason, _detail(revision, workload, seen)
    if _ORDER.index(wanted) <= _ORDER.index(RevisionState(revision.state)):
        if revision.state == RevisionState.DRAINING:
            return False  # it keeps saying why it was stopped
        return bool(explain([Move(revision, revision.state, reason, detail)]))
    for state in _PATHS.get((revision.state, wanted), (wanted,)):
        _move(revision, state, reason=reason, detail=detail, actor=RECONCILE)
    return True


def _detail(revision: Revision, workload: Workload, seen: Replicas) -> str:
    """What people are told: the workload's own words, else what is wrong with replicas, and what they say of it."""
    if workload.state_detail or not seen.trouble:
        return workload.state_detail
    return f"{seen.trouble} {revision.trouble}".strip()


def _move(revision: Revision, to: RevisionState, *, reason: str, detail: str, actor: Actor) -> None:
    """One step; what does not take requests any more has no weight and no replicas."""
    changes: dict[str, Any] = {"weight": revision.weight}
    if to not in TAKING_REQUESTS:
        changes = {"weight": 0, "ready_replicas": 0, "addresses": []}
    if to == RevisionState.READY:
        changes["trouble"] = ""
    transition(revision, to, actor=actor, reason=reason, detail=detail, **changes)


def _keep_replicas(revision: Revision, seen: Replicas) -> bool:
    """Store which replicas are ready if that is new."""
    if revision.addresses == seen.addresses:
        return False
    revision.addresses, revision.ready_replicas = seen.addresses, len(seen.addresses)
    revision.save(update_fields=["addresses", "ready_replicas"])
    emit("revision.replicas_changed", revision, payload={"ready_replicas": revision.ready_replicas})
    return True


def _hand_over(endpoint: Endpoint, revision: Revision) -> bool:
    """Let the newest ready revision take the requests; the ones before it drain and stop."""
    if revision.weight:
        return False
    others = list(endpoint.revisions.exclude(pk=revision.pk).filter(state__in=sorted(REVISION.active)))
    newer = [one for one in others if one.number > revision.number and one.state == RevisionState.READY]
    if newer:  # it got ready too late
        revision_stop(
            revision, reason=Reason.SCALED_DOWN, detail=say("revision_first", number=newer[0].number), actor=RECONCILE
        )
        return True
    for older in others:
        if older.number < revision.number and older.state in TAKING_REQUESTS:
            detail = say("revision_follows", number=revision.number)
            revision_stop(older, reason=Reason.SCALED_DOWN, detail=detail, actor=RECONCILE)
    revision.weight = FULL_WEIGHT
    revision.save(update_fields=["weight"])
    emit("revision.takes_requests", revision, payload={"weight": revision.weight})
    return True


def _servable(version: ModelVersion) -> tuple[StoredFile, StoredFile]:
    """The files of the model and its preprocessor; raises Conflict or Invalid."""
    if version.state != ModelVersionState.READY:
        raise Conflict(f"model version {version.number} is {version.state}; one that is served is ready")
    model, preprocessor = version.artifact, version.preprocessor
    problem = ""
    kind = version.run.kind if version.run is not None else ""
    if kind in NOT_SERVED:
        problem = f"models of the trainer {kind} are not served yet"
    elif not model.path.endswith(".onnx"):
        problem = "its model is no ONNX file (*.onnx)"
    elif preprocessor is None or not preprocessor.path.endswith(".json"):
        problem = "its run left no preprocessor (*.json) beside the model"
    if problem or preprocessor is None:
        raise Invalid(f"This model version cannot be served: {problem}.", fields={"model_version": [problem]})
    return StoredFile(model.path, model.sha256), StoredFile(preprocessor.path, preprocessor.sha256)


def _note_lineage(revision: Revision) -> None:
    edge_add(
        project=revision.project,
        from_kind="revision",
        from_id=revision.pk,
        relation=Relation.SERVES,
        to_kind="model_version",
        to_id=revision.model_version_id,
    )
