"""Objects of an API server as plain dicts: read, made, changed, deleted, watched.

What goes wrong for a while is repeated, with growing pauses, as long as the verb that asks has time; what the server
refuses is not. What might have been done although no answer came is never done again without a look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from workers.backends.kubernetes.connection import ClusterConnection
from workers.backends.kubernetes.refusal import Refusal, Unreachable
from workers.backends.kubernetes.resources import ACCESS_REVIEWS, Resource
from workers.backends.kubernetes.transport import JSON, SILENCE_SECONDS, Lines, ServerClock, Transport

PAGE: Final = 500
MERGE: Final = "application/merge-patch+json"
OPERATIONS: Final = "application/json-patch+json"
APPLY: Final = "application/apply-patch+yaml"
RESTARTS: Final = 3
"""Of a list whose version went out of date while its pages were fetched."""

T = TypeVar("T")


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """What a list says of itself."""

    resource_version: str = ""
    continuing: str = msgspec.field(default="", name="continue")


class Listed(msgspec.Struct, frozen=True):
    """A page of which only the end is read."""

    metadata: ListMeta


class Api:
    """One API server. Shared by threads; `within` gives a verb its time."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    @classmethod
    def of(cls, connection: ClusterConnection) -> Api:
        return cls(Transport(connection))

    @property
    def clock(self) -> ServerClock:
        return self.transport.clock

    def within(self, seconds: float) -> Api:
        """The same, for requests that together take no longer than that."""
        return Api(self.transport.within(seconds))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """The body of an answer. Raises Refusal, among them `not_found`; Unreachable."""
        return self.transport.repeated("GET", path, query).body

    def find(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """One object, or None."""
        try:
            return self.transport.repeated("GET", resource.path(namespace, name)).json()
        except Refusal as refusal:
            if refusal.not_found:
                return None
            raise

    def items(
        self, resource: Resource, item: type[T], namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> tuple[list[T], str]:
        """All objects that the selectors choose, in pages, and the version of the list.

        Args:
            item: what is read of each object.
        """
        query = {"labelSelector": labels, "fieldSelector": fields}
        asked = {"limit": str(PAGE), **{name: value for name, value in query.items() if value}}
        for attempt in range(RESTARTS):
            try:
                return self._pages(resource.path(namespace), asked, item)
            except Refusal as refusal:
                if not refusal.gone or attempt == RESTARTS - 1:
                    raise
        raise AssertionError("the loop above returns or raises")

    def create(self, resource: Resource, manifest: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Create an object unless there is one of that name.

        Returns the object as it is, and whether this call is known to have made it: after an answer that did not
        come, an object that is there counts as found.
        """
        transport, tries = self.transport.bounded(), 0
        namespace, name = manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]
        body = msgspec.json.encode(manifest)
        while True:
            tries += 1
            try:
                return transport.once("POST", resource.path(namespace), None, body, JSON).json(), True
            except Refusal as refusal:
                if not refusal.exists:
                    raise
                failure = Unreachable(f"{resource.kind} {name} comes and goes.", "server")
            except Unreachable as error:
                failure = error
            if failure.sent:
                found = Api(transport).find(resource, namespace, name)
                if found is not None:
                    return found, False
            transport.wait(failure, tries)

    def apply(self, resource: Resource, manifest: dict[str, Any], manager: str) -> dict[str, Any]:
        """Create or change by server-side apply; the same however often. Raises Refusal on another manager's field."""
        path = resource.path(manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])
        body = msgspec.json.encode(manifest)
        return self.transport.repeated("PATCH", path, {"fieldManager": manager}, body, APPLY).json()

    def merge(self, resource: Resource, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any] | None:
        """Merge into an object, the same however often; None where there is none."""
        try:
            body = msgspec.json.encode(patch)
            return self.transport.repeated("PATCH", resource.path(namespace, name), None, body, MERGE).json()
        except Refusal as refusal:
            if refusal.not_found:
                return None
            raise

    def give(
        self, resource: Resource, namespace: str, name: str, *, labels: Mapping[str, str], owner: Mapping[str, str]
    ) -> bool:
        """Give an object one more owner; False where none of that name has these labels. Those that it has stay: while
        one of them is there, it stays, too."""
        at = {name.replace("~", "~0").replace("/", "~1"): value for name, value in labels.items()}
        tests = [{"op": "test", "path": f"/metadata/labels/{name}", "value": value} for name, value in at.items()]
        beside = {"op": "add", "path": "/metadata/ownerReferences/-", "value": owner}
        first = {"op": "add", "path": "/metadata/ownerReferences", "value": [owner]}
        for change in (beside, first):  # where there is no list, nothing can be added to it
            body = msgspec.json.encode([*tests, change])
            try:
                self.transport.repeated("PATCH", resource.path(namespace, name), None, body, OPERATIONS)
            except Refusal as refusal:
                if refusal.not_found:
                    return False
                if refusal.status != 422:
                    raise
            else:
                return True
        return False

    def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, grace_seconds: int | None = None
    ) -> bool:
        """Delete the object of that uid, and what it owns; False when it is gone, or another has its name by now."""
        options: dict[str, Any] = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            body = msgspec.json.encode(options)
            self.transport.repeated("DELETE", resource.path(namespace, name), None, body, JSON)
        except Refusal as refusal:
            if refusal.not_found or refusal.conflicts:
                return False
            raise
        return True

    def review(self, attributes: dict[str, str]) -> bool:
        """Whether this account may do that. Needs no right."""
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": ACCESS_REVIEWS.kind,
            "spec": {"resourceAttributes": attributes},
        }
        path, body = ACCESS_REVIEWS.path(), msgspec.json.encode(asked)
        answer = self.transport.repeated("POST", path, None, body, JSON).json()
        return bool((answer.get("status") or {}).get("allowed"))

    def watch(
        self,
        resource: Resource,
        version: str,
        *,
        labels: str,
        timeout_seconds: int,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> Lines:
        """The events after a version, a JSON object each, until the server ends it. See `Transport.lines`."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "labelSelector": labels,
            "timeoutSeconds": str(timeout_seconds),
        }
        return self.transport.lines(resource.path(), query, silence=silence_seconds)

    def _pages(self, path: str, query: Mapping[str, str], item: type[T]) -> tuple[list[T], str]:
        page = msgspec.defstruct("Page", [("metadata", ListMeta), ("items", list[item])])  # type: ignore[valid-type]
        decoder = msgspec.json.Decoder(page)
        items: list[T] = []
        asked = dict(query)
        while True:
            body = self.transport.repeated("GET", path, asked).body
            try:
                found: Any = decoder.decode(body)
            except (msgspec.DecodeError, ValueError) as error:
                raise Unreachable(f"The API server's list of {path} cannot be read.", "server") from error
            items += found.items or ()
            if not found.metadata.continuing:
                return items, found.metadata.resource_version
            asked["continue"] = found.metadata.continuing
