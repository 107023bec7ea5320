"""A dry run of a rule: what it would keep of a dataset, and how many bytes it would free."""

from __future__ import annotations

from typing import Any

from apps.common import clock
from apps.datasets.models import Dataset, DatasetVersion
from apps.datasets.selectors.keeping import facts_of, files_alone, kept


def would_keep(dataset: Dataset, rule: Any) -> dict[str, Any]:
    """`{"dataset", "freed_bytes", "freed_versions", "versions"}`. Changes nothing.

    Args:
        rule: with the columns of a `KeepRule`.
    """
    reasons = kept(facts_of(dataset.pk), rule, clock.db_now())
    versions = list(DatasetVersion.objects.filter(pk__in=reasons).order_by("-number").defer("report", "schema"))
    gone = [version for version in versions if not reasons[version.pk]]
    shown = ("id", "number", "state", "created_at", "row_count", "size_bytes", "data_tombstoned_at")
    return {
        "dataset": dataset.pk,
        "freed_bytes": sum(files_alone(gone).values()),
        "freed_versions": len(gone),
        "versions": [
            {**{name: getattr(version, name) for name in shown}, "reasons": reasons[version.pk]} for version in versions
        ],
    }
