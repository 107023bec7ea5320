"""The cluster behind the API: its objects, its clock, and the ways in which an object is made, changed and deleted."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

from tests.support.kubernetes import answers
from tests.support.kubernetes.clock import Clock
from tests.support.kubernetes.events import Recorder
from tests.support.kubernetes.kinds import NAMESPACES, PODS, Kind, Kinds
from tests.support.kubernetes.loop import Loop
from tests.support.kubernetes.store import Object, Store, copied

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


class Cluster:
    """What controllers, kubelets and the API server share."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = Store()
        self.kinds = Kinds()
        self.loop = Loop(self.clock, self.store.changed)
        self.random = random.Random(7)
        self.made_numbers: dict[str, int] = {}
        """uid → how many objects had been made before it."""
        self.events = Recorder(self.store, self.clock)

    def suffix(self, length: int = 5) -> str:
        return "".join(self.random.choices(_SUFFIX, k=length))

    def made(self, kind: Kind, obj: Object, namespace: str) -> Object:
        """Fill in what every new object has."""
        metadata = obj.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self.suffix()
        if kind.namespaced:
            metadata["namespace"] = namespace
        for given in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"):
            metadata.pop(given, None)
        metadata["uid"] = str(uuid.uuid4())
        self.made_numbers[metadata["uid"]] = len(self.made_numbers)
        metadata["creationTimestamp"] = self.clock.stamp()
        if kind.generation:
            metadata["generation"] = 1
        return obj

    def add(self, kind: Kind, obj: Object, namespace: str = "") -> Object:
        """Store a new object as it is, without admission: for controllers and for tests that set a scene."""
        with self.store.lock:
            made = self.made(kind, obj, namespace)
            if self.store.get(kind, made["metadata"]["name"], namespace) is not None:
                raise answers.already_exists(kind, made["metadata"]["name"])
            return self.store.put(kind, made)

    def change(self, kind: Kind, name: str, namespace: str, change: Callable[[Object], None]) -> Object | None:
        """Change a copy and store it; nothing is stored when nothing changed, or nobody is there."""
        with self.store.lock:
            before = self.store.get(kind, name, namespace)
            if before is None:
                return None
            after = copied(before)
            change(after)
            return before if after == before else self.replace(kind, after)

    def replace(self, kind: Kind, after: Object) -> Object:
        """Store a new version; one that was only waiting for its finalizers goes when the last is taken away."""
        with self.store.lock:
            metadata = after["metadata"]
            if metadata.get("deletionTimestamp") and not self._stays(kind, after):
                self.store.remove(kind, metadata["name"], metadata.get("namespace", ""))
                return after
            return self.store.put(kind, after)

    def _stays(self, kind: Kind, obj: Object) -> bool:
        metadata = obj["metadata"]
        if metadata.get("finalizers"):
            return True
        if kind is NAMESPACES:
            return bool(obj.get("spec", {}).get("finalizers"))
        return bool(metadata.get("deletionGracePeriodSeconds"))

    def delete(
        self, kind: Kind, name: str, namespace: str = "", *, grace: int | None = None, policy: str = "Background"
    ) -> Object | None:
        """As a DELETE does.

        Returns:
            The object where it stays for a while (grace period, finalizers); None where it is gone at once.
        """
        with self.store.lock:
            before = self.store.get(kind, name, namespace)
            if before is None:
                return None
            if kind is PODS:
                return self._delete_pod(before, grace)
            after = copied(before)
            metadata = after["metadata"]
            finalizer = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(policy)
            if finalizer is not None and finalizer not in metadata.get("finalizers", ()):
                metadata["finalizers"] = [*metadata.get("finalizers", ()), finalizer]
            if kind is NAMESPACES:
                after["status"] = {"phase": "Terminating"}
            if self._stays(kind, after):
                return self._marked(kind, before, after, 0)
            self.store.remove(kind, name, namespace)
            return None

    def _delete_pod(self, before: Object, grace: int | None) -> Object | None:
        spec, metadata = before["spec"], before["metadata"]
        if grace is None:
            grace = int(spec.get("terminationGracePeriodSeconds", 30))
        if not spec.get("nodeName") or before["status"].get("phase") in {"Succeeded", "Failed"}:
            grace = 0
        if metadata.get("deletionTimestamp"):
            grace = min(grace, int(metadata.get("deletionGracePeriodSeconds", 0)))
        if grace == 0 and not metadata.get("finalizers"):
            after = copied(before)
            self._mark(after, 0)
            self.store.put(PODS, after)
            self.store.remove(PODS, metadata["name"], metadata["namespace"])
            return None
        return self._marked(PODS, before, copied(before), grace)

    def marked_copy(self, pod: Object) -> Object:
        """A pod as it is at the moment of its deletion without a grace period."""
        after = copied(pod)
        self._mark(after, 0, first=not pod["metadata"].get("deletionTimestamp"))
        return after

    def _marked(self, kind: Kind, before: Object, after: Object, grace: int) -> Object:
        metadata = before["metadata"]
        if metadata.get("deletionTimestamp") and metadata.get("deletionGracePeriodSeconds", 0) == grace:
            return before if after == before else self.replace(kind, after)
        self._mark(after, grace, first=not metadata.get("deletionTimestamp"), graceful=kind is not NAMESPACES)
        return self.replace(kind, after)

    def _mark(self, after: Object, grace: int, *, first: bool = True, graceful: bool = True) -> None:
        metadata = after["metadata"]
        metadata["deletionTimestamp"] = self.clock.stamp(self.clock.now() + grace)
        if graceful:
            metadata["deletionGracePeriodSeconds"] = grace
        if first and "generation" in metadata:
            metadata["generation"] += 1
