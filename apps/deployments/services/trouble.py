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


@transaction.atomic
def replica_trouble_note(attempt: Attempt, *, rank: int, detail: str) -> None:
    """Remember why a replica ends before it was ready; its revision shows it while that lasts.

    Raises:
        Forbidden: the attempt is not one of a revision.
        Invalid: no such member.
    """
    rank_check(attempt, rank)
    said = text_cleaned(detail)[:TROUBLE_MOST]
    if not Revision.objects.filter(workload_id=attempt.workload_id).update(trouble=said):
        raise Forbidden("Only a replica of an endpoint has such trouble.")
    queues.send(queues.WORKLOAD_CHANGED, attempt.workload_id)
