"""A Job and its pods → an `Observation`. Pure.

The order of the questions matters: what the cluster's verdict is; else what was ordered; else what its pods do. An
end is said only when nothing can be alive: until then the job is STOPPING, with the reason that it will end for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workers.backends.kubernetes import names
from workers.backends.kubernetes.operators.kueue import QUEUE_NAME
from workers.backends.kubernetes.seen_events import explained
from workers.backends.kubernetes.seen_objects import Condition, Event, Job, Pod
from workers.backends.kubernetes.seen_pods import Member, member_of
from workers.contracts.observation import MemberObservation, Observation, Phase
from workers.contracts.sentences import say

NOT_FOUND: Final = Observation(Phase.NOT_FOUND)
DELETED: Final = "deleted_externally"
LOST: Final = "lost"
"""A member is gone, and nobody has said why: it may have been taken off its node between two looks."""


@dataclass(frozen=True, slots=True)
class Order:
    """That a job must end, as it is written on it (`names.STOP`)."""

    reason: str = ""
    """Empty: it was told to stop. Else why we ended it: something on the cluster had broken it."""
    detail: str = ""
    grace_seconds: int | None = None
    """Of its pods; None: that of their spec."""

    def text(self) -> str:
        said = {"reason": self.reason, "detail": self.detail, "grace_seconds": self.grace_seconds}
        return json.dumps({name: value for name, value in said.items() if value not in ("", None)})


def order_of(text: str) -> Order | None:
    """What an annotation says; None: nothing was ordered."""
    if not text:
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return Order()
    if not isinstance(said, dict):
        return Order()
    grace = said.get("grace_seconds")
    return Order(
        str(said.get("reason") or ""), str(said.get("detail") or ""), grace if isinstance(grace, int) else None
    )


def job_seen(
    job: Job, pods: Iterable[Pod], *, vanished: Iterable[Pod] = (), events: Sequence[Event] = ()
) -> Observation:
    """How a job is.

    Args:
        vanished: pods that were seen before and are not there any more.
        events: what was noted about it and its pods; needed only for what does not start.
    """
    if job.metadata.annotation(names.NEVER):
        return NOT_FOUND
    found = [*(member_of(pod) for pod in pods), *(member_of(pod, vanished=True) for pod in vanished)]
    seen = _Seen(job, found)
    order = order_of(job.metadata.annotation(names.STOP))
    return seen.verdict() or (seen.stopped(order) if order else seen.living(events))


def needed(job: Job, pods: Iterable[Pod], vanished: Iterable[Pod] = ()) -> Order | None:
    """What must be ordered of a job that is not at its end: somebody changed it, or the cluster broke it.

    A job whose member was taken off its node is over as a whole; told to stop, it gets no other in its place.
    """
    order = order_of(job.metadata.annotation(names.STOP))
    if job.condition("Complete", "Failed", "SuccessCriteriaMet") or job.metadata.annotation(names.NEVER):
        return None
    if order is not None:
        return None if job.spec.suspend else order
    if job.condition("FailureTarget"):
        return None
    if _was_changed(job):
        return Order(DELETED, say("cluster_job_changed"))
    for member in map(member_of, [*pods, *vanished]):
        if member.disrupted or _not_taken(member):
            return Order(member.reason, member.detail)
    untold = next((member for member in map(member_of, vanished) if not member.over), None)
    return Order(LOST, say("cluster_member_vanished", member=untold.index)) if untold is not None else None


def runs_whole(job: Job) -> bool:
    """Whether the Job alone says that all its members run, so that nobody need look at its pods."""
    status = job.status
    return (
        status.ready == job.count == status.active
        and not (status.terminating or status.succeeded or status.failed)
        and not any(each.status == "True" for each in status.conditions or ())
        and not job.spec.suspend
        and not _was_changed(job)
        and not (job.metadata.annotation(names.STOP) or job.metadata.annotation(names.NEVER))
    )


def whole(job: Job, images: Mapping[int, str]) -> Observation:
    """A job of which `runs_whole` is true.

    Args:
        images: of its members, as they were seen when they ran.
    """
    ranks = range(job.count)
    return Observation(
        Phase.RUNNING,
        members=tuple(MemberObservation(index, Phase.RUNNING, image=images.get(index, "")) for index in ranks),
    )


def _was_changed(job: Job) -> bool:
    """Somebody else suspended it, or took away members."""
    spec = job.spec
    fewer = spec.parallelism is not None and spec.parallelism < job.count
    return (bool(spec.suspend) and not job.metadata.label(QUEUE_NAME)) or fewer


class _Seen:
    """One look at a job."""

    def __init__(self, job: Job, found: Sequence[Member]) -> None:
        self._job = job
        self._found = found
        self._alive = any(not member.over for member in found)
        self._current = _current(found)

    def verdict(self) -> Observation | None:
        """What the cluster has decided, or has before it without a choice; None: nothing yet."""
        if self._job.condition("Complete", "SuccessCriteriaMet"):
            return self._succeeded()
        failed = self._job.condition("Failed", "FailureTarget")
        if failed is not None:
            order = order_of(self._job.metadata.annotation(names.STOP))
            if order is None or failed.reason == "DeadlineExceeded":
                return self._failed(failed)
        return None

    def stopped(self, order: Order) -> Observation:
        """It was told to end."""
        held = self._job.spec.suspend and self._job.condition("Suspended")
        if self._alive or not (held or self._job.condition("Failed", "FailureTarget")):
            return Observation(Phase.STOPPING, order.reason, order.detail, self._members(Phase.STOPPING))
        if order.reason == DELETED:
            return Observation(Phase.FAILED, order.reason, order.detail, self._members(Phase.FAILED), self._report())
        if order.reason:
            return Observation(Phase.LOST, order.reason, order.detail, self._members(Phase.LOST), self._report())
        if len(self._current) == self._job.count and all(self._ended_well(each) for each in self._current.values()):
            return self._succeeded()
        cause = _cause(self._found) or _first(member for member in self._found if member.exit_code)
        if cause is None:
            return Observation(
                Phase.FAILED, "exit_nonzero", say("cluster_stopped_unseen"), self._members(Phase.FAILED), self._report()
            )
        return Observation(Phase.FAILED, cause.reason, cause.detail, self._members(Phase.FAILED), self._report())

    def living(self, events: Sequence[Event]) -> Observation:
        """Nothing was decided and nothing ordered."""
        if _was_changed(self._job):
            return self.stopped(Order(DELETED, say("cluster_job_changed")))
        if self._job.metadata.deletion_timestamp is not None:
            return self._end(Phase.FAILED, DELETED, say("cluster_job_deleted"))
        members = list(self._current.values())
        broken = next((member for member in members if member.disrupted), None)
        if broken is not None:
            return self._ending(broken.reason, broken.detail)
        cause = _cause(members) if self._job.spec.backoff_limit == 0 else None
        if cause is not None:
            return self._end_by(cause)
        if any(member.deleting for member in members):
            return self._ending("", "")  # by whom, and why, the Job says a moment later
        if len(members) == self._job.count and all(map(self._ended_well, members)):
            return self._succeeded()
        going = [member for member in members if member.running or self._ended_well(member)]
        if len(going) == self._job.count and any(member.running for member in going):
            detail = next((member.detail for member in going if member.detail), "")
            return Observation(Phase.RUNNING, "", detail, self._members(Phase.RUNNING))
        return explained(self._job, members, self._members(Phase.PENDING), events)

    def _succeeded(self) -> Observation:
        if self._alive:
            late = next((member for member in self._found if not member.over), None)
            reason, detail = (late.disrupted, late.detail) if late is not None and late.disrupted else ("", "")
            return Observation(Phase.STOPPING, reason, detail, self._members(Phase.STOPPING))
        detail = next((each.detail for each in self._current.values() if self._ended_well(each) and each.detail), "")
        members = tuple(
            MemberObservation(index, Phase.SUCCEEDED, exit_code=0, reason="completed", image=self._image(index))
            for index in range(self._job.count)
        )
        return Observation(Phase.SUCCEEDED, "completed", detail, members, self._report())

    def _failed(self, verdict: Condition) -> Observation:
        """By the reason of the condition, else by the member that was the first to fail by itself."""
        said = (verdict.message or verdict.reason or "").strip()
        if verdict.reason == "DeadlineExceeded":
            return self._end(Phase.FAILED, "time_limit", say("cluster_deadline", said=said))
        if verdict.reason == "launch_error":  # an operator's
            return self._end(Phase.FAILED, "launch_error", say("cluster_refused", said=said))
        cause = _cause(self._found)
        if cause is not None:
            return self._end_by(cause)
        broken = _first(member for member in self._found if member.disrupted)
        if broken is not None:
            return self._end(Phase.LOST, broken.reason, broken.detail)
        crashed = _first(member for member in self._found if member.crashed)
        if crashed is not None:
            return self._end(Phase.FAILED, crashed.crashed, crashed.detail)
        missing = set(range(self._job.count)) - {each.index for each in self._found if not each.deleting}
        if missing and self._job.spec.backoff_limit is not None:  # pods that end by themselves stay, but an operator's
            return self._end(Phase.FAILED, DELETED, say("cluster_pod_deleted"))
        return self._end(Phase.FAILED, "exit_nonzero", say("cluster_failed", said=said))

    def _end_by(self, cause: Member) -> Observation:
        return self._end(cause.phase, cause.reason, cause.detail)

    def _end(self, phase: Phase, reason: str, detail: str) -> Observation:
        if self._alive:
            return self._ending(reason, detail)
        return Observation(phase, reason, detail, self._members(phase), self._report())

    def _ending(self, reason: str, detail: str) -> Observation:
        return Observation(Phase.STOPPING, reason, detail, self._members(Phase.STOPPING))

    def _ended_well(self, member: Member) -> bool:
        return member.over and member.phase is Phase.SUCCEEDED

    def _members(self, phase: Phase) -> tuple[MemberObservation, ...]:
        """One for each rank; one without a pod is in the phase of the whole."""
        return tuple(
            self._current[index].observed() if index in self._current else MemberObservation(index, phase)
            for index in range(self._job.count)
        )

    def _image(self, index: int) -> str:
        return self._current[index].image if index in self._current else ""

    def _report(self) -> dict[str, Any] | None:
        first = self._current.get(0)
        return first.report() if first is not None else None


def _current(found: Collection[Member]) -> dict[int, Member]:
    """The pod of each rank that counts: the youngest."""
    chosen: dict[int, Member] = {}
    for member in found:
        other = chosen.get(member.index)
        if other is None or _age(member) > _age(other):
            chosen[member.index] = member
    return chosen


def _age(member: Member) -> tuple[str, bool, str]:
    meta = member.pod.metadata
    return meta.creation_timestamp or "", not member.over, meta.name


def unproven(pods_gone: Iterable[Pod]) -> set[str]:
    """Nodes on which something may live of pods that are not there any more: who deletes by force asks no node."""
    gone = (pod for pod in pods_gone if not member_of(pod).over)
    return {pod.spec.node_name for pod in gone if pod.spec.node_name}


def _cause(found: Iterable[Member]) -> Member | None:
    """The member that failed first, of those that failed by themselves."""
    return _first(member for member in found if member.failed_by_itself or _not_taken(member))


def _not_taken(member: Member) -> bool:
    """A node sent it away before it began."""
    return member.over and member.phase is Phase.LOST and not member.disrupted


def _first(found: Iterable[Member]) -> Member | None:
    return min(found, key=lambda member: (member.finished_at or "~", member.index), default=None)
