"""Commands of this app that run once somebody has approved them: `quota.set`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.access.models import ApprovalRequest
from apps.access.services.approvals import approval_run
from apps.common.audit import Actor
from apps.common.errors import Invalid, NotFound
from apps.quotas.models import Queue
from apps.quotas.services.quotas import quota_check, quota_set


def quota_arguments_check(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `quota.set` as they are stored.

    Raises:
        Invalid: not `{"queue": id, "resource": …, "flavor": …, "nominal": …}`.
    """
    try:
        queue, nominal = UUID(str(arguments["queue"])), int(arguments["nominal"])
        resource, flavor = str(arguments["resource"]), str(arguments.get("flavor", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("quota.set takes queue, resource, flavor and nominal") from error
    quota_check(resource, flavor, nominal)
    return {"queue": str(queue), "resource": resource, "flavor": flavor, "nominal": nominal}


def approval_apply(approval_id: UUID) -> None:
    """Run the command of an approved request, once; denied, expired and applied ones are left alone."""
    approval_run(approval_id, _quota_set)


def _quota_set(approval: ApprovalRequest) -> str:
    wanted = quota_arguments_check(approval.arguments)
    queue = Queue.objects.filter(pk=wanted["queue"], project=approval.project_id).first()
    if queue is None:
        raise NotFound("The project has no such queue.")
    actor = Actor.user(approval.decided_by)
    quota = quota_set(queue, wanted["resource"], wanted["flavor"], wanted["nominal"], actor=actor)
    return f"{quota.resource} {quota.flavor}".strip() + f" is {quota.nominal} now."
