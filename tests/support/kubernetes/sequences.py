"""What watches said of an object, put so that a recording and the fake can be compared.

Left out: times, versions, generations; how many pods of a Job are `ready` just now (a real controller looks at most
once a second); steps that show nothing new of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.support.kubernetes import recordings
from tests.support.kubernetes.replaying import Step, plain
from tests.support.kubernetes.store import Object

Shown = Callable[[Object], dict[str, Any]]


def job(obj: Object) -> dict[str, Any]:
    status = obj.get("status") or {}
    uncounted = status.get("uncountedTerminatedPods") or {}
    return {
        **{name: status.get(name) for name in ("active", "succeeded", "failed", "completedIndexes", "failedIndexes")},
        "terminating": status.get("terminating"),
        "uncounted": {name: len(uids) for name, uids in uncounted.items()},
        "started": "startTime" in status,
        "completed": "completionTime" in status,
        "conditions": [_said(each) for each in status.get("conditions") or ()],
        **_metadata(obj),
    }


def pod(obj: Object) -> dict[str, Any]:
    status = obj["status"]
    return {
        "phase": status.get("phase"),
        "reason": status.get("reason"),
        "conditions": {each["type"]: _said(each)[1:] for each in status.get("conditions") or ()},
        "containers": [
            _container(each)
            for group in ("initContainerStatuses", "containerStatuses")
            for each in status.get(group, ())
        ],
        **_metadata(obj),
    }


def deployment(obj: Object) -> dict[str, Any]:
    status = obj.get("status") or {}
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
    return {
        **{name: status.get(name) for name in counts},
        "conditions": {each["type"]: _said(each)[1:] for each in status.get("conditions") or ()},
        **_metadata(obj),
    }


def _said(condition: Object) -> tuple[str, str, str]:
    return condition["type"], condition["status"], condition.get("reason", "")


def _container(status: Object) -> tuple[Any, ...]:
    states: dict[str, dict[str, Any]] = status["state"] or {"none": {}}
    kind, state = next(iter(states.items()))
    return status["name"], kind, state.get("reason"), state.get("exitCode"), status["restartCount"]


def _metadata(obj: Object) -> dict[str, Any]:
    metadata = obj["metadata"]
    return {"finalizers": metadata.get("finalizers"), "grace": metadata.get("deletionGracePeriodSeconds")}


def steps(seen: Iterable[Step], shown: Shown) -> list[tuple[str, dict[str, Any]]]:
    """Without steps that look like the one before."""
    found: list[tuple[str, dict[str, Any]]] = []
    for type_, obj in seen:
        step = (type_, shown(obj))
        if not found or found[-1][1] != step[1] or type_ == "DELETED":
            found.append(step)
    return found


def recorded(scenario: str, resource: str, first: float = 0, last: float = 10**9) -> dict[str, list[Step]]:
    """Name → what the recording's watches said of an object, in the order of their first mention."""
    found: dict[str, list[Step]] = {}
    for at, type_, obj in recordings.watched(scenario, resource):
        if first <= at < last:
            found.setdefault(obj["metadata"]["name"], []).append((type_, obj))
    return found


def events(objects: Iterable[Object]) -> set[tuple[str, str, str, str]]:
    """Kind, beginning of the name, reason and message of events, without what differs from run to run."""
    return {
        (
            each["involvedObject"]["kind"],
            plain(each["involvedObject"]["name"] + " ").strip(),
            each["reason"],
            plain(each.get("message", "")),
        )
        for each in objects
    }
