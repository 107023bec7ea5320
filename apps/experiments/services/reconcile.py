"""The tick: what moved on while nobody told us."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError

from apps.common import clock
from apps.common.errors import BedplateError
from apps.experiments.models import ModelVersion
from apps.experiments.selectors.due import runs_due, versions_due
from apps.experiments.services.model_approvals import denied_due, use_deny
from apps.experiments.services.runs import FOLLOWS, run_reconcile
from apps.experiments.services.verifying import model_version_verify_soon

log = logging.getLogger(__name__)

LATE_RESULT = timedelta(hours=1)
"""How long after its end a run may still be given its result."""
VERIFY_AFTER = timedelta(seconds=30)
"""A version is verified by the request that makes it; one that is pending for longer lost its request."""


def reconcile_due() -> int:
    """Lead every run to its workload, and verify model versions that were left pending; returns how many.

    What cannot be done now is logged and waits for the next tick; the others go on.
    """
    now = clock.db_now()
    runs = runs_due(FOLLOWS, result_since=now - LATE_RESULT)
    versions = versions_due(before=now - VERIFY_AFTER)
    return (
        _each(runs, run_reconcile, "run of workload")
        + _each(versions, _verify, "model version")
        + _each(denied_due(), use_deny, "denied request")
    )


def _verify(version_id: UUID) -> None:
    model_version_verify_soon(ModelVersion.objects.get(pk=version_id))


def _each(ids: Iterable[UUID], act: Callable[[UUID], object], what: str) -> int:
    count = 0
    for one in ids:
        count += 1
        try:
            act(one)
        except (BedplateError, DatabaseError, OSError):
            log.exception("could not reconcile the %s %s", what, one)
    return count
