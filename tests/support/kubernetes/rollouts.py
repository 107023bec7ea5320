"""How far a Deployment's rollout is: its counts, its conditions, its limits. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from tests.support.kubernetes.clock import seconds_of
from tests.support.kubernetes.store import Object

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(deployment: Object) -> str:
    digest = hashlib.sha256(msgspec.json.encode(deployment["spec"]["template"], order="sorted")).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def limits(spec: Object) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers of replicas."""
    rolling = spec["strategy"].get("rollingUpdate") or {"maxSurge": 0, "maxUnavailable": spec["replicas"]}

    def share(value: int | str, up: bool) -> int:
        if isinstance(value, int):
            return value
        part = int(spec["replicas"]) * int(value.rstrip("%"))
        return -(-part // 100) if up else part // 100

    surge, unavailable = share(rolling["maxSurge"], True), share(rolling["maxUnavailable"], False)
    return surge, min(max(unavailable, 0 if surge else 1), spec["replicas"])


def numbers(sets: list[Object], current: Object | None) -> dict[str, int]:
    """Counts of a Deployment's status; what is none is left out."""

    def total(field: str) -> int:
        return sum(each["status"].get(field, 0) for each in sets)

    wanted = sum(each["spec"]["replicas"] for each in sets)
    found = {
        "replicas": total("replicas"),
        "updatedReplicas": current["status"].get("replicas", 0) if current is not None else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": total("availableReplicas"),
        "unavailableReplicas": max(0, wanted - total("availableReplicas")),
    }
    return {
        **{name: value for name, value in found.items() if value},
        "terminatingReplicas": total("terminatingReplicas"),
    }


def progress(deployment: Object, status: dict[str, Any], old: Object, current: Object, now: float, stamp: str) -> None:
    wanted, name = deployment["spec"]["replicas"], current["metadata"]["name"]
    known = find(status, "Progressing")
    done = known is not None and known["reason"] == "NewReplicaSetAvailable"
    if done and old.get("updatedReplicas") is not None and old["updatedReplicas"] == status.get("updatedReplicas", 0):
        return
    counted = [status.get(field, 0) for field in ("updatedReplicas", "replicas", "availableReplicas")]
    if counted == [wanted] * 3 and (wanted or known is not None):
        if known is not None and known["reason"] == "NewReplicaSetAvailable":
            return
        message = f'ReplicaSet "{name}" has successfully progressed.'
        set_condition(status, "Progressing", "True", "NewReplicaSetAvailable", message, stamp)
        return
    if known is not None and known["reason"] == "NewReplicaSetAvailable":
        return
    fields = ("updatedReplicas", "readyReplicas", "availableReplicas")
    moved = any(status.get(field, 0) > old.get(field, 0) for field in fields)
    shrunk = status.get("replicas", 0) - status.get("updatedReplicas", 0) < (
        old.get("replicas", 0) - old.get("updatedReplicas", 0)
    )
    if moved or shrunk:
        message = f'ReplicaSet "{name}" is progressing.'
        set_condition(status, "Progressing", "True", "ReplicaSetUpdated", message, stamp, touch=True)
    elif known is not None and known["status"] == "True":
        late = now - seconds_of(known["lastUpdateTime"]) >= deployment["spec"]["progressDeadlineSeconds"]
        if late:
            message = f'ReplicaSet "{name}" has timed out progressing.'
            set_condition(status, "Progressing", "False", "ProgressDeadlineExceeded", message, stamp)


def find(status: Object, type_: str) -> dict[str, Any] | None:
    return next((each for each in status.get("conditions") or () if each["type"] == type_), None)


def set_condition(
    status: dict[str, Any], type_: str, value: str, reason: str, message: str, now: str, *, touch: bool = False
) -> None:
    old = find(status, type_)
    if old is not None and (old["status"], old["reason"]) == (value, reason):
        if touch:
            status["conditions"] = [
                {**each, "lastUpdateTime": now} if each is old else each for each in status["conditions"]
            ]
        return
    changed = old["lastTransitionTime"] if old is not None and old["status"] == value else now
    new = {"type": type_, "status": value, "lastUpdateTime": now, "lastTransitionTime": changed}
    others = [each for each in status.get("conditions") or () if each is not old]
    status["conditions"] = [*others, {**new, "reason": reason, "message": message}]
