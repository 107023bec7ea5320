"""What replicas say of themselves when they cannot start."""

from __future__ import annotations

from django.db import transaction

from apps.common import queues
from apps.common.errors import Forbidden
from apps.deployments.models import Revision
from apps.quotas.models import Attempt
from apps.quotas.services.plain import text_cleaned
from apps.quotas.services.reports import rank_check

TROUBLE_MOST = 1000
DAMAGED = "does not have the SHA-256"
"""What a replica says of a file that is not the one that was registered: the version is looked at again then."""


@transaction.atomic
def replica_trouble_note(attempt: Attempt, *, rank: int, detail: str) -> None:
    """Remember why a replica ends before it was ready; its revision shows it while that lasts.

    Raises:
        Forbidden: the attempt is not one of a revision.
        Invalid: no such member.
    """
    rank_check(attempt, rank)
    said = text_cleaned(detail)[:TROUBLE_MOST]
    revisions = Revision.objects.filter(workload_id=attempt.workload_id)
    if not revisions.update(trouble=said):
        raise Forbidden("Only a replica of an endpoint has such trouble.")
    if DAMAGED in said:
        for version_id in revisions.values_list("model_version_id", flat=True):
            queues.send(queues.MODEL_VERSION, version_id)
    queues.send(queues.WORKLOAD_CHANGED, attempt.workload_id)
