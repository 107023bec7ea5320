"""A pod's status as its kubelet writes it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.containers import Container
from tests.support.kubernetes.kinds import NODES, PODS, SECRETS
from tests.support.kubernetes.store import Object, Store

if TYPE_CHECKING:
    from tests.support.kubernetes.podruns import PodRun


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def host_ip(cluster: Cluster, node: str) -> str:
    found = cluster.store.get(NODES, node)
    number = 0 if found is None else cluster.made_numbers[found["metadata"]["uid"]]
    return f"10.250.{number // 250 % 250}.{number % 250 + 1}"


def missing_secret_volume(store: Store, pod: Object) -> tuple[str, str] | None:
    """The first volume whose Secret is not there, and that Secret's name."""
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes") or ():
        wanted = [volume["secret"]] if volume.get("secret") else []
        wanted += [each["secret"] for each in (volume.get("projected") or {}).get("sources") or () if "secret" in each]
        for source in wanted:
            name = source.get("secretName") or source.get("name")
            if not source.get("optional") and store.get(SECRETS, name, namespace) is None:
                return volume["name"], name
    return None


def missing_secret_env(store: Store, pod: Object, container: dict[str, Any]) -> str:
    namespace = pod["metadata"]["namespace"]
    for each in container.get("env") or ():
        source = (each.get("valueFrom") or {}).get("secretKeyRef")
        if source and not source.get("optional") and store.get(SECRETS, source["name"], namespace) is None:
            return str(source["name"])
    for each in container.get("envFrom") or ():
        source = each.get("secretRef")
        if source and not source.get("optional") and store.get(SECRETS, source["name"], namespace) is None:
            return str(source["name"])
    return ""


def locate_none(run: PodRun) -> None:
    """Containers that never ran, of a pod that is deleted."""
    unknown = {
        "exitCode": 137, "reason": "ContainerStatusUnknown",
        "message": "The container could not be located when the pod was terminated", "startedAt": None,
        "finishedAt": None,
    }  # fmt: skip
    for container in run.containers:
        if "waiting" in container.state and "terminated" not in container.last:
            container.state = {"terminated": unknown}


def phase_of(run: PodRun, *, final: bool) -> str:
    if not final:
        begun = any(_begun(each) for each in run.mains)
        return "Running" if begun and all(_done(each) for each in run.inits) else "Pending"
    if run.reason:
        return "Failed"
    bad = any(each.exit_code not in {0, None} for each in run.containers)
    return "Failed" if bad or any(each.exit_code is None for each in run.mains) else "Succeeded"


def _begun(container: Container) -> bool:
    if container.restarts or "running" in container.state:
        return True
    return container.state.get("terminated", {}).get("reason") not in {None, "StartError", "ContainerStatusUnknown"}


def _done(container: Container) -> bool:
    return container.exit_code == 0


def write(cluster: Cluster, run: PodRun, *, final: bool) -> None:
    """Store the pod's status as it is now; `final`: nothing of it runs any more."""

    def change(pod: Object) -> None:
        _fill(cluster, run, pod, final)

    cluster.change(PODS, run.name, run.namespace, change)


def _fill(cluster: Cluster, run: PodRun, pod: Object, final: bool) -> None:
    status, now = pod["status"], cluster.clock.stamp()
    status["observedGeneration"] = pod["metadata"].get("generation", 1)
    if run.reason or status.get("phase") not in pods.TERMINAL:
        status["phase"] = phase_of(run, final=final)
    if run.reason and final:
        status["reason"], status["message"] = run.reason, run.message
    status.setdefault("startTime", now)
    status["hostIP"] = host_ip(cluster, pod["spec"]["nodeName"])
    status["hostIPs"] = [{"ip": status["hostIP"]}]
    if run.sandbox and any(each.id for each in run.containers):
        status["podIP"], status["podIPs"] = run.ip, [{"ip": run.ip}]
    for group, containers in (("initContainerStatuses", run.inits), ("containerStatuses", run.mains)):
        if containers:
            status[group] = [each.status() for each in containers]
    resources = next((each.spec["resources"] for each in run.mains if each.spec.get("resources")), None)
    if resources:
        status["resources"] = resources
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
    _conditions(run, pod, now, final)


def _conditions(run: PodRun, pod: Object, now: str, final: bool) -> None:
    pods.set_condition(pod, "PodReadyToStartContainers", run.sandbox and not final, now)
    waiting = [each.name for each in run.inits if not _done(each)]
    over = final or bool(run.reason) or all(each.exit_code is not None for each in run.mains)
    good = not any(each.exit_code for each in run.mains) and not run.reason
    if waiting:
        names = " ".join(waiting)
        message = f"containers with incomplete status: [{names}]"
        pods.set_condition(pod, "Initialized", False, now, reason="ContainersNotInitialized", message=message)
    else:
        pods.set_condition(pod, "Initialized", True, now, reason="PodCompleted" if over and good else "")
    lost = all(each.state.get("terminated", {}).get("reason") == "ContainerStatusUnknown" for each in run.mains)
    over = over and not lost
    not_ready = [each.name for each in run.mains if not each.ready]
    for type_ in ("Ready", "ContainersReady"):
        if over and (final or not waiting):
            pods.set_condition(pod, type_, False, now, reason="PodCompleted" if good and not waiting else "PodFailed")
        elif not_ready:
            message = f"containers with unready status: [{' '.join(not_ready)}]"
            pods.set_condition(pod, type_, False, now, reason="ContainersNotReady", message=message)
        else:
            pods.set_condition(pod, type_, True, now)
    pods.set_condition(pod, "PodScheduled", True, now)
    pods.order_conditions(pod)
