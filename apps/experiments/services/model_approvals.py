"""Use of a model version although loading it runs code: asked for, decided by another, noted at the version."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import transaction

from apps.access.models import ApprovalRequest, User
from apps.access.permissions import require
from apps.access.services.approvals import approval_request, approval_run
from apps.access.states import ApprovalState, Role
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.states import transition
from apps.experiments.models import ModelVersion
from apps.experiments.states import ModelVersionReason, ModelVersionState
from workers.contracts.sentences import say

COMMAND: Final = "model_version.use"


def use_arguments_check(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `model_version.use` as they are stored: the version, and its files as they were looked at.

    Raises:
        Invalid: not `{"model_version": id, "manifest": digest}` of a version that there is.
    """
    try:
        number, manifest = UUID(str(arguments["model_version"])), str(arguments["manifest"])
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"{COMMAND} takes model_version, and manifest: the digest of its files") from error
    if not ModelVersion.objects.filter(pk=number, manifest=manifest, deleted_at=None).exists():
        raise Invalid(f"{COMMAND}: there is no such version", fields={"model_version": ["not found"]})
    return {"model_version": str(number), "manifest": manifest}


def requests_of(version: ModelVersion) -> Any:
    """Requests about a version, oldest first."""
    rows = ApprovalRequest.objects.filter(command=COMMAND, project=version.project_id)
    return rows.filter(arguments__model_version=str(version.pk)).order_by("id")


@transaction.atomic
def use_request(*, version: ModelVersion, comment: str, requested_by: User, actor: Actor) -> ApprovalRequest:
    """Ask that a version may be used although loading it runs code.

    Raises:
        Conflict: it does not wait for that, or it was asked for already.
    """
    current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if current.state != ModelVersionState.PENDING or current.state_reason != ModelVersionReason.RUNS_CODE:
        raise Conflict(f"version {current.number} is {current.state} and waits for no approval")
    if requests_of(current).filter(state=ApprovalState.PENDING).exists():
        raise Conflict("Somebody asked for that already; it is not decided yet.")
    return approval_request(
        project=version.project,
        command=COMMAND,
        arguments={"model_version": str(current.pk), "manifest": current.manifest},
        requested_by=requested_by,
        comment=comment,
        actor=actor,
    )


def approval_apply(approval_id: UUID) -> None:
    """Follow a decision: *approved* makes the version ready, *denied* archives it; may run twice."""
    approval_run(approval_id, _use)
    use_deny(approval_id)


@transaction.atomic
def use_deny(approval_id: UUID) -> None:
    """Archive the version of a denied request."""
    denied = ApprovalRequest.objects.filter(pk=approval_id, command=COMMAND, state=ApprovalState.DENIED).first()
    if denied is None:
        return
    current = _waiting(denied)
    if current is None:
        return
    actor = Actor.user(denied.decided_by) if denied.decided_by is not None else Actor.system("approvals")
    detail = say("model_code_denied", comment=denied.state_detail or "—")
    transition(
        current, ModelVersionState.ARCHIVED, actor=actor, reason=ModelVersionReason.APPROVAL_DENIED, detail=detail
    )
    audit.record(actor, "model_version.denied", current, detail={"approval": str(denied.pk)})


def denied_due() -> list[UUID]:
    """Denied requests whose versions still wait: the hint was lost. Two queries."""
    waiting = ModelVersion.objects.filter(state=ModelVersionState.PENDING, state_reason=ModelVersionReason.RUNS_CODE)
    ids = [str(pk) for pk in waiting.order_by("id").values_list("pk", flat=True)[:200]]
    if not ids:
        return []
    rows = ApprovalRequest.objects.filter(command=COMMAND, state=ApprovalState.DENIED)
    return list(rows.filter(arguments__model_version__in=ids).values_list("pk", flat=True))


def _use(approval: ApprovalRequest) -> str:
    use_arguments_check(approval.arguments)
    require(approval.requested_by, approval.project, Role.EDITOR)
    current = _waiting(approval)
    if current is None:
        raise NotFound("The version does not wait for that any more.")
    actor = Actor.user(approval.decided_by)
    transition(current, ModelVersionState.READY, actor=actor, approval_id=approval.pk)
    audit.record(actor, "model_version.approved", current, detail={"approval": str(approval.pk)})
    return f"Version {current.number} of {current.model.name} may be used, although loading it runs code."


def _waiting(approval: ApprovalRequest) -> ModelVersion | None:
    """The version of a request, locked, if its files are still those and it still waits."""
    rows = ModelVersion.objects.select_for_update(of=("self",)).select_related("model")
    said = approval.arguments
    found: ModelVersion | None = rows.filter(
        pk=said.get("model_version"), project=approval.project_id, manifest=said.get("manifest"), deleted_at=None,
        state=ModelVersionState.PENDING, state_reason=ModelVersionReason.RUNS_CODE,
    ).first()  # fmt: skip
    return found
