"""Events: what the scheduler, the kubelets and the controllers say about objects."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from tests.support.kubernetes.clock import Clock
from tests.support.kubernetes.kinds import EVENTS, NAMESPACES, PODS, Kind
from tests.support.kubernetes.store import Object, Store, copied


class Recorder:
    """Writes Events; the same said again of the same object counts up, as client-go does it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._numbers = itertools.count(0x18EAB6DDAE69096C, 0x1F31)
        self._known: dict[tuple[str, ...], tuple[str, str]] = {}
        self.enabled = True

    def write(
        self, kind: Kind, about: Object, reason: str, message: str, *, by: str, warning: bool = False, host: str = "",
        part: str = "",
    ) -> None:  # fmt: skip
        """Of a controller or a kubelet: with count, timestamps and source."""
        if not self.enabled:
            return
        key = (about["metadata"]["uid"], reason, message, by, part)
        namespace = about["metadata"].get("namespace") or "default"
        if self._refused(namespace):
            return
        known = self._known.get(key)
        if known is not None and (before := self._store.get(EVENTS, known[1], known[0])) is not None:
            after = copied(before)
            after["count"] += 1
            after["lastTimestamp"] = self._clock.stamp()
            self._store.put(EVENTS, after)
            return
        now = self._clock.stamp()
        event = self._new(kind, about, reason, message, warning, namespace, part)
        event |= {"firstTimestamp": now, "lastTimestamp": now, "count": 1, "eventTime": None}
        event |= {"source": {"component": by, **({"host": host} if host else {})}}
        event |= {"reportingComponent": by, "reportingInstance": host}
        self._known[key] = (namespace, self._store.put(EVENTS, event)["metadata"]["name"])

    def write_scheduler(self, pod: Object, reason: str, message: str, action: str, *, warning: bool = False) -> None:
        """Of the scheduler: eventTime, and neither count nor timestamps."""
        if not self.enabled or self._refused(pod["metadata"]["namespace"]):
            return
        event = self._new(PODS, pod, reason, message, warning, pod["metadata"]["namespace"], "")
        event |= {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": self._clock.micro()}
        event |= {"action": action, "reportingComponent": "default-scheduler"}
        event |= {"reportingInstance": "default-scheduler-1"}
        self._store.put(EVENTS, event)

    def _refused(self, namespace: str) -> bool:
        """Nothing new comes into a namespace that is being deleted."""
        found = self._store.get(NAMESPACES, namespace)
        return found is None or found["status"]["phase"] == "Terminating"

    def _new(
        self, kind: Kind, about: Object, reason: str, message: str, warning: bool, namespace: str, part: str
    ) -> Object:
        metadata = {
            "name": f"{about['metadata']['name']}.{next(self._numbers):x}",
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": self._clock.stamp(),
        }
        return {
            "metadata": metadata,
            "involvedObject": involved(kind, about, part),
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
        }


def involved(kind: Kind, about: Object, part: str = "") -> dict[str, Any]:
    """How an event names the object that it is about."""
    metadata = about["metadata"]
    found: dict[str, Any] = {"kind": kind.kind, "name": metadata["name"], "uid": metadata["uid"]}
    if metadata.get("namespace"):
        found["namespace"] = metadata["namespace"]
    found |= {"apiVersion": kind.api_version, "resourceVersion": metadata["resourceVersion"]}
    return {**found, **({"fieldPath": part} if part else {})}
