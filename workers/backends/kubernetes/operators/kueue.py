"""Jobs that Kueue admits as well: held back when they are made, and why they wait. Pure.

Kueue makes a `Workload` of each Job with the label of a queue, and lets the Job go once it is admitted. Bedplate has
admitted it before: the cluster's queue is shared with others, who may be ahead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from workers.backends.kubernetes.seen_objects import Condition, Meta, Part
from workers.contracts.sentences import say

QUEUE_NAME: Final = "kueue.x-k8s.io/queue-name"
JOB_UID: Final = "kueue.x-k8s.io/job-uid"
WAITS_FOR_QUOTA, WAITS_FOR_CHECKS, REFUSED, EVICTED = "waiting_for_quota", "no_capacity", "launch_error", "evicted"


class CheckState(Part, frozen=True):
    """One more condition of a queue, such as that a machine was ordered."""

    name: str = ""
    state: str = ""
    """`Pending`, `Ready`, `Retry` or `Rejected`."""
    message: str | None = None


class WorkloadStatus(Part, frozen=True):
    conditions: tuple[Condition, ...] | None = None
    admission_checks: tuple[CheckState, ...] | None = None


class Workload(Part, frozen=True):
    """What Kueue says of one job."""

    metadata: Meta = Meta()
    status: WorkloadStatus = WorkloadStatus()

    @property
    def job_uid(self) -> str:
        """Of the Job that it was made of."""
        owners = self.metadata.owner_references or ()
        return self.metadata.label(JOB_UID) or next((owner.uid for owner in owners), "")

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, whether it holds or not."""
        return next((each for each in self.status.conditions or () if each.type == kind), None)

    def holds(self, kind: str) -> bool:
        found = self.condition(kind)
        return found is not None and found.status == "True"


def queued(job: dict[str, Any], queue: str) -> dict[str, Any]:
    """A Job as one that Kueue lets go. `queue` is the LocalQueue in its namespace."""
    metadata = job["metadata"]
    labelled = {**metadata, "labels": {**metadata["labels"], QUEUE_NAME: queue}}
    return {**job, "metadata": labelled, "spec": {**job["spec"], "suspend": True}}


def waiting(found: Iterable[Workload]) -> tuple[str, str]:
    """Why a job is not let go, reason and sentence; empty while Kueue has said nothing, or has let it go."""
    for workload in found:
        rejected = [each for each in workload.status.admission_checks or () if each.state == "Rejected"]
        if rejected:
            said = rejected[0].message or rejected[0].name
            return REFUSED, say("cluster_queue_refused", said=said)
        if workload.holds("Admitted"):
            return "", ""
        reserved = workload.condition("QuotaReserved")
        if reserved is not None and reserved.status == "True":
            pending = [each for each in workload.status.admission_checks or () if each.state != "Ready"]
            said = "; ".join(f"{each.name}: {each.message or each.state}" for each in pending) or _said(reserved)
            return WAITS_FOR_CHECKS, say("cluster_queue", said=said)
        if reserved is not None:
            return WAITS_FOR_QUOTA, say("cluster_queue", said=_said(reserved))
    return "", ""


def evicted(found: Iterable[Workload]) -> str:
    """What Kueue says when it took its place away from a job; empty: it did not."""
    for workload in found:
        condition = workload.condition("Evicted")
        if condition is not None and condition.status == "True" and not workload.holds("Admitted"):
            cause = workload.condition("Preempted")
            told = cause if cause is not None and cause.status == "True" else condition
            return say("cluster_queue_evicted", said=_said(told))
    return ""


def _said(condition: Condition) -> str:
    return (condition.message or condition.reason or condition.type).strip()


def deactivated() -> dict[str, Any]:
    """The merge patch of a Workload whose job was told to stop: otherwise Kueue would let the job go again."""
    return {"spec": {"active": False}}
