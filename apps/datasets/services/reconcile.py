"""The tick: jobs whose workload moved on while nobody told them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError

from apps.common.errors import BedplateError
from apps.datasets.models import CleaningRun, DataJob, Ingestion, Preview, Profile, ValidationRun, VersionComparison
from apps.datasets.selectors import workloads_due
from apps.datasets.services.cleaning import cleaning_run_reconcile
from apps.datasets.services.comparisons import comparison_reconcile
from apps.datasets.services.ingestions import ingestion_reconcile
from apps.datasets.services.previews import preview_reconcile, previews_close_idle
from apps.datasets.services.profiles import profile_reconcile
from apps.datasets.services.validation_runs import validation_run_reconcile

log = logging.getLogger(__name__)

RECONCILERS: dict[type[DataJob], Callable[[UUID], None]] = {
    Ingestion: ingestion_reconcile,
    Profile: profile_reconcile,
    CleaningRun: cleaning_run_reconcile,
    Preview: preview_reconcile,
    ValidationRun: validation_run_reconcile,
    VersionComparison: comparison_reconcile,
}


def reconcile_due() -> int:
    """Reconcile every data job that is behind its workload, and end previews that nobody uses; returns how many.

    One that cannot be reconciled now is logged and waits for the next tick; the others go on.
    """
    count = previews_close_idle()
    for model, reconcile in RECONCILERS.items():
        for workload_id in workloads_due(model):
            count += 1
            try:
                reconcile(workload_id)
            except (BedplateError, DatabaseError, OSError):
                log.exception("could not reconcile the %s of workload %s", model.machine.noun, workload_id)
    return count
