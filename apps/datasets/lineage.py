"""Which of this app's objects lineage edges name, and how they are shown."""

from __future__ import annotations

from apps.common.nodes import NodeKind, NodeKinds
from apps.datasets.models import DatasetVersion, Source

NODES: NodeKinds = {
    "source": NodeKind(Source.objects.all, "name", parent_kind="dataset", parent="dataset_id"),
    "dataset_version": NodeKind(
        DatasetVersion.objects.all, "dataset__name", "number", "state", parent_kind="dataset", parent="dataset_id"
    ),
}
