"""The fake Kubernetes cluster as tests use it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from tests.support.kubernetes.api import Api
from tests.support.kubernetes.budgets import Budgets
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.containers import Container, Runtime
from tests.support.kubernetes.customkinds import CustomKinds
from tests.support.kubernetes.deployments import Deployments
from tests.support.kubernetes.garbage import Garbage
from tests.support.kubernetes.http import Listener, Request
from tests.support.kubernetes.jobs import Jobs
from tests.support.kubernetes.kinds import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    CONFIGMAPS,
    EVENTS,
    NAMESPACES,
    PODS,
    ROLEBINDINGS,
    ROLES,
    SERVICEACCOUNTS,
    Kind,
)
from tests.support.kubernetes.kubeconfigs import kubeconfig
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.kubelet_process import ProcessRuntime
from tests.support.kubernetes.kubelet_scripted import ScriptedRuntime
from tests.support.kubernetes.nodes import Nodes, NodeSpec
from tests.support.kubernetes.plans import Choice, Plan
from tests.support.kubernetes.podmaker import PodMaker
from tests.support.kubernetes.podruns import PodRun
from tests.support.kubernetes.rbac import AUDIENCE
from tests.support.kubernetes.replicasets import ReplicaSets
from tests.support.kubernetes.scheduler import Scheduler
from tests.support.kubernetes.services import Services
from tests.support.kubernetes.store import Object, copied
from tests.support.kubernetes.tls import Authority, Pair

ONE_NODE = (NodeSpec("node-1", gpus=8),)
ALL = ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},)


class KubernetesServer:
    """A cluster with an API server on a port of its own; a context manager.

    Its controllers and kubelets run in one thread; `settle` waits until they have nothing to do. `close` raises what
    went wrong in them.
    """

    def __init__(self, nodes: Sequence[NodeSpec] = ONE_NODE, *, processes: bool = False) -> None:
        """`processes`: containers are processes of this machine, unless `scripted_if` says otherwise of a pod."""
        self._folder = Path(tempfile.mkdtemp(prefix="kubernetes-"))
        self.cluster = Cluster()
        self.store, self.clock, self.loop = self.cluster.store, self.cluster.clock, self.cluster.loop
        self.scripted = ScriptedRuntime(self.cluster)
        self.kubelet = Kubelet(self.cluster, self._runtime_for)
        self.api = Api(self.cluster, self.kubelet)
        self.processes = ProcessRuntime(
            self.cluster, self._folder / "pods", self._projected_token, self.kubelet.set_ready
        )
        self.scripted_if: Callable[[Object], bool] = lambda pod: not processes
        self.faults, self.proxied = self.api.faults, self.api.proxy.pages
        self.nodes = Nodes(self.cluster, self.kubelet)
        self.scheduler = Scheduler(self.cluster)
        maker = PodMaker(self.cluster, self.api.writer.admission)
        self.jobs = Jobs(self.cluster, maker)
        self.replicasets = ReplicaSets(self.cluster, maker)
        self.deployments = Deployments(self.cluster)
        self.services = Services(self.cluster)
        self.budgets = Budgets(self.cluster)
        self.garbage = Garbage(self.cluster)
        self.custom = CustomKinds(self.cluster)
        self.store.listeners += [
            self.scheduler.on_change, self.kubelet.on_change, self.jobs.on_change,
            self.replicasets.on_change, self.deployments.on_change, self.services.on_change, self.nodes.on_change,
            self.budgets.on_change, self.api.writer.admission.quotas.on_change,
            self.garbage.on_change, self.custom.on_change,
        ]  # fmt: skip
        self.authority = Authority()
        self.ca_pem = self.authority.pem
        self._listener = Listener(self.authority.context(self._folder), self.api.answer, self.clock.http_date)
        self.url = f"https://127.0.0.1:{self._listener.port}"
        for name in ("default", "kube-system"):
            self.namespace(name)
        for node in nodes:
            self.nodes.add(node)

    def _runtime_for(self, pod: Object) -> Runtime:
        return self.scripted if self.scripted_if(pod) else self.processes

    def _projected_token(self, pod: Object, asked: Mapping[str, Any]) -> str:
        metadata = pod["metadata"]
        account = self.store.get(SERVICEACCOUNTS, pod["spec"]["serviceAccountName"], metadata["namespace"])
        assert account is not None
        audiences = (asked["audience"],) if asked.get("audience") else (AUDIENCE,)
        bound = {"kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        return self.api.subresources.account_token(account, asked.get("expirationSeconds", 3600), audiences, bound)

    def __enter__(self) -> KubernetesServer:
        self.loop.start()
        self._listener.start()
        self.settle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything; raises the first error of a controller."""
        self.faults.closing.set()
        self._listener.close()
        self.faults.close_watches()
        self.loop.close()
        self.processes.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if failures := [*self.loop.failures, *self.api.failures]:
            raise failures[0]

    def settle(self, timeout_seconds: float = 30) -> None:
        """Wait until controllers and kubelets have nothing left to do at this time of the clock."""
        self.loop.settle(timeout_seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass for the cluster, step by step, so that what is due in between happens in its order."""
        target = self.clock.now() + seconds
        self.settle()
        while (due := self.loop.next_due()) is not None and due <= target:
            self.clock.advance(max(0.0, due - self.clock.now()))
            self.settle()
        self.clock.advance(max(0.0, target - self.clock.now()))
        self.settle()

    # ── who may ask ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def admin_token(self) -> str:
        return self.api.access.admin

    def token(
        self, name: str = "bedplate", rules: Sequence[Mapping[str, Any]] = ALL, namespace: str = "",
        account_namespace: str = "default",
    ) -> str:  # fmt: skip
        """A token of a new ServiceAccount with these rules, in one namespace or (empty) in the whole cluster."""
        with self.store.lock:
            if self.store.get(SERVICEACCOUNTS, name, account_namespace) is None:
                self.cluster.add(SERVICEACCOUNTS, {"metadata": {"name": name}}, account_namespace)
            self.allow(name, rules, namespace, account_namespace)
            account = self.store.get(SERVICEACCOUNTS, name, account_namespace)
            assert account is not None
            return self.api.subresources.account_token(account, 10**8)

    def allow(
        self, name: str, rules: Sequence[Mapping[str, Any]], namespace: str = "", account_namespace: str = "default"
    ) -> None:
        """Replace the rules that a ServiceAccount of `token` has, in one namespace or in the whole cluster."""
        role_kind, binding_kind = (ROLES, ROLEBINDINGS) if namespace else (CLUSTERROLES, CLUSTERROLEBINDINGS)
        with self.store.lock:
            for kind in (role_kind, binding_kind):
                self.store.remove(kind, name, namespace)
            role = {"metadata": {"name": name}, "rules": [copied(dict(rule)) for rule in rules]}
            self.cluster.add(role_kind, role, namespace)
            subject = {"kind": "ServiceAccount", "name": name, "namespace": account_namespace}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind.kind, "name": name}
            binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": reference}
            self.cluster.add(binding_kind, binding, namespace)

    def certificate(self, user: str, groups: tuple[str, ...] = ("system:masters",)) -> Pair:
        """A client certificate; by default of an administrator."""
        return self.authority.client(user, groups)

    def kubeconfig(self, token: str = "", pair: Pair | None = None, namespace: str = "default") -> str:
        """YAML with one context; without arguments the administrator's."""
        return kubeconfig(self.url, self.ca_pem, token or self.admin_token, pair, namespace)

    # ── scenes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """A namespace with its default ServiceAccount, at once."""
        named = {"kubernetes.io/metadata.name": name, **(labels or {})}
        made = {"metadata": {"name": name, "labels": named}, "spec": {"finalizers": ["kubernetes"]}}
        with self.store.lock:
            self.cluster.add(SERVICEACCOUNTS, {"metadata": {"name": "default"}}, name)
            certificate = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": self.ca_pem}}
            self.cluster.add(CONFIGMAPS, certificate, name)
            self.cluster.add(NAMESPACES, {**made, "status": {"phase": "Active"}})

    def register(self, kind: Kind) -> Kind:
        """A kind of a CustomResourceDefinition; `Kind(group, version, plural, kind, custom=True)`."""
        self.cluster.kinds.add(kind)
        return kind

    def plan(
        self, plan: Plan, *, labels: Mapping[str, str] | None = None, name: str = "", container: str = "",
        attempt: int | None = None, restart: int | None = None, when: Callable[[Object], bool] = lambda pod: True,
    ) -> None:  # fmt: skip
        """What containers do from now on; a later plan goes before an earlier one. See `Choice`."""
        self.scripted.choices.append(Choice(plan, labels or {}, name, container, attempt, restart, when))

    def create(self, kind: Kind, manifest: Object, namespace: str = "default") -> Object:
        """As an administrator's POST: with defaults, admission and validation. Controllers follow in their own time.

        Raises:
            AssertionError: it was refused, with the server's words.
        """
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        place = f"/namespaces/{namespace}" if kind.namespaced else ""
        headers = {"authorization": f"Bearer {self.admin_token}", "content-type": "application/json"}
        body = msgspec.json.encode(manifest)
        response = self.api.answer(Request("POST", f"{root}{place}/{kind.plural}", {}, headers, body))
        answer: Object = msgspec.json.decode(response.body)
        assert response.status == 201, answer["message"]
        return answer

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        """A copy of an object that must be there."""
        with self.store.lock:
            found = self.store.get(kind, name, namespace)
            assert found is not None, f"no {kind.qualified} {namespace}/{name}"
            return copied(found)

    def all(self, kind: Kind, namespace: str = "") -> list[Object]:
        """Copies of all objects of a kind."""
        return [copied(obj) for obj in self.store.all(kind, namespace)]

    def all_events(self, namespace: str = "") -> list[Object]:
        return self.all(EVENTS, namespace)

    def pod_of(self, job: str, index: int = 0, namespace: str = "default") -> Object:
        """The newest pod of a Job's index."""
        labels = {"batch.kubernetes.io/job-name": job, "batch.kubernetes.io/job-completion-index": str(index)}
        found = [pod for pod in self.all(PODS, namespace) if labels.items() <= pod["metadata"]["labels"].items()]
        return max(found, key=lambda pod: int(pod["metadata"]["resourceVersion"]))

    def exit(
        self, pod: Object, code: int = 0, *, container: str = "", reason: str = "", message: str = "", log: str = ""
    ) -> None:
        """End a running container of the scripted kubelet now."""
        with self.store.lock:
            _, found = self._running(pod, container)
            self.scripted.exit(found, code, reason, message, log)
        self.settle()

    def print(self, pod: Object, text: str, *, container: str = "", stream: str = "stdout") -> None:
        """Let a container print."""
        with self.store.changed:
            _, found = self._running(pod, container)
            if found.log is not None:
                found.log.add(self.clock.nano(), stream, text.encode())
            self.store.changed.notify_all()

    def set_ready(self, pod: Object, ready: bool, *, container: str = "") -> None:
        """What the readiness probe says from now on."""
        with self.store.lock:
            run, found = self._running(pod, container)
            self.kubelet.set_ready(run.uid, found, ready)
        self.settle()

    def _running(self, pod: Object, container: str) -> tuple[PodRun, Container]:
        run = self.kubelet.runs[pod["metadata"]["uid"]]
        found = run.find(container) if container else run.mains[0]
        assert found is not None, f"no container {container}"
        return run, found

    # ── outages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def away(self, away: bool = True) -> None:
        """Refuse every connection, as a server that is down; False: come back."""
        if away:
            self._listener.leave()
        else:
            self._listener.come_back()

    def drop_connections(self) -> None:
        """Close every open connection now."""
        self._listener.drop_all()
