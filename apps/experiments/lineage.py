"""Which of this app's objects lineage edges name, and how they are shown."""

from __future__ import annotations

from apps.common.nodes import NodeKind, NodeKinds
from apps.experiments.models import ModelVersion, Run

NODES: NodeKinds = {
    "run": NodeKind(Run.objects.all, "name", state="state", parent_kind="experiment", parent="experiment_id"),
    "model_version": NodeKind(
        ModelVersion.objects.all, "model__name", "number", "state", parent_kind="model", parent="model_id"
    ),
}
