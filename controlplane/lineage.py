"""Every kind of object that lineage edges name: what the view of lineage shows."""

from __future__ import annotations

from apps.common.nodes import NodeKinds
from apps.datasets.lineage import NODES as DATASETS
from apps.deployments.lineage import NODES as DEPLOYMENTS
from apps.experiments.lineage import NODES as EXPERIMENTS

NODES: NodeKinds = {**DATASETS, **EXPERIMENTS, **DEPLOYMENTS}
