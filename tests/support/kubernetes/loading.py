"""Many running Jobs at once, put straight into the store: for benchmarks and for tests with a large cluster."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from tests.support.kubernetes import jobpods, pods
from tests.support.kubernetes.containers import Container
from tests.support.kubernetes.defaults import fill, job_identity
from tests.support.kubernetes.kinds import JOBS, NODES, PODS
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object, copied

Manifest = Callable[[int], Object]
"""Number of a job → its Job, as a request would have had it."""


def load(server: KubernetesServer, count: int, manifest: Manifest, namespace: str = "default") -> list[Object]:
    """Jobs whose pods run, one pod for each index, spread over the nodes; nothing of them was scheduled or started.

    They have no container that could be ended by `server.exit`; a DELETE takes them away at once. Watchers see them as
    they see any other object. Returns the Jobs. Python's collector does not look at them again: ten thousand jobs are
    some millions of objects.
    """
    gc.disable()
    try:
        return _loaded(server, count, manifest, namespace)
    finally:
        gc.freeze()
        gc.enable()


def _loaded(server: KubernetesServer, count: int, manifest: Manifest, namespace: str) -> list[Object]:
    cluster, nodes = server.cluster, [node["metadata"]["name"] for node in server.store.all(NODES)]
    made = []
    with server.store.lock:
        listeners = list(server.store.listeners)
        server.store.listeners[:] = [server.scheduler.on_change]
        for number in range(count):
            made.append(_job(server, copied(manifest(number)), namespace))
            for index in range(made[-1]["spec"]["completions"]):
                pod = cluster.made(PODS, jobpods.pod_for(made[-1], index), namespace)
                server.api.writer.default(PODS, pod)
                server.store.put(PODS, _running(server, pod, nodes[(number + index) % len(nodes)], number + index))
        server.store.listeners[:] = listeners
    return made


def _job(server: KubernetesServer, job: Object, namespace: str) -> Object:
    for field in ("kind", "apiVersion"):
        job.pop(field, None)
    made = server.cluster.made(JOBS, job, namespace)
    fill(JOBS, made, server.api.writer.cluster_ip)
    job_identity(made)
    count = made["spec"]["completions"]
    made["status"] = {
        "startTime": server.clock.stamp(), "active": count, "terminating": 0, "uncountedTerminatedPods": {},
        "ready": count,
    }  # fmt: skip
    return server.store.put(JOBS, made)


def _running(server: KubernetesServer, pod: Object, node: str, number: int) -> Object:
    now = server.clock.stamp()
    pod["spec"] |= {"nodeName": node, "serviceAccountName": "default", "priority": 0}
    pod["status"] = {"observedGeneration": 1, "phase": "Running", "startTime": now, "qosClass": "Burstable"}
    for type_ in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"):
        pods.set_condition(pod, type_, True, now)
    address = f"10.{number // 65000 % 250}.{number // 250 % 250}.{number % 250 + 1}"
    pod["status"] |= {"podIP": address, "podIPs": [{"ip": address}], "hostIP": "10.250.0.1"}
    for group, part, init in (
        ("initContainerStatuses", "initContainers", True),
        ("containerStatuses", "containers", False),
    ):
        statuses = [_status(each, init, now) for each in pod["spec"].get(part) or ()]
        if statuses:
            pod["status"][group] = statuses
    return pod


def _status(spec: dict[str, Any], init: bool, now: str) -> dict[str, Any]:
    container = Container(spec, init=init, ready=not init, started=not init, id="containerd://0", image_id="sha256:0")
    if init:
        ended = {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
        container.state = {"terminated": ended}
    else:
        container.state = {"running": {"startedAt": now}}
    return container.status()
