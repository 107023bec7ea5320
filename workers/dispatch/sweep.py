"""Jobs that the database disowns are stopped, and removed after a day."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q

from apps.common import clock
from apps.quotas.models import Attempt, ResourcePool
from apps.quotas.models.pool import REMOVED
from workers.backends.base import Backend, BackendUnavailable, Unsupported
from workers.contracts.launch import JobHandle
from workers.contracts.observation import ENDED
from workers.dispatch.registry import asking

log = logging.getLogger(__name__)

WATCHED = timedelta(hours=1)
"""For so long after its end a job is looked at once more."""
KEEP = timedelta(hours=24)
"""What an ended job left on its machine (its own copy of its output) stays for a day."""


def sweep() -> list[str]:
    """Let every backend stop what lives of ended attempts, and remove what belongs to no open or recent one.

    Returns the attempt ids of the jobs removed.
    """
    removed: list[str] = []
    rows = ResourcePool.objects.exclude(backend=REMOVED).order_by("backend")
    for name in rows.values_list("backend", flat=True).distinct():
        try:
            with asking(name) as backend:
                _stop_survivors(backend)
                removed += _remove(backend)
        except (BackendUnavailable, Unsupported) as error:
            log.warning("the backend %s cannot be swept: %s", name, error)
        except Exception:  # whatever is wrong with one, the others are swept
            log.exception("the backend %s cannot be swept", name)
    return removed


def _stop_survivors(backend: Backend) -> None:
    """An attempt that has ended has no job: one that lives all the same came of a launcher that died at the end."""
    over = Attempt.objects.filter(ended_at__gt=clock.db_now() - WATCHED, handle__backend=backend.name).order_by("pk")
    handles = [JobHandle.from_json(handle) for handle in over.values_list("handle", flat=True)]
    handles = [handle for handle in handles if handle.data]
    for handle, seen in zip(handles, backend.observe(handles), strict=True):
        if seen.phase not in ENDED:
            log.warning("a job of an ended attempt lives and is stopped: %s", handle.data)
            backend.stop(handle, 0)


def _remove(backend: Backend) -> list[str]:
    recent = Q(ended_at=None) | Q(ended_at__gt=clock.db_now() - KEEP)
    known = Attempt.objects.filter(recent, handle__backend=backend.name).values_list("pk", flat=True)
    gone = backend.sweep([str(pk) for pk in known])
    if gone:
        log.info("removed %d jobs from %s: %s", len(gone), backend.name, ", ".join(gone))
    return gone
