"""The mark of a pod that the cluster itself ends."""

from __future__ import annotations

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.store import Object


def disrupt(cluster: Cluster, pod: Object, reason: str, message: str, *, fails: bool = False) -> None:
    """Write the condition that says that the cluster itself ends a pod."""
    now = cluster.clock.stamp()

    def change(each: Object) -> None:
        if fails:
            each["status"]["phase"] = "Failed"
        pods.set_condition(each, "DisruptionTarget", True, now, reason=reason, message=message)

    cluster.change(PODS, pod["metadata"]["name"], pod["metadata"]["namespace"], change)
