"""What the server fills into objects that leave it out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from tests.support.kubernetes.kinds import Kind
from tests.support.kubernetes.store import Object

Spec = dict[str, Any]

CONTROLLER_UID, JOB_NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"


def fill(kind: Kind, obj: Object, cluster_ip: Callable[[], str]) -> None:
    """Defaults of a new or changed object; what it has stays."""
    known = {
        "jobs": _job,
        "pods": lambda pod: pod_spec(pod["spec"], always=True),
        "deployments": _deployment,
        "replicasets": lambda each: pod_spec(each["spec"]["template"]["spec"], always=True),
        "namespaces": _namespace,
        "secrets": _secret,
        "poddisruptionbudgets": _budget,
        "resourcequotas": lambda quota: quota.setdefault("status", {}),
    }
    if kind.plural == "services":
        _service(obj, cluster_ip)
    elif kind.plural in known and not kind.custom:
        known[kind.plural](obj)


def job_identity(job: Object) -> None:
    """Selector and labels of a new Job: they need its uid."""
    metadata, spec = job["metadata"], job["spec"]
    uid = metadata["uid"]
    if spec.get("manualSelector"):
        return
    spec["selector"] = {"matchLabels": {CONTROLLER_UID: uid}}
    spec["manualSelector"] = False
    labels = {CONTROLLER_UID: uid, JOB_NAME: metadata["name"], "controller-uid": uid, "job-name": metadata["name"]}
    template = spec["template"].setdefault("metadata", {})
    if not metadata.get("labels"):
        metadata["labels"] = dict(template.get("labels") or labels)
    template["labels"] = {**(template.get("labels") or {}), **labels}


def _job(job: Object) -> None:
    spec: Spec = job.setdefault("spec", {})
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 2**31 - 1 if spec.get("backoffLimitPerIndex") is not None else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    policy = spec.get("podFailurePolicy")
    spec.setdefault("podReplacementPolicy", "Failed" if policy else "TerminatingOrFailed")
    for rule in (policy or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern.setdefault("status", "True")
    pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    job.setdefault("status", {})


def pod_spec(spec: Spec, *, always: bool = False) -> None:
    """Defaults of a pod's or a template's spec."""
    if always:
        spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    if spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        _container(container)
    for volume in spec.get("volumes") or ():
        for source in ("secret", "configMap"):
            if isinstance(volume.get(source), dict):
                volume[source].setdefault("defaultMode", 0o644)
        if isinstance(volume.get("projected"), dict):
            volume["projected"].setdefault("defaultMode", 0o644)


def _container(container: Spec) -> None:
    resources = container.setdefault("resources", {})
    for name, value in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, value)
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    latest = ":" not in container.get("image", "").rpartition("/")[2] or container["image"].endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    for each in container.get("env") or ():
        if isinstance(field := (each.get("valueFrom") or {}).get("fieldRef"), dict):
            field.setdefault("apiVersion", "v1")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(found := container.get(probe), dict):
            _probe(found)


def _probe(probe: Spec) -> None:
    for name, value in {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}.items():
        probe.setdefault(name, value)
    if isinstance(probe.get("httpGet"), dict):
        probe["httpGet"].setdefault("scheme", "HTTP")
        probe["httpGet"].setdefault("path", "/")


def _deployment(deployment: Object) -> None:
    spec: Spec = deployment["spec"]
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    pod_spec(spec["template"]["spec"], always=True)
    deployment.setdefault("status", {})


def _budget(budget: Object) -> None:
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    budget.setdefault("status", dict.fromkeys(counts, 0))


def _namespace(namespace: Object) -> None:
    namespace["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = namespace["metadata"]["name"]
    namespace.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    namespace.setdefault("status", {"phase": "Active"})


def _secret(secret: Object) -> None:
    secret.setdefault("type", "Opaque")
    given = secret.pop("stringData", None)
    if given:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def _service(service: Object, cluster_ip: Callable[[], str]) -> None:
    spec: Spec = service.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("clusterIP", cluster_ip())
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
    service.setdefault("status", {"loadBalancer": {}})
