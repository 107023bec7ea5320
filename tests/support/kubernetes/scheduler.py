"""The scheduler: which node a pod goes to, and why it goes nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import CLAIMS, NODES, PODS
from tests.support.kubernetes.preemption import take, victims
from tests.support.kubernetes.quantities import amount, requested
from tests.support.kubernetes.selectors import expression_matches
from tests.support.kubernetes.store import Change, Object


class Scheduler:
    """One pod at a time, on the node with the most room left."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: dict[str, tuple[str, str]] = {}
        self._used: dict[str, dict[str, Decimal]] = {}
        self._counted: dict[str, tuple[str, dict[str, Decimal]]] = {}

    def on_change(self, change: Change) -> None:
        if change.kind is PODS:
            self._account(change)
            pod = change.obj
            if change.type != "DELETED" and not pod["spec"].get("nodeName") and not pods.terminal(pod):
                if change.type == "ADDED":
                    self._cluster.loop.soon(self.schedule, *change.name)
            elif pod["metadata"]["uid"] in self._waiting:
                self._waiting.pop(pod["metadata"]["uid"], None)
        elif change.kind in {NODES, CLAIMS}:
            self._retry()

    def _account(self, change: Change) -> None:
        pod = change.obj
        uid = pod["metadata"]["uid"]
        node = pod["spec"].get("nodeName", "")
        counts = bool(node) and change.type != "DELETED" and not pods.terminal(pod)
        if counts and uid not in self._counted:
            need = requested(pod["spec"])
            need["pods"] = Decimal(1)
            self._counted[uid] = (node, need)
            used = self._used.setdefault(node, {})
            for name, value in need.items():
                used[name] = used.get(name, Decimal(0)) + value
        elif not counts and uid in self._counted:
            node, need = self._counted.pop(uid)
            for name, value in need.items():
                self._used[node][name] -= value
            self._retry()

    def _retry(self) -> None:
        for namespace, name in self._waiting.values():
            self._cluster.loop.soon(self.schedule, namespace, name)

    def free(self, node: Object) -> dict[str, Decimal]:
        used = self._used.get(node["metadata"]["name"], {})
        allocatable = node["status"].get("allocatable") or {}
        return {name: amount(value) - used.get(name, Decimal(0)) for name, value in allocatable.items()}

    def schedule(self, namespace: str, name: str) -> None:
        pod = self._cluster.store.get(PODS, name, namespace)
        if pod is None or pod["spec"].get("nodeName") or pods.terminal(pod):
            return
        if pod["metadata"].get("deletionTimestamp") or pod["spec"].get("schedulingGates"):
            return
        nodes = self._cluster.store.all(NODES)
        problem = self._claim(pod)
        why = {node["metadata"]["name"]: self._unfit(pod, node) for node in nodes}
        fitting = [node for node in nodes if not why[node["metadata"]["name"]]]
        if not fitting or problem:
            if problem or not self._preempt(pod, nodes, why):
                self._unschedulable(pod, nodes, why, problem)
            return
        self._waiting.pop(pod["metadata"]["uid"], None)
        best = max(
            fitting,
            key=lambda node: (
                _preference(pod["spec"], node),
                self.free(node).get("nvidia.com/gpu", 0),
                self.free(node).get("cpu", 0),
            ),
        )
        self.bind(namespace, name, best["metadata"]["name"])

    def _preempt(self, pod: Object, nodes: list[Object], why: Mapping[str, list[str]]) -> bool:
        """Take pods of lower priority away on the node where the fewest do; whether there is such a node."""
        if pod["spec"].get("preemptionPolicy") == "Never":
            return False
        found = []
        for node in nodes:
            name = node["metadata"]["name"]
            if all(each.startswith(("Insufficient", "Too many")) for each in why[name]):
                chosen = victims(self._cluster, pod, node, self.free(node))
                if chosen is not None:
                    found.append((len(chosen), name, chosen))
        if not found:
            return False
        _, name, chosen = min(found, key=lambda each: each[:2])
        message = f"0/{len(nodes)} nodes are available: {counted(why)}."
        self._wait(pod, message, nominated=name)
        for victim in chosen:
            take(self._cluster, victim, pod)
        return True

    def bind(self, namespace: str, name: str, node: str) -> None:
        now = self._cluster.clock.stamp()

        def change(pod: Object) -> None:
            pod["spec"]["nodeName"] = node
            pods.set_condition(pod, "PodScheduled", True, now)

        after = self._cluster.change(PODS, name, namespace, change)
        if after is not None:
            told = f"Successfully assigned {namespace}/{name} to {node}"
            self._cluster.events.write_scheduler(after, "Scheduled", told, "Binding")

    def _claim(self, pod: Object) -> str:
        for volume in pod["spec"].get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
            if claim and self._cluster.store.get(CLAIMS, claim, pod["metadata"]["namespace"]) is None:
                return f'persistentvolumeclaim "{claim}" not found. not found'
        return ""

    def _unfit(self, pod: Object, node: Object) -> list[str]:
        """Why a node does not do, in the scheduler's words; empty: it does."""
        if node.get("spec", {}).get("unschedulable"):
            return ["node(s) were unschedulable"]
        if untolerated(pod, node, {"NoSchedule", "NoExecute"}):
            return ["node(s) had untolerated taint(s)"]
        if not _selected(pod["spec"], node):
            return ["node(s) didn't match Pod's node affinity/selector"]
        free = self.free(node)
        need = {**requested(pod["spec"]), "pods": Decimal(1)}
        return [
            "Too many pods" if name == "pods" else f"Insufficient {name}"
            for name, value in sorted(need.items())
            if value and value > free.get(name, Decimal(0))
        ]

    def _unschedulable(self, pod: Object, nodes: list[Object], why: Mapping[str, list[str]], problem: str) -> None:
        if problem:
            message = f"0/{len(nodes)} nodes are available: {problem}"
        elif not nodes:
            message = "no nodes available to schedule pods"
        else:
            message = unschedulable_message(why, self._unsolvable(pod, nodes, why))
        self._wait(pod, message)

    def _wait(self, pod: Object, message: str, nominated: str = "") -> None:
        first = pod["metadata"]["uid"] not in self._waiting
        self._waiting[pod["metadata"]["uid"]] = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        known = pods.condition(pod, "PodScheduled")
        if not first and known is not None and known.get("message") == message:
            return
        now = self._cluster.clock.stamp()
        self._cluster.events.write_scheduler(pod, "FailedScheduling", message, "Scheduling", warning=True)

        def change(each: Object) -> None:
            seen = each["metadata"].get("generation", 1)
            pods.set_condition(
                each, "PodScheduled", False, now, reason="Unschedulable", message=message, generation=seen
            )
            if nominated:
                each["status"]["nominatedNodeName"] = nominated

        self._cluster.change(PODS, pod["metadata"]["name"], pod["metadata"]["namespace"], change)

    def _unsolvable(self, pod: Object, nodes: list[Object], why: Mapping[str, list[str]]) -> set[str]:
        """Nodes where even an empty machine would not do."""
        need = requested(pod["spec"])
        found = set()
        for node in nodes:
            name = node["metadata"]["name"]
            if not all(each.startswith(("Insufficient", "Too many")) for each in why[name]) or any(
                value > amount((node["status"].get("allocatable") or {}).get(key, "0")) for key, value in need.items()
            ):
                found.add(name)
        return found


def counted(why: Mapping[str, list[str]]) -> str:
    """`1 Insufficient cpu, 2 node(s) were unschedulable`."""
    counts = Counter(reason for reasons in why.values() for reason in reasons)
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))


def unschedulable_message(why: Mapping[str, list[str]], unsolvable: set[str]) -> str:
    """As the event and the condition say it."""
    total = len(why)
    parts = counted(why)
    victims = total - len(unsolvable)
    more = []
    if victims:
        more.append(f"{victims} No preemption victims found for incoming pod")
    if unsolvable:
        more.append(f"{len(unsolvable)} Preemption is not helpful for scheduling")
    told = f"preemption: 0/{total} nodes are available: {', '.join(more)}."
    return f"0/{total} nodes are available: {parts}. no new claims to deallocate, {told}"


def untolerated(pod: Object, node: Object, effects: set[str]) -> dict[str, Any] | None:
    """The first taint of these effects that the pod does not tolerate."""
    for taint in node.get("spec", {}).get("taints") or ():
        if taint["effect"] in effects and not any(
            tolerates(each, taint) for each in pod["spec"].get("tolerations") or ()
        ):
            found: dict[str, Any] = taint
            return found
    return None


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def _selected(spec: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_matches(term, node) for term in required.get("nodeSelectorTerms") or ())


def _matches(term: Mapping[str, Any], node: Object) -> bool:
    """One term of node affinity; an empty one matches nothing."""
    labels, fields = node["metadata"].get("labels") or {}, {"metadata.name": node["metadata"]["name"]}
    expressions, named = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not named:
        return False
    return all(expression_matches(each, labels) for each in expressions) and all(
        expression_matches(each, fields) for each in named
    )


def _preference(spec: Object, node: Object) -> int:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(int(each["weight"]) for each in preferred if _matches(each["preference"], node))
