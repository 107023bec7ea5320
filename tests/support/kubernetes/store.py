"""Objects, their versions and their history: what etcd and the watch cache are to a real server."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.support.kubernetes.kinds import Kind

Object = dict[str, Any]
Name = tuple[str, str]
"""Namespace (empty where there is none) and name."""

HISTORY = 500_000
"""Changes of one kind that are kept; older ones are as if compacted."""


def copied(obj: Object) -> Object:
    """A deep copy; objects in the store are never changed in place."""
    copy: Object = msgspec.json.decode(msgspec.json.encode(obj))
    return copy


@dataclass(eq=False, slots=True)
class Change:
    """One step of one object."""

    version: int
    type: str
    """ADDED, MODIFIED or DELETED."""
    kind: Kind
    name: Name
    obj: Object
    previous: Object | None
    raw: bytes | None = None

    def encoded(self) -> bytes:
        """The object as JSON, without kind and apiVersion."""
        if self.raw is None:
            self.raw = msgspec.json.encode(self.obj)
        return self.raw


@dataclass(eq=False)
class Shelf:
    """All objects of one kind."""

    objects: dict[Name, Change] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    compacted: int = 0
    """Changes up to this version are forgotten."""
    order: list[Name] | None = None
    by_namespace: dict[str, set[Name]] = field(default_factory=lambda: defaultdict(set))

    def names(self, namespace: str) -> list[Name]:
        """In the order of a list."""
        if namespace:
            return sorted(self.by_namespace.get(namespace, ()))
        if self.order is None:
            self.order = sorted(self.objects)
        return self.order


class Store:
    """In memory, under one lock; who waits for a change waits on `changed`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1000
        self.listeners: list[Callable[[Change], None]] = []
        self.kinds: dict[str, Kind] = {}
        self._shelves: dict[str, Shelf] = defaultdict(lambda: Shelf(compacted=1000))
        self._by_owner: dict[str, set[tuple[str, Name]]] = defaultdict(set)
        self._by_uid: dict[str, tuple[str, Name]] = {}

    def shelf(self, kind: Kind) -> Shelf:
        return self._shelves[kind.key]

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """The stored object itself: read it, never change it."""
        found = self._shelves[kind.key].objects.get((namespace, name))
        return None if found is None else found.obj

    def all(self, kind: Kind, namespace: str = "") -> list[Object]:
        with self.lock:
            shelf = self._shelves[kind.key]
            return [shelf.objects[name].obj for name in shelf.names(namespace)]

    def owned_by(self, uid: str, kind: Kind | None = None) -> list[Object]:
        """Objects with this uid among their ownerReferences, by name."""
        found = sorted(each for each in self._by_owner.get(uid, ()) if kind is None or each[0] == kind.key)
        return [self._shelves[key].objects[name].obj for key, name in found]

    def owned_kinds(self, uid: str) -> Iterator[tuple[Kind, Object]]:
        for key, name in sorted(self._by_owner.get(uid, ())):
            yield self.kinds[key], self._shelves[key].objects[name].obj

    def by_uid(self, uid: str) -> tuple[Kind, Object] | None:
        found = self._by_uid.get(uid)
        return None if found is None else (self.kinds[found[0]], self._shelves[found[0]].objects[found[1]].obj)

    def put(self, kind: Kind, obj: Object) -> Object:
        """Store a new version, created or changed. The object now belongs to the store."""
        with self.lock:
            shelf = self._shelves[kind.key]
            metadata = obj["metadata"]
            name: Name = (metadata.get("namespace", ""), metadata["name"])
            before = shelf.objects.get(name)
            self.version += 1
            metadata["resourceVersion"] = str(self.version)
            obj.pop("kind", None)
            obj.pop("apiVersion", None)
            change = Change(
                self.version, "MODIFIED" if before else "ADDED", kind, name, obj, before.obj if before else None
            )
            if before is None:
                shelf.order = None
                shelf.by_namespace[name[0]].add(name)
                self.kinds[kind.key] = kind
                self._by_uid[metadata["uid"]] = (kind.key, name)
            self._index(kind, name, before.obj if before else None, obj)
            shelf.objects[name] = change
            self._tell(shelf, change)
            return obj

    def remove(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """Delete at once. The version of the last state is that of the deletion, as watchers see it."""
        with self.lock:
            shelf = self._shelves[kind.key]
            before = shelf.objects.pop((namespace, name), None)
            if before is None:
                return None
            shelf.order = None
            shelf.by_namespace[namespace].discard((namespace, name))
            self._index(kind, (namespace, name), before.obj, None)
            self._by_uid.pop(before.obj["metadata"]["uid"], None)
            self.version += 1
            last = {**before.obj, "metadata": {**before.obj["metadata"], "resourceVersion": str(self.version)}}
            self._tell(shelf, Change(self.version, "DELETED", kind, (namespace, name), last, before.obj))
            return last

    def compact(self) -> None:
        """Forget all history: older versions, continue tokens and watches from them are gone."""
        with self.lock:
            for shelf in self._shelves.values():
                shelf.history.clear()
                shelf.compacted = self.version
            self.changed.notify_all()

    def rewind(self, by: int) -> None:
        """As after a restore of a backup: the counter goes back, objects stay, history is gone."""
        with self.lock:
            self.compact()
            self.version -= by
            for shelf in self._shelves.values():
                shelf.compacted = self.version

    def at(self, kind: Kind, version: int) -> dict[Name, Change] | None:
        """All objects as they were at a version; None when that is forgotten."""
        shelf = self._shelves[kind.key]
        if version < shelf.compacted:
            return None
        state = dict(shelf.objects)
        for change in reversed(shelf.history):
            if change.version <= version:
                break
            if change.previous is None:
                state.pop(change.name, None)
            else:
                at = int(change.previous["metadata"]["resourceVersion"])
                state[change.name] = Change(at, "MODIFIED", kind, change.name, change.previous, None)
        return state

    def _index(self, kind: Kind, name: Name, before: Object | None, after: Object | None) -> None:
        old = _owners(before)
        new = _owners(after)
        if old == new:
            return
        for uid in old - new:
            self._by_owner[uid].discard((kind.key, name))
        for uid in new - old:
            self._by_owner[uid].add((kind.key, name))

    def _tell(self, shelf: Shelf, change: Change) -> None:
        shelf.history.append(change)
        if len(shelf.history) > HISTORY:
            cut = HISTORY // 2
            shelf.compacted = shelf.history[cut - 1].version
            del shelf.history[:cut]
        for listener in self.listeners:
            listener(change)
        self.changed.notify_all()


def _owners(obj: Object | None) -> set[str]:
    return set() if obj is None else {each["uid"] for each in obj["metadata"].get("ownerReferences", ())}
