"""Nodes, and what the cluster does about those that are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.disruption import disrupt
from tests.support.kubernetes.kinds import NODES, PODS
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.scheduler import tolerates
from tests.support.kubernetes.store import Change, Object

UNKNOWN_SECONDS, GC_SECONDS = 44.0, 50.0
_NO_ID = "00000000-0000-0000-0000-000000000000"
UNREACHABLE = "node.kubernetes.io/unreachable"


@dataclass(frozen=True)
class NodeSpec:
    """A node of the fake cluster."""

    name: str
    gpus: int = 0
    cpu: str = "64"
    memory: str = "512Gi"
    pods: str = "110"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    resources: Mapping[str, str] = field(default_factory=dict)
    """More resources, for instance of MIG."""


def node_object(node: NodeSpec, now: str) -> Object:
    capacity = {"cpu": node.cpu, "memory": node.memory, "pods": node.pods, "ephemeral-storage": "500Gi"}
    if node.gpus:
        capacity["nvidia.com/gpu"] = str(node.gpus)
    capacity |= node.resources
    labels = {
        "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux",
        **node.labels,
    }  # fmt: skip
    spec: dict[str, Any] = {"providerID": f"example://{node.name}"}
    if node.taints:
        spec["taints"] = [dict(taint) for taint in node.taints]
    info = {
        "kernelVersion": "6.1.0", "osImage": "Debian GNU/Linux 12 (bookworm)", "operatingSystem": "linux",
        "containerRuntimeVersion": "containerd://2.1.9", "kubeletVersion": "v1.36.2", "architecture": "amd64",
        "machineID": _NO_ID, "systemUUID": _NO_ID, "bootID": _NO_ID, "kubeProxyVersion": "",
    }  # fmt: skip
    return {
        "metadata": {"name": node.name, "labels": labels},
        "spec": spec,
        "status": {
            "capacity": capacity,
            "allocatable": dict(capacity),
            "conditions": [
                _condition("MemoryPressure", "False", "KubeletHasSufficientMemory", now),
                _condition("DiskPressure", "False", "KubeletHasNoDiskPressure", now),
                _condition("PIDPressure", "False", "KubeletHasSufficientPID", now),
                _condition("Ready", "True", "KubeletReady", now),
            ],
            "addresses": [{"type": "Hostname", "address": node.name}],
            "nodeInfo": info,
        },
    }


def _condition(type_: str, status: str, reason: str, now: str) -> dict[str, str]:
    said = {"type": type_, "status": status, "lastHeartbeatTime": now, "lastTransitionTime": now}
    return {**said, "reason": reason, "message": f"kubelet says {reason}"}


class Nodes:
    """The node lifecycle and taint eviction controllers, and the garbage collector of pods."""

    def __init__(self, cluster: Cluster, kubelet: Kubelet) -> None:
        self._cluster, self._kubelet = cluster, kubelet

    def add(self, node: NodeSpec) -> Object:
        return self._cluster.add(NODES, node_object(node, self._cluster.clock.stamp()))

    def lose(self, name: str) -> None:
        """The kubelet of a node says nothing more: after 44 s of the cluster's clock the node is unreachable."""
        with self._cluster.store.lock:
            self._kubelet.dead_nodes.add(name)
            self._cluster.loop.later(UNKNOWN_SECONDS, self._unknown, name)

    def back(self, name: str) -> None:
        """The kubelet speaks again, and carries out what it missed."""
        with self._cluster.store.lock:
            self._kubelet.dead_nodes.discard(name)
            now = self._cluster.clock.stamp()

            def change(node: Object) -> None:
                taints = [each for each in node["spec"].get("taints", ()) if each["key"] != UNREACHABLE]
                node["spec"]["taints"] = taints
                if not taints:
                    del node["spec"]["taints"]
                _set_ready(node, "True", "KubeletReady", "kubelet is posting ready status", now)

            self._cluster.change(NODES, name, "", change)
            for pod in self._on(name):
                uid = pod["metadata"]["uid"]
                if uid not in self._kubelet.runs:
                    self._cluster.loop.soon(self._kubelet.begin, pod["metadata"]["namespace"], pod["metadata"]["name"])
                elif pod["metadata"].get("deletionTimestamp"):
                    self._cluster.loop.soon(self._kubelet.stop, uid)

    def _on(self, name: str) -> list[Object]:
        return [pod for pod in self._cluster.store.all(PODS) if pod["spec"].get("nodeName") == name]

    def _unknown(self, name: str) -> None:
        if name not in self._kubelet.dead_nodes:
            return
        now = self._cluster.clock.stamp()

        def change(node: Object) -> None:
            _set_ready(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", now)

        def taint(node: Object) -> None:
            taints = list(node["spec"].get("taints", ()))
            taints += [
                {"key": UNREACHABLE, "effect": effect, "timeAdded": now} for effect in ("NoSchedule", "NoExecute")
            ]
            node["spec"]["taints"] = taints

        node = self._cluster.change(NODES, name, "", change)
        if node is None:
            return
        told = f"Node {name} status is now: NodeNotReady"
        self._cluster.events.write(NODES, node, "NodeNotReady", told, by="node-controller")
        for pod in self._on(name):
            if not pods.terminal(pod):
                self._not_ready(pod, now)
        self._cluster.change(NODES, name, "", taint)

    def _not_ready(self, pod: Object, now: str) -> None:
        def change(each: Object) -> None:
            if (old := pods.condition(each, "Ready")) is not None and old["status"] == "True":
                pods.set_condition(each, "Ready", False, now)

        self._cluster.change(PODS, pod["metadata"]["name"], pod["metadata"]["namespace"], change)
        self._cluster.events.write(PODS, pod, "NodeNotReady", "Node is not ready", by="node-controller", warning=True)

    def on_change(self, change: Change) -> None:
        if change.kind is NODES:
            if change.type == "DELETED":
                self._cluster.loop.later(GC_SECONDS, self._collect, change.name[1])
            elif change.obj["spec"].get("taints"):
                self._cluster.loop.soon(self._evict, change.name[1])
        elif change.kind is PODS and change.type != "DELETED" and (node := change.obj["spec"].get("nodeName")):
            before = (change.previous or {"spec": {}})["spec"].get("nodeName")
            found = self._cluster.store.get(NODES, node)
            if before is None and found is not None and found["spec"].get("taints"):
                self._cluster.loop.soon(self._evict, node)

    def _evict(self, name: str) -> None:
        """Pods that do not tolerate a NoExecute taint, at once or after their tolerationSeconds."""
        node = self._cluster.store.get(NODES, name)
        taints = [each for each in (node or {"spec": {}})["spec"].get("taints", ()) if each["effect"] == "NoExecute"]
        for pod in self._on(name) if taints else ():
            if pods.terminal(pod) or pod["metadata"].get("deletionTimestamp"):
                continue
            waits = [self._patience(pod, taint) for taint in taints]
            limited = [wait for wait in waits if wait is not None]
            if limited:
                self._cluster.loop.later(min(limited), self._evict_one, pod["metadata"]["uid"], name)

    @staticmethod
    def _patience(pod: Object, taint: Mapping[str, Any]) -> float | None:
        """How long a pod stays with a taint; None: for ever."""
        found = [each for each in pod["spec"].get("tolerations") or () if tolerates(each, taint)]
        if not found:
            return 0
        seconds = [each["tolerationSeconds"] for each in found if each.get("tolerationSeconds") is not None]
        return float(min(seconds)) if len(seconds) == len(found) else None

    def _evict_one(self, uid: str, node_name: str) -> None:
        found, node = self._cluster.store.by_uid(uid), self._cluster.store.get(NODES, node_name)
        taints = [] if node is None else node["spec"].get("taints", ())
        if found is None or not any(each["effect"] == "NoExecute" for each in taints):
            return
        pod = found[1]
        if pods.terminal(pod) or pod["metadata"].get("deletionTimestamp"):
            return
        message = "Taint manager: deleting due to NoExecute taint"
        disrupt(self._cluster, pod, "DeletionByTaintManager", message)
        metadata = pod["metadata"]
        told = f"Marking for deletion Pod {metadata['namespace']}/{metadata['name']}"
        self._cluster.events.write(PODS, pod, "TaintManagerEviction", told, by="taint-eviction-controller")
        self._cluster.delete(PODS, metadata["name"], metadata["namespace"])

    def _collect(self, name: str) -> None:
        """Pods of a node that is no more: failed, then deleted."""
        if self._cluster.store.get(NODES, name) is not None:
            return
        for pod in self._on(name):
            metadata = pod["metadata"]
            if not pods.terminal(pod):
                message = "PodGC: node no longer exists"
                disrupt(self._cluster, pod, "DeletionByPodGC", message, fails=True)
            self._cluster.delete(PODS, metadata["name"], metadata["namespace"], grace=0)


def _set_ready(node: Object, status: str, reason: str, message: str, now: str) -> None:
    for each in node["status"]["conditions"]:
        if each["type"] == "Ready":
            each |= {"status": status, "reason": reason, "message": message, "lastTransitionTime": now}
