"""The tick: revisions whose workload moved on while nobody told us."""

from __future__ import annotations

import logging

from django.db import DatabaseError

from apps.common.errors import BedplateError
from apps.deployments.selectors.endpoints import active_revisions
from apps.deployments.services.revisions import is_behind, revision_reconcile

log = logging.getLogger(__name__)


def reconcile_due() -> int:
    """Lead every revision that is behind its workload, or the replicas of it that are ready; returns how many were.

    What cannot be done now is logged and waits for the next tick; the others go on.
    """
    behind = [workload.pk for revision, workload, seen in active_revisions() if is_behind(revision, workload, seen)]
    for workload_id in behind:
        try:
            revision_reconcile(workload_id)
        except (BedplateError, DatabaseError, OSError):
            log.exception("could not reconcile the revision of workload %s", workload_id)
    return len(behind)
