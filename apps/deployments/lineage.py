"""Which of this app's objects lineage edges name, and how they are shown."""

from __future__ import annotations

from apps.common.nodes import NodeKind, NodeKinds
from apps.deployments.models import Revision

NODES: NodeKinds = {
    "revision": NodeKind(
        Revision.objects.all, "endpoint__name", "number", "state", parent_kind="endpoint", parent="endpoint_id"
    ),
}
