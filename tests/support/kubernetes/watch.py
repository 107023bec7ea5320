"""Watches: initial events, changes as they come, bookmarks, and the ends of a stream."""

from __future__ import annotations

import bisect
import time
from collections.abc import Iterator, Mapping

import msgspec

from tests.support.kubernetes import answers
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.faults import WatchFault
from tests.support.kubernetes.http import Response
from tests.support.kubernetes.kinds import Kind
from tests.support.kubernetes.reading import bad_version, check_version_match, chosen, head_of, whole
from tests.support.kubernetes.routing import Target
from tests.support.kubernetes.selectors import Matches
from tests.support.kubernetes.store import Change

BOOKMARK_SECONDS, BOOKMARK_BEFORE_END, DEFAULT_SECONDS = 58.0, 1.8, 1800.0


class Watcher:
    """One open watch."""

    def __init__(self, cluster: Cluster, target: Target, query: Mapping[str, str], fault: WatchFault) -> None:
        self._cluster, self._target, self._fault = cluster, target, fault
        self._matches = chosen(target.kind, query)
        check_version_match(query)
        self._bookmarks = query.get("allowWatchBookmarks", "").lower() in {"true", "1"}
        self._initial = query.get("sendInitialEvents", "").lower() in {"true", "1"}
        if self._initial and query.get("resourceVersionMatch") != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise answers.invalid_options("ListOptions", [answers.forbidden_value("resourceVersionMatch", why)])
        text = query.get("resourceVersion", "")
        if text and not text.isdigit():
            raise answers.Refusal(500, bad_version(text))
        self._from = int(text or 0)
        self._ends = time.monotonic() + float(query.get("timeoutSeconds") or DEFAULT_SECONDS)
        self._next_bookmark = time.monotonic() + BOOKMARK_SECONDS
        if self._ends - time.monotonic() < BOOKMARK_SECONDS + BOOKMARK_BEFORE_END:
            self._next_bookmark = self._ends - BOOKMARK_BEFORE_END

    def events(self) -> Iterator[bytes]:
        """The stream's parts; blocks between them."""
        store, kind = self._cluster.store, self._target.kind
        with store.lock:
            if self._from and self._from < store.shelf(kind).compacted:
                first, position = [self._expired()], -1
            elif self._from and not self._initial:
                first, position = [], self._from
            else:
                first, position = self._existing(), store.version
        yield from first
        if position < 0:
            return
        yield from self._follow(position)

    def _existing(self) -> list[bytes]:
        kind = self._target.kind
        shelf = self._cluster.store.shelf(kind)
        found = [shelf.objects[name] for name in shelf.names(self._target.namespace)]
        parts = [_event(b"ADDED", whole(kind, each)) for each in found if self._chosen(each.obj)]
        if self._initial and self._bookmarks:
            parts.append(self._bookmark({"k8s.io/initial-events-end": "true"}))
        return parts

    def _follow(self, position: int) -> Iterator[bytes]:
        store = self._cluster.store
        shelf = store.shelf(self._target.kind)
        while True:
            with store.changed:
                while True:
                    new = self._since(shelf.history, position)
                    now = time.monotonic()
                    if new or now >= min(self._ends, self._next_bookmark) or self._fault.closed or self._fault.expired:
                        break
                    store.changed.wait(min(self._ends, self._next_bookmark) - now)
                version = store.version
            if self._fault.closed or now >= self._ends:
                return
            if self._fault.expired:
                yield self._expired()
                return
            if new:
                position = max(position, new[-1].version)
                yield from self._shown(new)
            if now >= self._next_bookmark:
                self._next_bookmark = now + BOOKMARK_SECONDS
                if self._next_bookmark > self._ends - BOOKMARK_BEFORE_END > now:
                    self._next_bookmark = self._ends - BOOKMARK_BEFORE_END
                if self._bookmarks and not self._fault.silent and position <= version:
                    yield self._bookmark({})

    @staticmethod
    def _since(history: list[Change], position: int) -> list[Change]:
        if not history or history[-1].version <= position:
            return []
        return history[bisect.bisect_right(history, position, key=lambda each: each.version) :]

    def _shown(self, changes: list[Change]) -> Iterator[bytes]:
        if self._fault.silent:
            return
        for change in changes:
            part = self._seen(change)
            if part is None:
                continue
            yield part
            if self._fault.duplicates:
                yield part

    def _seen(self, change: Change) -> bytes | None:
        """A change as this watch tells it: a selector turns changes into arrivals and departures."""
        if self._target.namespace and change.name[0] != self._target.namespace:
            return None
        kind = self._target.kind
        before = change.previous is not None and self._chosen(change.previous)
        after = change.type != "DELETED" and self._chosen(change.obj)
        if not before and not after:
            return None
        if before and after:
            return _event(b"MODIFIED", whole(kind, change))
        if after:
            return _event(b"ADDED", whole(kind, change))
        if change.type == "DELETED" or change.previous is None:
            return _event(b"DELETED", whole(kind, change))
        metadata = {**change.previous["metadata"], "resourceVersion": str(change.version)}
        last = {**change.previous, "metadata": metadata}
        return _event(b"DELETED", head_of(kind) + msgspec.json.encode(last)[1:])

    def _chosen(self, obj: Mapping[str, object]) -> bool:
        matches: list[Matches] = self._matches
        return all(test(obj) for test in matches)

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        return _event(b"BOOKMARK", _bookmark_object(self._target.kind, self._cluster.store.version, annotations))

    def _expired(self) -> bytes:
        body = answers.Refusal(
            410, f"too old resource version: {self._from} ({self._cluster.store.version})", "Expired"
        ).body()
        return _event(b"ERROR", msgspec.json.encode(body))


def _bookmark_object(kind: Kind, version: int, annotations: dict[str, str]) -> bytes:
    metadata: dict[str, object] = {"resourceVersion": str(version)}
    if annotations:
        metadata["annotations"] = annotations
    return head_of(kind) + b'"metadata":' + msgspec.json.encode(metadata) + b"}"


def _event(type_: bytes, obj: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (type_, obj)


def watch(cluster: Cluster, target: Target, query: Mapping[str, str], fault: WatchFault) -> Response:
    watcher = Watcher(cluster, target, query, fault)
    return Response(200, stream=watcher.events())
