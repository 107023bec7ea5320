"""The Kubernetes backend over the fake cluster, as the conformance suite drives it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Change
from tests.support.waiting import until
from tests.workers.backends.conformance import Harness
from tests.workers.backends.jobs import server, shell
from workers.backends.base import Backend
from workers.backends.kubernetes import names
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.connection import ClusterConnection, connection_from_kubeconfig
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import Phase
from workers.contracts.specs import JobSpec, ServingSpec

NAME = "kubernetes/lab"
SITE = ClusterSite(
    installation="0193f000-0000-7000-8000-000000000001",
    cluster="lab",
    runtime_image="registry.example.com/bedplate-runtime:1.0",
    api_url="https://bedplate.example.com",
)
NODES = (NodeSpec("node-1", gpus=8), NodeSpec("node-2", gpus=8))


class Starts:
    """Which pods of which attempt really ran their program."""

    def __init__(self, cluster: KubernetesServer) -> None:
        self.pods: dict[str, set[str]] = defaultdict(set)
        cluster.store.listeners.append(self._on_change)

    def _on_change(self, change: Change) -> None:
        obj = change.obj
        if change.kind != PODS or obj is None:
            return
        for status in (obj.get("status") or {}).get("containerStatuses") or ():
            if status["name"] == names.MAIN and {"running", "terminated"} & set(status["state"]):
                self.pods[obj["metadata"]["labels"].get(names.ATTEMPT, "")].add(obj["metadata"]["uid"])


class KubernetesHarness(Harness):
    def __init__(self, cluster: KubernetesServer) -> None:
        self.cluster = cluster
        cluster.kubelet.removal_seconds = 0.5  # as a real one: until then a pod says how its program ended
        self._starts = Starts(cluster)
        self.backend: KubernetesBackend = self._backend()
        self._backends = [self.backend]

    def _backend(self) -> KubernetesBackend:
        return KubernetesBackend(NAME, self.connection(), SITE)

    def connection(self) -> ClusterConnection:
        return connection_from_kubeconfig(self.cluster.kubeconfig())

    def restarted(self) -> Backend:
        return self._kept(self._backend())

    def quick(self) -> KubernetesBackend:
        """One that gives up soon."""
        return self._kept(KubernetesBackend(NAME, self.connection(), SITE, patience_seconds=0.5))

    def as_account(self, account: str, rules: Sequence[Mapping[str, Any]], **changes: Any) -> KubernetesBackend:
        """One whose account has these rights only; `changes` are of the site."""
        text = self.cluster.kubeconfig(self.cluster.token(account, rules=rules))
        return self._kept(KubernetesBackend(NAME, connection_from_kubeconfig(text), replace(SITE, **changes)))

    def in_namespace(self, account: str, rules: Sequence[Mapping[str, Any]], namespace: str) -> KubernetesBackend:
        """One whose account has rights in one namespace only."""
        text = self.cluster.kubeconfig(self.cluster.token(account, rules=rules, namespace=namespace))
        return self._kept(KubernetesBackend(NAME, connection_from_kubeconfig(text), SITE))

    def _kept(self, backend: KubernetesBackend) -> KubernetesBackend:
        self._backends.append(backend)
        return backend

    def see_by(self, backend: Backend, handle: JobHandle, phase: Phase) -> None:
        until(lambda: backend.observe([handle])[0].phase is phase, timeout_seconds=15, what=f"{phase}")

    def close(self) -> None:
        for backend in self._backends:
            backend.close()

    def _plan(self, launch: LaunchContext, plan: Plan) -> None:
        self.cluster.plan(plan, labels={names.ATTEMPT: launch.attempt_id})

    def _job(self, launch: LaunchContext, plan: Plan) -> JobSpec:
        self._plan(launch, plan)
        return shell("true")

    def ending(self, launch: LaunchContext, exit_code: int) -> JobSpec:
        report = json.dumps({"exit_code": exit_code, "reason": "", "result": {"answer": 42}})
        return self._job(launch, Plan(seconds=0.3, exit_code=exit_code, message=report))

    def running(self, launch: LaunchContext) -> JobSpec:
        return self._job(launch, Plan())

    def stubborn(self, launch: LaunchContext) -> JobSpec:
        return self._job(launch, Plan(term_exit=None))

    def printing(self, launch: LaunchContext, text: str) -> JobSpec:
        return self._job(launch, Plan(log=text))

    def serving(self, launch: LaunchContext) -> ServingSpec:
        self._plan(launch, Plan(ready_after=1.1))  # no probe of a real node is quicker
        return server()

    def started_attempts(self) -> set[str]:
        """Those of which anything ever ran."""
        return {attempt_id for attempt_id, pods in self._starts.pods.items() if pods}

    def starts(self, launch: LaunchContext) -> int:
        return len(self._starts.pods[launch.attempt_id])
