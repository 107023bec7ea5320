"""Reading and writing pods: conditions, container statuses, what counts as active, ready and terminal."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes.store import Object

TERMINAL = {"Succeeded", "Failed"}
JOB_FINALIZER = "batch.kubernetes.io/job-tracking"
_ORDER = (
    "DisruptionTarget", "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
)  # fmt: skip


def phase(pod: Object) -> str:
    found: str = pod["status"].get("phase", "")
    return found


def terminal(pod: Object) -> bool:
    return phase(pod) in TERMINAL


def terminating(pod: Object) -> bool:
    """Deleted, and still running."""
    return bool(pod["metadata"].get("deletionTimestamp")) and not terminal(pod)


def active(pod: Object) -> bool:
    return not terminal(pod) and not pod["metadata"].get("deletionTimestamp")


def condition(pod: Object, type_: str) -> dict[str, Any] | None:
    return next((each for each in pod["status"].get("conditions", ()) if each["type"] == type_), None)


def ready(pod: Object) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def has_finalizer(pod: Object) -> bool:
    return JOB_FINALIZER in pod["metadata"].get("finalizers", ())


def drop_finalizer(pod: Object) -> None:
    left = [each for each in pod["metadata"].get("finalizers", ()) if each != JOB_FINALIZER]
    if left:
        pod["metadata"]["finalizers"] = left
    else:
        pod["metadata"].pop("finalizers", None)


def owner(pod: Object) -> dict[str, Any] | None:
    return next((each for each in pod["metadata"].get("ownerReferences", ()) if each.get("controller")), None)


def set_condition(
    pod: Object, type_: str, value: bool | str, now: str, *, reason: str = "", message: str = "", generation: int = 0
) -> None:
    """Of a pod that belongs to the caller; the time is that of the last change of its status."""
    status = value if isinstance(value, str) else str(value)
    conditions: list[dict[str, Any]] = pod["status"].setdefault("conditions", [])
    old = condition(pod, type_)
    new: dict[str, Any] = {"type": type_}
    if generation or "observedGeneration" in pod["status"]:
        new["observedGeneration"] = generation or pod["status"]["observedGeneration"]
    new |= {"status": status, "lastProbeTime": None}
    new["lastTransitionTime"] = old["lastTransitionTime"] if old and old["status"] == status else now
    if reason:
        new["reason"] = reason
    if message:
        new["message"] = message
    if old is None:
        conditions.append(new)
    else:
        conditions[conditions.index(old)] = new


def order_conditions(pod: Object) -> None:
    """As a kubelet writes them; what others add comes last until then."""
    known: list[dict[str, Any]] = pod["status"].get("conditions", [])
    known.sort(key=lambda each: _ORDER.index(each["type"]) if each["type"] in _ORDER else len(_ORDER))


def finished_at(pod: Object) -> str:
    """When its last container ended; empty where none did."""
    ends = [
        each["state"]["terminated"].get("finishedAt") or ""
        for each in pod["status"].get("containerStatuses", ())
        if "terminated" in each.get("state", {})
    ]
    return max(ends, default="")
