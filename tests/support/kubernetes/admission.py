"""What comes between a valid request and the store: namespaces, accounts, priorities, quotas, Pod Security."""

from __future__ import annotations

from tests.support.kubernetes import answers
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import NAMESPACES, PODS, PRIORITYCLASSES, RUNTIMECLASSES, SERVICEACCOUNTS, Kind
from tests.support.kubernetes.podsecurity import violations
from tests.support.kubernetes.quantities import requested
from tests.support.kubernetes.quotas import Quotas
from tests.support.kubernetes.store import Object

_TOLERATED = ("not-ready", "unreachable")
ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
ACCOUNT_SECONDS = 5.0
"""How long a new pod waits for the default ServiceAccount of its namespace, of real time."""


class Admission:
    """The default admission plugins, as far as they matter here."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.quotas = Quotas(cluster)

    def check_namespace(self, kind: Kind, obj: Object, namespace: str) -> None:
        if not kind.namespaced:
            return
        found = self._cluster.store.get(NAMESPACES, namespace)
        if found is None:
            raise answers.not_found(NAMESPACES, namespace)
        if found["status"]["phase"] == "Terminating":
            name = obj["metadata"].get("name", "")
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise answers.forbidden(kind, name, why, causes=[cause])

    def fill(self, kind: Kind, obj: Object) -> None:
        """Change a new object as the mutating plugins do."""
        if kind is PODS:
            self.quotas.fill(obj)
            self._account(obj)
            self._token(obj)
            self._tolerations(obj)
            self._priority(obj)
            self._status(obj)

    def check(self, kind: Kind, obj: Object, *, dry: bool) -> list[str]:
        """Refuse, or warn, as the validating plugins do."""
        warnings = self._security(kind, obj)
        if not dry:
            self.quotas.check(kind, obj)
        return warnings

    def _account(self, pod: Object) -> None:
        spec, metadata = pod["spec"], pod["metadata"]
        name = spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = name
        store, namespace = self._cluster.store, metadata["namespace"]
        wait = ACCOUNT_SECONDS if name == "default" else 0
        if not store.changed.wait_for(lambda: store.get(SERVICEACCOUNTS, name, namespace) is not None, wait):
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise answers.forbidden(PODS, metadata.get("name", ""), why)
        if spec.get("runtimeClassName") and store.get(RUNTIMECLASSES, spec["runtimeClassName"]) is None:
            wanted = spec["runtimeClassName"]
            why = f'pod rejected: RuntimeClass "{wanted}" not found'
            raise answers.forbidden(PODS, metadata.get("name", ""), why)

    def _token(self, pod: Object) -> None:
        """The volume with a token of the ServiceAccount, unless pod or account want none."""
        spec, namespace = pod["spec"], pod["metadata"]["namespace"]
        account = self._cluster.store.get(SERVICEACCOUNTS, spec["serviceAccountName"], namespace) or {}
        wanted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
        if not wanted:
            return
        name = f"kube-api-access-{self._cluster.suffix()}"
        names = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
        sources: list[Object] = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": names}]}},
        ]
        volume = {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
        spec["volumes"] = [*(spec.get("volumes") or ()), volume]
        for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
            mount = {"name": name, "readOnly": True, "mountPath": ACCOUNT_PATH}
            container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]

    def _tolerations(self, pod: Object) -> None:
        tolerations = pod["spec"].setdefault("tolerations", [])
        known = {(each.get("key"), each.get("effect")) for each in tolerations}
        everything = any(not each.get("key") and each.get("operator") == "Exists" for each in tolerations)
        for name in _TOLERATED:
            key = f"node.kubernetes.io/{name}"
            if not everything and not known & {(key, "NoExecute"), (key, None), (key, "")}:
                tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})

    def _priority(self, pod: Object) -> None:
        spec = pod["spec"]
        name = spec.get("priorityClassName", "")
        found = self._cluster.store.get(PRIORITYCLASSES, name) if name else None
        if name and found is None:
            why = f"no PriorityClass with name {name} was found"
            raise answers.forbidden(PODS, pod["metadata"].get("name", ""), why)
        spec["priority"] = int(found["value"]) if found else 0
        spec.setdefault("preemptionPolicy", (found or {}).get("preemptionPolicy", "PreemptLowerPriority"))
        spec.setdefault("enableServiceLinks", True)

    def _status(self, pod: Object) -> None:
        pod["status"] = {"phase": "Pending", "qosClass": _quality(pod)}

    def _security(self, kind: Kind, obj: Object) -> list[str]:
        if not kind.namespaced or kind.plural not in {"pods", "jobs", "deployments", "replicasets"}:
            return []
        namespace = self._cluster.store.get(NAMESPACES, obj["metadata"]["namespace"])
        labels = (namespace or {"metadata": {}})["metadata"].get("labels") or {}
        level = labels.get("pod-security.kubernetes.io/enforce", "")
        if level != "restricted":
            return []
        spec = obj["spec"] if kind is PODS else obj["spec"]["template"]["spec"]
        found = violations(spec)
        if not found:
            return []
        told = f'violates PodSecurity "restricted:latest": {", ".join(found)}'
        if kind is not PODS:
            return [f"would violate{told.removeprefix('violates')}"]
        raise answers.forbidden(PODS, obj["metadata"]["name"], told)


def _quality(pod: Object) -> str:
    containers = [*(pod["spec"].get("initContainers") or ()), *pod["spec"].get("containers", ())]
    if not any(each.get("resources", {}).get(part) for each in containers for part in ("requests", "limits")):
        return "BestEffort"
    if all(
        {"cpu", "memory"} <= set(each["resources"].get("limits") or {})
        and each["resources"].get("requests") == each["resources"].get("limits")
        for each in containers
    ):
        return "Guaranteed"
    return "Burstable" if requested(pod["spec"]) or containers else "BestEffort"
