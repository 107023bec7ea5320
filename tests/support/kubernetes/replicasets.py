"""The ReplicaSet controller: as many pods as wanted, and their counts."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes import pods
from tests.support.kubernetes.answers import Refusal
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import PODS, REPLICASETS
from tests.support.kubernetes.podmaker import PodMaker
from tests.support.kubernetes.store import Change, Object, copied

BY = "replicaset-controller"


def counts(owned: list[Object]) -> dict[str, int]:
    """As a ReplicaSet's status has them; what is none is left out, but for `replicas`."""
    live = [pod for pod in owned if pods.active(pod)]
    ready = sum(map(pods.ready, live))
    found = {"replicas": len(live)}
    if live:
        found["fullyLabeledReplicas"] = len(live)
    if ready:
        found["readyReplicas"] = found["availableReplicas"] = ready
    return {**found, "terminatingReplicas": sum(map(pods.terminating, owned))}


def adopt(cluster: Cluster, deployment: Object) -> None:
    """Give a Deployment those that its selector chooses and that belong to nobody, as one that comes anew does."""
    metadata, wanted = deployment["metadata"], deployment["spec"]["selector"].get("matchLabels") or {}
    owner = {
        "apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    for each in cluster.store.all(REPLICASETS, metadata["namespace"]):
        labels = each["metadata"].get("labels") or {}
        if each["metadata"].get("ownerReferences") or not wanted.items() <= labels.items():
            continue
        cluster.change(
            REPLICASETS,
            each["metadata"]["name"],
            metadata["namespace"],
            lambda one: one["metadata"].update(ownerReferences=[owner]),
        )


class ReplicaSets:
    """One ReplicaSet at a time."""

    def __init__(self, cluster: Cluster, maker: PodMaker) -> None:
        self._cluster, self._maker = cluster, maker
        self._refusals: dict[str, tuple[int, float]] = {}

    def on_change(self, change: Change) -> None:
        if change.kind is REPLICASETS and change.type != "DELETED":
            self._cluster.loop.soon(self.reconcile, *change.name)
        elif change.kind is PODS and (owner := pods.owner(change.obj)) and owner["kind"] == "ReplicaSet":
            self._cluster.loop.soon(self.reconcile, change.name[0], owner["name"])

    def reconcile(self, namespace: str, name: str) -> None:
        found = self._cluster.store.get(REPLICASETS, name, namespace)
        if found is None:
            return
        uid = found["metadata"]["uid"]
        self._write(found, self._cluster.store.owned_by(uid, PODS))
        if not found["metadata"].get("deletionTimestamp"):
            live = [pod for pod in self._cluster.store.owned_by(uid, PODS) if pods.active(pod)]
            wanted = found["spec"]["replicas"]
            if len(live) < wanted:
                self._create(found, wanted - len(live))
            elif len(live) > wanted:
                self._delete(found, live, len(live) - wanted)
        self._write(found, self._cluster.store.owned_by(uid, PODS))

    def _create(self, found: Object, count: int) -> None:
        metadata = found["metadata"]
        tries, until = self._refusals.get(metadata["uid"], (0, 0.0))
        if self._cluster.clock.now() < until:
            return
        for _ in range(count):
            try:
                pod = self._maker.create(_pod_for(found), metadata["namespace"])
            except Refusal as refusal:
                self._event(found, "FailedCreate", f"Error creating: {refusal.message}", True)
                wait = min(2.0**tries, 600.0)
                self._refusals[metadata["uid"]] = (tries + 1, self._cluster.clock.now() + wait)
                self._cluster.loop.later(wait, self.reconcile, metadata["namespace"], metadata["name"])
                return
            self._event(found, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        self._refusals.pop(metadata["uid"], None)

    def _delete(self, found: Object, live: list[Object], count: int) -> None:
        """First what does least: unassigned, pending, not ready, then the newest."""

        def worth(pod: Object) -> tuple[Any, ...]:
            metadata = pod["metadata"]
            return (
                bool(pod["spec"].get("nodeName")), pods.phase(pod) == "Running", pods.ready(pod),
                tuple(-ord(letter) for letter in metadata["creationTimestamp"]), -self._number(metadata["uid"]),
            )  # fmt: skip

        for pod in sorted(live, key=worth)[:count]:
            self._cluster.delete(PODS, pod["metadata"]["name"], pod["metadata"]["namespace"])
            self._event(found, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _number(self, uid: str) -> int:
        """Pods are told apart by when they were made, even within a second."""
        return self._cluster.made_numbers.get(uid, 0)

    def _event(self, found: Object, reason: str, message: str, warning: bool = False) -> None:
        self._cluster.events.write(REPLICASETS, found, reason, message, by=BY, warning=warning)

    def _write(self, found: Object, owned: list[Object]) -> None:
        metadata = found["metadata"]

        def change(each: Object) -> None:
            status = counts(owned)
            each["status"] = {**status, "observedGeneration": each["metadata"]["generation"]}

        self._cluster.change(REPLICASETS, metadata["name"], metadata["namespace"], change)


def _pod_for(found: Object) -> Object:
    template, metadata = copied(found["spec"]["template"]), found["metadata"]
    owner = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": metadata["name"], "uid": metadata["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    made = {"generateName": f"{metadata['name']}-"[:58], **(template.get("metadata") or {}), "ownerReferences": [owner]}
    return {"metadata": made, "spec": template["spec"]}
