"""The pods of all nodes, as their kubelets keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.kubernetes import podstatus
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.containers import Container, Runtime
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.loop import Timer
from tests.support.kubernetes.store import Object


class PodRun:
    """One pod on one node."""

    def __init__(self, pod: Object, runtime: Runtime, number: int) -> None:
        self.pod = pod
        self.runtime = runtime
        self.uid: str = pod["metadata"]["uid"]
        self.namespace: str = pod["metadata"]["namespace"]
        self.name: str = pod["metadata"]["name"]
        spec = pod["spec"]
        self.inits = [Container(each, init=True) for each in spec.get("initContainers") or ()]
        self.mains = [Container(each, init=False) for each in spec["containers"]]
        self.ip = runtime.address(pod, number)
        self.sandbox = False
        self.stopping = False
        self.reason = ""
        """Of the pod's status, where the kubelet ends it: `Evicted`, `DeadlineExceeded`."""
        self.message = ""
        self.kill_timer: Timer | None = None
        self.over = False

    @property
    def containers(self) -> list[Container]:
        return [*self.inits, *self.mains]

    def find(self, name: str) -> Container | None:
        return next((each for each in self.containers if each.name == name), None)


class PodRuns:
    """Finds a pod's run, and writes and tells of it."""

    def __init__(self, cluster: Cluster, runtime_for: Callable[[Object], Runtime]) -> None:
        self._cluster, self._runtime_for = cluster, runtime_for
        self.runs: dict[str, PodRun] = {}
        self.dead_nodes: set[str] = set()
        """Nodes whose kubelet says nothing more; their containers go on."""

    def lost(self, pod: Object) -> bool:
        return pod["spec"].get("nodeName") in self.dead_nodes

    def _run(self, uid: str) -> PodRun | None:
        """The run of a pod that is still there and whose kubelet is alive."""
        run = self.runs.get(uid)
        if run is None or run.over:
            return None
        pod = self._cluster.store.get(PODS, run.name, run.namespace)
        if pod is None or pod["metadata"]["uid"] != uid or self.lost(pod):
            return None
        run.pod = pod
        return run

    def event(self, run: PodRun, reason: str, message: str, container: Container | None = None, **more: Any) -> None:
        part = ""
        if container is not None:
            part = f"spec.{'initContainers' if container.init else 'containers'}{{{container.name}}}"
        host = run.pod["spec"]["nodeName"]
        self._cluster.events.write(PODS, run.pod, reason, message, by="kubelet", host=host, part=part, **more)

    def write(self, run: PodRun) -> None:
        podstatus.write(self._cluster, run, final=False)
