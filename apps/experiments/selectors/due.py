"""What is behind: for the tick only, across all projects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Case, CharField, F, Value, When

from apps.experiments.models import ModelVersion, Run
from apps.experiments.states import RUN, ModelVersionReason, ModelVersionState
from apps.quotas.models import Attempt

BATCH = 200


def runs_due(follows: Mapping[str, str], *, result_since: datetime) -> list[UUID]:
    """Workloads whose run is in another state, says another reason, or misses a result; oldest first. Two queries.

    Args:
        follows: state of a workload → state of its run.
        result_since: runs that ended before are not looked at for a result.
    """
    wanted = Case(
        *(When(workload__state=state, then=Value(str(to))) for state, to in follows.items()), output_field=CharField()
    )
    behind = (
        Run.objects.filter(state__in=sorted(RUN.active), workload__isnull=False)
        .annotate(wanted=wanted)
        .exclude(state=F("wanted"), state_reason=F("workload__state_reason"), state_detail=F("workload__state_detail"))
    )
    found: list[UUID] = list(behind.order_by("id").values_list("workload_id", flat=True)[:BATCH])
    ended = Run.objects.filter(result__isnull=True, ended_at__gte=result_since)
    left = Attempt.objects.filter(workload__in=ended.values("workload_id"), result__isnull=False)
    late: list[UUID] = list(left.order_by("id").values_list("workload_id", flat=True)[:BATCH])
    return found + late


def versions_due(*, before: datetime) -> list[UUID]:
    """Model versions that are pending since before that moment, and do not wait for an approval. One query."""
    pending = ModelVersion.objects.filter(state=ModelVersionState.PENDING, created_at__lt=before)
    pending = pending.exclude(state_reason=ModelVersionReason.RUNS_CODE)
    return list(pending.order_by("id").values_list("pk", flat=True)[:BATCH])
