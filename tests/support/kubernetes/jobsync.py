"""One look at a Job: what it has, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.kubernetes.store import Object


def condition_true(job: Object, type_: str) -> bool:
    conditions = job.get("status", {}).get("conditions") or ()
    return any(each["type"] == type_ and each["status"] == "True" for each in conditions)


def finished(job: Object) -> bool:
    return condition_true(job, "Complete") or condition_true(job, "Failed")


@dataclass
class Refusals:
    """Pods of one Job that could not be made."""

    count: int = 0
    until: float = 0


@dataclass
class Sync:
    """One look at a Job and its pods."""

    job: Object
    pods: list[Object]
    status: dict[str, Any]
    counted: list[Object] = field(default_factory=list)
    """Pods that lose their finalizer because they were counted."""
    failed: list[str] = field(default_factory=list)
    """uids of pods that are counted as failed now."""
    events: list[tuple[str, str, bool]] = field(default_factory=list)


def set_condition(status: dict[str, Any], type_: str, reason: str, message: str, now: str, value: str = "True") -> None:
    """In its place among the others; a new one comes last."""
    new = {"type": type_, "status": value, "lastProbeTime": now, "lastTransitionTime": now}
    conditions = [each for each in status.get("conditions") or () if each["type"] != type_]
    place = next((i for i, each in enumerate(status.get("conditions") or ()) if each["type"] == type_), None)
    conditions.insert(len(conditions) if place is None else place, {**new, "reason": reason, "message": message})
    status["conditions"] = conditions


def set_count(status: dict[str, Any], name: str, value: int) -> None:
    if value:
        status[name] = value
    else:
        status.pop(name, None)
