"""ResourceQuotas and LimitRanges: what they refuse, and what is used."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.kubernetes import answers, pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import LIMITRANGES, PODS, QUOTAS, Kind
from tests.support.kubernetes.quantities import amount, requested, shown
from tests.support.kubernetes.store import Change, Object

COMPUTE = {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}


class Quotas:
    """Counts by looking at what there is: it is never wrong for long."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def on_change(self, change: Change) -> None:
        namespace = change.name[0]
        if not self._cluster.store.shelf(QUOTAS).by_namespace.get(namespace):
            return
        if change.kind is QUOTAS and change.type == "DELETED":
            return
        self._cluster.loop.soon(self.reconcile, namespace)

    def reconcile(self, namespace: str) -> None:
        for quota in self._cluster.store.all(QUOTAS, namespace):
            hard = quota["spec"]["hard"]
            used = self.used(namespace, hard)

            def change(each: Object, hard: dict[str, str] = hard, used: dict[str, Decimal] = used) -> None:
                shown_used = {name: shown(used[name], name) for name in hard}
                each["status"] = {"hard": dict(hard), "used": shown_used}

            self._cluster.change(QUOTAS, quota["metadata"]["name"], namespace, change)

    def used(self, namespace: str, hard: dict[str, str]) -> dict[str, Decimal]:
        found = dict.fromkeys(hard, Decimal(0))
        for pod in self._cluster.store.all(PODS, namespace):
            if not pods.terminal(pod):
                for name, value in costs(PODS, pod).items():
                    if name in found:
                        found[name] += value
        for name in hard:
            if name.startswith("count/") and name != "count/pods":
                plural, _, group = name.removeprefix("count/").partition(".")
                key = f"{plural}.{group}" if group else plural
                kind = self._cluster.store.kinds.get(key)
                if kind is not None:
                    found[name] = Decimal(len(self._cluster.store.shelf(kind).by_namespace.get(namespace, ())))
        return found

    def check(self, kind: Kind, obj: Object) -> None:
        """Refuse an object that a quota has no room for.

        Raises:
            Refusal: 403.
        """
        namespace = obj["metadata"].get("namespace", "")
        if kind is PODS:
            self._check_ranges(obj)
        cost = costs(kind, obj)
        for quota in self._cluster.store.all(QUOTAS, namespace) if cost and namespace else ():
            self._check_quota(kind, obj, quota, cost)

    def _check_quota(self, kind: Kind, obj: Object, quota: Object, cost: dict[str, Decimal]) -> None:
        hard, name = quota["spec"]["hard"], quota["metadata"]["name"]
        if kind is PODS and (missing := _unsaid(obj, hard)):
            raise answers.forbidden(kind, obj["metadata"]["name"], f"failed quota: {name}: must specify {missing}")
        touched = {each: cost[each] for each in sorted(hard) if cost.get(each)}
        used = self.used(obj["metadata"]["namespace"], hard)
        over = [each for each, value in touched.items() if used[each] + value > amount(hard[each])]
        if not over:
            return
        parts = [
            f"{title}: {','.join(f'{each}={text(each)}' for each in over)}"
            for title, text in (
                ("requested", lambda each: shown(touched[each], each.rpartition(".")[2])),
                ("used", lambda each: shown(used[each], each.rpartition(".")[2])),
                ("limited", lambda each: hard[each]),
            )
        ]
        raise answers.forbidden(kind, obj["metadata"]["name"], f"exceeded quota: {name}, {', '.join(parts)}")

    def _check_ranges(self, pod: Object) -> None:
        for limits in self._cluster.store.all(LIMITRANGES, pod["metadata"]["namespace"]):
            for item in limits["spec"].get("limits") or ():
                if item["type"] == "Container":
                    for container in pod["spec"]["containers"]:
                        self._check_range(pod, container.get("resources") or {}, item)

    def _check_range(self, pod: Object, resources: dict[str, Any], item: dict[str, Any]) -> None:
        for name, most in (item.get("max") or {}).items():
            value = (resources.get("limits") or {}).get(name)
            if value is not None and amount(value) > amount(most):
                why = f"maximum {name} usage per Container is {most}, but limit is {value}"
                raise answers.forbidden(PODS, pod["metadata"]["name"], why)

    def fill(self, pod: Object) -> None:
        """Defaults of LimitRanges."""
        for limits in self._cluster.store.all(LIMITRANGES, pod["metadata"]["namespace"]):
            for item in limits["spec"].get("limits") or ():
                if item["type"] != "Container":
                    continue
                for container in pod["spec"]["containers"]:
                    resources = container.setdefault("resources", {})
                    for part, field in (("limits", "default"), ("requests", "defaultRequest")):
                        for name, value in (item.get(field) or {}).items():
                            resources.setdefault(part, {}).setdefault(name, value)


def costs(kind: Kind, obj: Object) -> dict[str, Decimal]:
    """Names of quota resources → what one object takes of them."""
    found = {f"count/{kind.qualified}": Decimal(1)}
    if kind is PODS:
        found["pods"] = Decimal(1)
        for part in ("requests", "limits"):
            for name, value in requested(obj["spec"], part).items():
                found[f"{part}.{name}"] = value
                if part == "requests" and name in {"cpu", "memory"}:
                    found[name] = value
    elif kind.plural in {"services", "secrets", "configmaps", "persistentvolumeclaims"}:
        found[kind.plural] = Decimal(1)
    return found


def _unsaid(pod: Object, hard: dict[str, str]) -> str:
    """Which compute resources that are limited a pod's containers leave out."""
    parts = []
    for name in sorted(COMPUTE & set(hard)):
        part, _, resource = name.rpartition(".")
        lacking = [
            each["name"]
            for each in pod["spec"]["containers"]
            if resource not in (each.get("resources", {}).get(part or "requests") or {})
        ]
        if lacking:
            parts.append(f"{name} for: {','.join(lacking)}")
    return "; ".join(parts)
