"""The Deployment controller: a ReplicaSet for each template, and the way from one to the next."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes.clock import seconds_of
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import DEPLOYMENTS, REPLICASETS
from tests.support.kubernetes.replicasets import adopt
from tests.support.kubernetes.rollouts import find, limits, numbers, progress, set_condition, template_hash
from tests.support.kubernetes.store import Change, Object, copied

HASH, REVISION = "pod-template-hash", "deployment.kubernetes.io/revision"
BY = "deployment-controller"


class Deployments:
    """One Deployment at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def on_change(self, change: Change) -> None:
        if change.kind is DEPLOYMENTS and change.type != "DELETED":
            self._cluster.loop.soon(self.reconcile, *change.name)
        elif change.kind is REPLICASETS:
            for owner in change.obj["metadata"].get("ownerReferences", ()):
                if owner["kind"] == "Deployment":
                    self._cluster.loop.soon(self.reconcile, change.name[0], owner["name"])

    def reconcile(self, namespace: str, name: str) -> None:
        found = self._cluster.store.get(DEPLOYMENTS, name, namespace)
        if found is None:
            return
        if not found["metadata"].get("deletionTimestamp"):
            adopt(self._cluster, found)
            current = self._current(found)
            if current is None:
                current = self._new(found)
            else:
                self._again(found, current)
            if self._cluster.store.get(DEPLOYMENTS, name, namespace) is None:
                return
            if found["spec"]["strategy"]["type"] == "Recreate":
                self._recreate(found, current)
            else:
                self._roll(found, current)
            self._clean(found, current)
        self._write(namespace, name)

    def _sets(self, found: Object) -> list[Object]:
        return self._cluster.store.owned_by(found["metadata"]["uid"], REPLICASETS)

    def _current(self, found: Object) -> Object | None:
        wanted = template_hash(found)
        return next((each for each in self._sets(found) if each["metadata"]["labels"].get(HASH) == wanted), None)

    def _new(self, found: Object) -> Object:
        metadata, template, hashed = found["metadata"], copied(found["spec"]["template"]), template_hash(found)
        labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH: hashed}
        template.setdefault("metadata", {})["labels"] = labels
        selector = copied(found["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH] = hashed
        revision = 1 + max((int(each["metadata"]["annotations"][REVISION]) for each in self._sets(found)), default=0)
        owner = {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"],
            "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip
        name = f"{metadata['name']}-{hashed}"
        first = not self._sets(found)
        replicas = self._first_size(found)
        made = self._cluster.add(
            REPLICASETS,
            {
                "metadata": {
                    "name": name,
                    "labels": labels,
                    "annotations": {REVISION: str(revision)},
                    "ownerReferences": [owner],
                },
                "spec": {"replicas": replicas, "selector": selector, "template": template},
                "status": {"replicas": 0},
            },
            metadata["namespace"],
        )
        if replicas:
            self._event(found, f"Scaled up replica set {name} from 0 to {replicas}")
        now = self._cluster.clock.stamp()

        def change(each: Object) -> None:
            each["metadata"].setdefault("annotations", {})[REVISION] = str(revision)
            status = each.setdefault("status", {})
            message = f'Created new replica set "{name}"'
            set_condition(status, "Progressing", "True", "NewReplicaSetCreated", message, now)

        self._cluster.change(DEPLOYMENTS, metadata["name"], metadata["namespace"], change)
        if first:
            self._cluster.loop.later(
                found["spec"]["progressDeadlineSeconds"] + 1, self.reconcile, metadata["namespace"], metadata["name"]
            )
        return made

    def _again(self, found: Object, current: Object) -> None:
        """An older template is wanted again: its ReplicaSet gets the next revision."""
        newest = max(int(each["metadata"]["annotations"][REVISION]) for each in self._sets(found))
        if int(current["metadata"]["annotations"][REVISION]) == newest:
            return

        def change(each: Object) -> None:
            each["metadata"].setdefault("annotations", {})[REVISION] = str(newest + 1)

        for kind, one in ((REPLICASETS, current), (DEPLOYMENTS, found)):
            self._cluster.change(kind, one["metadata"]["name"], one["metadata"]["namespace"], change)

    def _first_size(self, found: Object) -> int:
        spec, sets = found["spec"], self._sets(found)
        if spec["strategy"]["type"] == "Recreate":
            return 0 if any(each["status"].get("replicas") for each in sets) else int(spec["replicas"])
        surge, _ = limits(spec)
        total = sum(each["spec"]["replicas"] for each in sets)
        return int(max(0, min(spec["replicas"], spec["replicas"] + surge - total)))

    def _recreate(self, found: Object, current: Object) -> None:
        others = [each for each in self._sets(found) if each["metadata"]["uid"] != current["metadata"]["uid"]]
        for each in others:
            self._scale(found, each, 0)
        gone = not any(each["status"].get("replicas") or each["status"].get("terminatingReplicas") for each in others)
        if gone:
            self._scale(found, current, found["spec"]["replicas"])

    def _roll(self, found: Object, current: Object) -> None:
        spec = found["spec"]
        wanted = spec["replicas"]
        surge, unavailable = limits(spec)
        uid = current["metadata"]["uid"]
        others = [each for each in self._sets(found) if each["metadata"]["uid"] != uid]
        old = sum(each["spec"]["replicas"] for each in others)
        if not old:
            self._scale(found, current, wanted)
            return
        size = current["spec"]["replicas"]
        if size > wanted:
            self._scale(found, current, wanted)
        elif size < wanted:
            room = wanted + surge - old - size
            self._scale(found, current, min(wanted, size + max(0, room)))
        self._shrink(found, current, others, wanted - unavailable)

    def _shrink(self, found: Object, current: Object, others: list[Object], least: int) -> None:
        """Take old replicas away: those that are not ready first, then what may be spared."""
        for each in others:
            sick = each["spec"]["replicas"] - each["status"].get("availableReplicas", 0)
            if sick > 0 and each["status"].get("observedGeneration") == each["metadata"]["generation"]:
                self._scale(found, each, each["spec"]["replicas"] - sick)
        fresh = self._sets(found)
        available = sum(each["status"].get("availableReplicas", 0) for each in fresh)
        going = sum(
            max(0, each["status"].get("replicas", 0) - each["spec"]["replicas"])
            for each in fresh
            if each["status"].get("availableReplicas", 0)
        )
        spare = available - going - least
        for each in sorted(fresh, key=lambda one: int(one["metadata"]["annotations"][REVISION])):
            size = each["spec"]["replicas"]
            if spare <= 0 or each["metadata"]["uid"] == current["metadata"]["uid"] or not size:
                continue
            taken = min(spare, size)
            spare -= taken
            self._scale(found, each, size - taken)

    def _scale(self, found: Object, one: Object, size: int) -> None:
        metadata = one["metadata"]
        before = self._cluster.store.get(REPLICASETS, metadata["name"], metadata["namespace"])
        if before is None or before["spec"]["replicas"] == size:
            return
        old = before["spec"]["replicas"]

        def change(each: Object) -> None:
            each["spec"]["replicas"] = size
            each["metadata"]["generation"] += 1

        self._cluster.change(REPLICASETS, metadata["name"], metadata["namespace"], change)
        self._event(
            found, f"Scaled {'up' if size > old else 'down'} replica set {metadata['name']} from {old} to {size}"
        )

    def _clean(self, found: Object, current: Object) -> None:
        """Old ReplicaSets beyond revisionHistoryLimit."""
        old = [
            each
            for each in self._sets(found)
            if each["metadata"]["uid"] != current["metadata"]["uid"]
            and not each["spec"]["replicas"]
            and not each["status"].get("replicas")
            and each["status"].get("observedGeneration") == each["metadata"]["generation"]
        ]
        old.sort(key=lambda each: int(each["metadata"]["annotations"][REVISION]))
        for each in old[: max(0, len(old) - found["spec"]["revisionHistoryLimit"])]:
            self._cluster.delete(REPLICASETS, each["metadata"]["name"], each["metadata"]["namespace"])

    def _event(self, found: Object, message: str) -> None:
        self._cluster.events.write(DEPLOYMENTS, found, "ScalingReplicaSet", message, by=BY)

    def _write(self, namespace: str, name: str) -> None:
        found = self._cluster.store.get(DEPLOYMENTS, name, namespace)
        if found is None:
            return
        sets, current, now = self._sets(found), self._current(found), self._cluster.clock.now()
        stamp = self._cluster.clock.stamp()

        def change(each: Object) -> None:
            status: dict[str, Any] = {"observedGeneration": each["metadata"]["generation"], **numbers(sets, current)}
            old = each.get("status") or {}
            if "conditions" in old:
                status["conditions"] = old["conditions"]
            _, unavailable = limits(each["spec"])
            good = status.get("availableReplicas", 0) >= each["spec"]["replicas"] - unavailable
            if good:
                message = "Deployment has minimum availability."
                set_condition(status, "Available", "True", "MinimumReplicasAvailable", message, stamp)
            else:
                message = "Deployment does not have minimum availability."
                set_condition(status, "Available", "False", "MinimumReplicasUnavailable", message, stamp)
            if current is not None:
                progress(each, status, old, current, now, stamp)
            each["status"] = status

        after = self._cluster.change(DEPLOYMENTS, name, namespace, change)
        if after is not None:
            self._watch_progress(after)

    def _watch_progress(self, found: Object) -> None:
        """Look again when the deadline for progress is over."""
        condition = find(found["status"], "Progressing")
        waits = condition is not None and condition["reason"] in {"ReplicaSetUpdated", "NewReplicaSetCreated"}
        if condition is None or not waits:
            return
        metadata = found["metadata"]
        left = seconds_of(condition["lastUpdateTime"]) + found["spec"]["progressDeadlineSeconds"]
        self._cluster.loop.later(
            max(0.5, left - self._cluster.clock.now() + 0.5), self.reconcile, metadata["namespace"], metadata["name"]
        )
