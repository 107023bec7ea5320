"""PodDisruptionBudgets: how many pods may be evicted now."""

from __future__ import annotations

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import BUDGETS, PODS
from tests.support.kubernetes.selectors import selects
from tests.support.kubernetes.store import Change, Object


class Budgets:
    """Writes the status of every budget."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def on_change(self, change: Change) -> None:
        if change.kind in {BUDGETS, PODS} and self._cluster.store.shelf(BUDGETS).by_namespace.get(change.name[0]):
            self._cluster.loop.soon(self.reconcile, change.name[0])

    def reconcile(self, namespace: str) -> None:
        for budget in self._cluster.store.all(BUDGETS, namespace):
            healthy, needed, total = health(self._cluster, budget)
            allowed = max(0, healthy - needed)
            now = self._cluster.clock.stamp()

            def change(
                each: Object, counts: tuple[int, int, int, int] = (allowed, healthy, needed, total), now: str = now
            ) -> None:
                old = each.get("status", {}).get("conditions") or []
                status, reason = ("True", "SufficientPods") if counts[0] else ("False", "InsufficientPods")
                since = old[0]["lastTransitionTime"] if old and old[0]["status"] == status else now
                condition = {
                    "type": "DisruptionAllowed", "status": status, "observedGeneration": each["metadata"]["generation"],
                    "lastTransitionTime": since, "reason": reason, "message": "",
                }  # fmt: skip
                each["status"] = {
                    "observedGeneration": each["metadata"]["generation"], "disruptionsAllowed": counts[0],
                    "currentHealthy": counts[1], "desiredHealthy": counts[2], "expectedPods": counts[3],
                    "conditions": [condition],
                }  # fmt: skip

            self._cluster.change(BUDGETS, budget["metadata"]["name"], namespace, change)


def health(cluster: Cluster, budget: Object) -> tuple[int, int, int]:
    """Healthy pods, those that must stay, and all."""
    namespace, selector = budget["metadata"]["namespace"], budget["spec"].get("selector")
    covered = [
        each
        for each in cluster.store.all(PODS, namespace)
        if selects(selector, each["metadata"].get("labels") or {}) and not pods.terminal(each)
    ]
    healthy = sum(pods.ready(each) and pods.active(each) for each in covered)
    return healthy, needed(budget["spec"], len(covered)), len(covered)


def needed(spec: Object, total: int) -> int:
    def share(value: int | str) -> int:
        return value if isinstance(value, int) else -(-total * int(value.rstrip("%")) // 100)

    if spec.get("minAvailable") is not None:
        return share(spec["minAvailable"])
    return max(0, total - share(spec.get("maxUnavailable", 0)))
