"""Counts for an overview."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, Sum

from apps.access.models import Project
from apps.common import clock
from apps.datasets.models import Dataset, DatasetVersion, Source
from apps.datasets.selectors import JOBS
from apps.datasets.states import JobState, VersionState

RECENT = timedelta(days=7)


def datasets_summary(user: Any, *, project: Project | None = None) -> dict[str, Any]:
    """Of what the user can see: how many, how large, which jobs are under way or failed of late. Six queries."""
    narrow = Q(project=project) if project else Q()
    versions = DatasetVersion.objects.visible_to(user).filter(narrow, state=VersionState.PUBLISHED)
    sources = Source.objects.visible_to(user).filter(narrow)
    return {
        "datasets": Dataset.objects.visible_to(user).filter(narrow).count(),
        **versions.aggregate(
            versions=Count("pk"), row_count=Sum("row_count", default=0), size_bytes=Sum("size_bytes", default=0)
        ),
        **sources.aggregate(sources=Count("pk"), source_bytes=Sum("size_bytes", default=0)),
        "jobs": [_counts(model, user, narrow) for model in JOBS],
    }


def _counts(model: Any, user: Any, narrow: Q) -> dict[str, Any]:
    recent = Q(state=JobState.FAILED, state_at__gte=clock.now() - RECENT)
    found = model.objects.visible_to(user).filter(narrow, Q(state__in=sorted(model.machine.active)) | recent)
    counts: dict[str, Any] = found.aggregate(
        queued=Count("pk", filter=Q(state=JobState.QUEUED)),
        running=Count("pk", filter=Q(state=JobState.RUNNING)),
        failed=Count("pk", filter=recent),
    )
    return {"kind": model.machine.noun, **counts}
