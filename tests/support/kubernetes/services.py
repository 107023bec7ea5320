"""The EndpointSlice controller: the addresses behind a Service."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import ENDPOINTSLICES, PODS, SERVICES
from tests.support.kubernetes.selectors import selects
from tests.support.kubernetes.store import Change, Object

MANAGED = "endpointslice.kubernetes.io/managed-by"
SERVICE = "kubernetes.io/service-name"


class Services:
    """One slice for each Service with a selector."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def on_change(self, change: Change) -> None:
        if change.kind is SERVICES and change.type != "DELETED":
            self._cluster.loop.soon(self.reconcile, *change.name)
        elif change.kind is PODS:
            labels = change.obj["metadata"].get("labels") or {}
            for namespace, name in self._cluster.store.shelf(SERVICES).by_namespace.get(change.name[0], ()):
                service = self._cluster.store.get(SERVICES, name, namespace)
                if service is not None and _chosen(service, labels):
                    self._cluster.loop.soon(self.reconcile, namespace, name)

    def reconcile(self, namespace: str, name: str) -> None:
        service = self._cluster.store.get(SERVICES, name, namespace)
        if service is None or not service["spec"].get("selector"):
            return
        found = [
            _endpoint(service, pod)
            for pod in self._cluster.store.all(PODS, namespace)
            if _chosen(service, pod["metadata"].get("labels") or {})
            and pod["status"].get("podIP")
            and not pods.terminal(pod)
        ]
        ports = [
            {"name": each.get("name", ""), "port": self._target(service, each), "protocol": each["protocol"]}
            for each in service["spec"].get("ports") or ()
        ]
        owned = self._cluster.store.owned_by(service["metadata"]["uid"], ENDPOINTSLICES)
        if not owned:
            self._add(service, found, ports)
            return

        def change(each: Object) -> None:
            if each["endpoints"] != (found or None):
                each["endpoints"], each["ports"] = found or None, ports if found else None
                each["metadata"]["generation"] += 1

        self._cluster.change(ENDPOINTSLICES, owned[0]["metadata"]["name"], namespace, change)

    def _target(self, service: Object, port: Object) -> int:
        """The number of a port of the pods; a name is that of a container's port."""
        wanted = port.get("targetPort") or port["port"]
        for pod in self._cluster.store.all(PODS, service["metadata"]["namespace"]):
            if isinstance(wanted, str) and _chosen(service, pod["metadata"].get("labels") or {}):
                for container in pod["spec"]["containers"]:
                    for each in container.get("ports") or ():
                        if each.get("name") == wanted:
                            return int(each["containerPort"])
        return int(wanted) if isinstance(wanted, int) else int(port["port"])

    def _add(self, service: Object, found: list[Object], ports: list[Object]) -> None:
        metadata = service["metadata"]
        owner = {
            "apiVersion": "v1", "kind": "Service", "name": metadata["name"], "uid": metadata["uid"],
            "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip
        made = {
            "generateName": f"{metadata['name']}-",
            "labels": {MANAGED: "endpointslice-controller.k8s.io", SERVICE: metadata["name"]},
            "ownerReferences": [owner],
        }
        slice_ = {
            "metadata": made,
            "addressType": "IPv4",
            "endpoints": found or None,
            "ports": ports if found else None,
        }
        self._cluster.add(ENDPOINTSLICES, slice_, metadata["namespace"])


def _chosen(service: Object, labels: dict[str, str]) -> bool:
    selector = service["spec"].get("selector")
    return bool(selector) and selects({"matchLabels": selector}, labels)


def _endpoint(service: Object, pod: Object) -> dict[str, Any]:
    metadata, going = pod["metadata"], bool(pod["metadata"].get("deletionTimestamp"))
    shown = pods.ready(pod) or bool(service["spec"].get("publishNotReadyAddresses"))
    reference = {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}
    endpoint: dict[str, Any] = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": shown and not going, "serving": shown, "terminating": going},
    }
    if pod["spec"].get("subdomain") == service["metadata"]["name"] and pod["spec"].get("hostname"):
        endpoint["hostname"] = pod["spec"]["hostname"]
    return {**endpoint, "targetRef": reference, "nodeName": pod["spec"]["nodeName"]}
