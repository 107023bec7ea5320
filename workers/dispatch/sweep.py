"""Jobs that the database disowns are stopped and removed."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q

from apps.common import clock
from apps.quotas.models import Attempt, ResourcePool
from workers.backends.base import BackendUnavailable
from workers.dispatch.registry import backend_named

log = logging.getLogger(__name__)

KEEP = timedelta(hours=24)
"""What an ended job left on its machine (its own copy of its output) stays for a day."""


def sweep() -> list[str]:
    """Let every backend remove what belongs to no open or recent attempt; returns the attempt ids removed."""
    removed: list[str] = []
    for name in ResourcePool.objects.order_by("backend").values_list("backend", flat=True).distinct():
        recent = Q(ended_at=None) | Q(ended_at__gt=clock.db_now() - KEEP)
        known = Attempt.objects.filter(recent, handle__backend=name).values_list("pk", flat=True)
        try:
            gone = backend_named(name).sweep([str(pk) for pk in known])
        except BackendUnavailable as error:
            log.warning("the backend %s cannot be swept: %s", name, error)
            continue
        if gone:
            log.info("removed %d jobs from %s: %s", len(gone), name, ", ".join(gone))
        removed += gone
    return removed
