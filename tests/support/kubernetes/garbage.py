"""What goes when something else is gone: dependents, namespaces, accounts of namespaces."""

from __future__ import annotations

from tests.support.kubernetes.clock import seconds_of
from tests.support.kubernetes.cluster import FOREGROUND, ORPHAN, Cluster
from tests.support.kubernetes.kinds import NAMESPACES, SERVICEACCOUNTS, Kind
from tests.support.kubernetes.store import Change, Object

TERMINATING_SECONDS = 1.0
"""How long a namespace is Terminating at least."""


class Garbage:
    """The garbage collector and the namespace controller."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def on_change(self, change: Change) -> None:
        loop, metadata = self._cluster.loop, change.obj["metadata"]
        if change.kind is NAMESPACES:
            if change.type == "ADDED":
                loop.soon(self._account, change.name[1])
            elif metadata.get("deletionTimestamp") and change.type != "DELETED":
                loop.soon(self._empty, change.name[1])
                loop.later(TERMINATING_SECONDS, self._maybe_empty, change.name[1])
            return
        if change.type == "DELETED":
            loop.soon(self._dependents_of_gone, metadata["uid"])
            if metadata.get("namespace"):
                loop.soon(self._maybe_empty, metadata["namespace"])
            for each in metadata.get("ownerReferences", ()):
                loop.soon(self._foreground_owner, each["uid"])
        elif metadata.get("deletionTimestamp") and metadata.get("finalizers"):
            if FOREGROUND in metadata["finalizers"]:
                loop.soon(self._foreground_owner, metadata["uid"])
            if ORPHAN in metadata["finalizers"]:
                loop.soon(self._orphan, change.kind, *change.name)
        elif not metadata.get("deletionTimestamp") and self._are_gone(metadata.get("ownerReferences")):
            loop.soon(self._check_owners, change.kind, *change.name)

    def _account(self, namespace: str) -> None:
        if self._cluster.store.get(SERVICEACCOUNTS, "default", namespace) is None:
            self._cluster.add(SERVICEACCOUNTS, {"metadata": {"name": "default"}}, namespace)

    def _check_owners(self, kind: Kind, namespace: str, name: str) -> None:
        """An object that is new, or has other owners, and whose owners are all gone, goes too."""
        obj = self._cluster.store.get(kind, name, namespace)
        if obj is None:
            return
        if self._are_gone(obj["metadata"].get("ownerReferences")):
            self._cluster.delete(kind, name, namespace)

    def _are_gone(self, owners: list[Object] | None) -> bool:
        return bool(owners) and all(self._cluster.store.by_uid(each["uid"]) is None for each in owners or ())

    def _dependents_of_gone(self, uid: str) -> None:
        if self._cluster.store.by_uid(uid) is not None:
            return
        for kind, obj in list(self._cluster.store.owned_kinds(uid)):
            metadata = obj["metadata"]
            others = [
                each
                for each in metadata["ownerReferences"]
                if each["uid"] != uid and self._cluster.store.by_uid(each["uid"]) is not None
            ]
            if others:
                self._disown(kind, obj, uid)
            elif not metadata.get("deletionTimestamp"):
                self._cluster.delete(kind, metadata["name"], metadata.get("namespace", ""))

    def _disown(self, kind: Kind, obj: Object, uid: str) -> None:
        metadata = obj["metadata"]

        def change(each: Object) -> None:
            left = [ref for ref in each["metadata"].get("ownerReferences", ()) if ref["uid"] != uid]
            if left:
                each["metadata"]["ownerReferences"] = left
            else:
                each["metadata"].pop("ownerReferences", None)

        self._cluster.change(kind, metadata["name"], metadata.get("namespace", ""), change)

    def _foreground_owner(self, uid: str) -> None:
        """Delete what an object in foreground deletion owns; when none is left that blocks it, it goes."""
        found = self._cluster.store.by_uid(uid)
        if found is None:
            return
        kind, obj = found
        metadata = obj["metadata"]
        if FOREGROUND not in metadata.get("finalizers", ()) or not metadata.get("deletionTimestamp"):
            return
        blocking = False
        for each_kind, each in list(self._cluster.store.owned_kinds(uid)):
            if not each["metadata"].get("deletionTimestamp"):
                self._cluster.delete(
                    each_kind, each["metadata"]["name"], each["metadata"].get("namespace", ""), policy="Foreground"
                )
            reference = next(ref for ref in each["metadata"]["ownerReferences"] if ref["uid"] == uid)
            left = self._cluster.store.by_uid(each["metadata"]["uid"]) is not None
            blocking = blocking or (left and bool(reference.get("blockOwnerDeletion")))
        if not blocking:
            self._drop_finalizer(kind, obj, FOREGROUND)

    def _orphan(self, kind: Kind, namespace: str, name: str) -> None:
        obj = self._cluster.store.get(kind, name, namespace)
        if obj is None:
            return
        uid = obj["metadata"]["uid"]
        for each_kind, each in list(self._cluster.store.owned_kinds(uid)):
            self._disown(each_kind, each, uid)
        self._drop_finalizer(kind, obj, ORPHAN)

    def _drop_finalizer(self, kind: Kind, obj: Object, finalizer: str) -> None:
        """The last write of such an object is its deletion."""
        metadata = obj["metadata"]
        left = [each for each in metadata.get("finalizers", ()) if each != finalizer]
        if not left:
            self._cluster.store.remove(kind, metadata["name"], metadata.get("namespace", ""))
            return

        def change(each: Object) -> None:
            each["metadata"]["finalizers"] = left

        self._cluster.change(kind, metadata["name"], metadata.get("namespace", ""), change)

    def _empty(self, namespace: str) -> None:
        """Delete everything in a namespace that is being deleted."""
        store = self._cluster.store
        for kind in list(store.kinds.values()):
            if not kind.namespaced:
                continue
            for obj in store.all(kind, namespace):
                if not obj["metadata"].get("deletionTimestamp"):
                    self._cluster.delete(kind, obj["metadata"]["name"], namespace)
        self._maybe_empty(namespace)

    def _maybe_empty(self, namespace: str) -> None:
        store = self._cluster.store
        found = store.get(NAMESPACES, namespace)
        if found is None or not found["metadata"].get("deletionTimestamp"):
            return
        begun = seconds_of(found["metadata"]["deletionTimestamp"])
        if self._cluster.clock.now() < begun + TERMINATING_SECONDS:
            return
        if not any(store.shelf(kind).by_namespace.get(namespace) for kind in store.kinds.values() if kind.namespaced):
            store.remove(NAMESPACES, namespace)
