"""Commands of this app that run once somebody has approved them: `dataset_version.publish`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import ApprovalRequest, User
from apps.access.permissions import require
from apps.access.services.approvals import approval_request, approval_run
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, NotFound
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors.quality import OVERRIDE, newest_results, open_requests
from apps.datasets.services.gate import version_override
from apps.datasets.states import VersionState

COMMAND = OVERRIDE


def override_arguments_check(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `dataset_version.publish` as they are stored.

    Raises:
        Invalid: not `{"dataset_version": id, "validation": id or null}`.
    """
    try:
        version, validation = UUID(str(arguments["dataset_version"])), arguments.get("validation")
        run = None if validation is None else str(UUID(str(validation)))
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"{COMMAND} takes dataset_version, and validation: whose results are passed over") from error
    if not DatasetVersion.objects.filter(pk=version).exists():
        raise Invalid(f"{COMMAND}: there is no such version", fields={"dataset_version": ["not found"]})
    return {"dataset_version": str(version), "validation": run}


@transaction.atomic
def override_request(*, version: DatasetVersion, comment: str, requested_by: User, actor: Actor) -> ApprovalRequest:
    """Ask that a version be published although it fails, with the results that it has now.

    Raises:
        Conflict: it is not validating, or it was asked for already.
    """
    if version.state != VersionState.VALIDATING:
        raise Conflict(f"Version {version.number} is {version.state}; only one that is validating needs an override.")
    if open_requests(version).exists():
        raise Conflict("Somebody asked for that already; it is not decided yet.")
    newest = newest_results(version)
    arguments = {"dataset_version": str(version.pk), "validation": str(newest.pk) if newest else None}
    return approval_request(
        project=version.project,
        command=COMMAND,
        arguments=arguments,
        requested_by=requested_by,
        comment=comment,
        actor=actor,
    )


def approval_apply(approval_id: UUID) -> None:
    """Run the command of an approved request, once, by the rules as they are now: who asked must still be an editor."""
    approval_run(approval_id, _publish)


def _publish(approval: ApprovalRequest) -> str:
    wanted = override_arguments_check(approval.arguments)
    version = DatasetVersion.objects.filter(pk=wanted["dataset_version"], project=approval.project_id).first()
    if version is None:
        raise NotFound("The project has no such version.")
    require(approval.requested_by, approval.project, Role.EDITOR)
    override = version_override(version, approval=approval, actor=Actor.user(approval.decided_by))
    return f"Version {override.version.number} is published, although {len(override.failing)} expectations fail."
