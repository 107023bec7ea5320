"""Files with the rows that ingestions left out: they stay where the job wrote them, also one that failed."""

from __future__ import annotations

from collections.abc import Iterator

from apps.common.invariants import NamedObject
from apps.datasets.models import Ingestion
from apps.datasets.services.left_out import left_out_of, prefix_of
from apps.datasets.services.results import BadResult
from apps.datasets.states import INGESTION
from apps.quotas.states import WorkloadState


def quarantined() -> Iterator[NamedObject]:
    """Those that rows name, and those of jobs that have ended while their rows have not followed them."""
    named = Ingestion.objects.filter(quarantine__isnull=False).order_by("id").values_list("id", "quarantine")
    for pk, file in named.iterator(chunk_size=1000):
        yield NamedObject(f"ingestion {pk}", file["path"], file["size_bytes"], file["sha256"])
    ended = (WorkloadState.SUCCEEDED, WorkloadState.FAILED)
    behind = Ingestion.objects.filter(state__in=sorted(INGESTION.active), workload__state__in=ended)
    for job in behind.select_related("workload").order_by("id"):
        attempt = job.workload.current_attempt()
        try:
            file = left_out_of(attempt).quarantine if attempt else None
        except BadResult:
            continue
        if attempt is not None and file is not None:
            path = f"{prefix_of(attempt)}{file.name}"
            yield NamedObject(f"ingestion {job.pk}", path, file.size_bytes, file.sha256)
