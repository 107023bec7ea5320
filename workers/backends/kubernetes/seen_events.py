"""Why a job does not start yet, where only events say so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workers.backends.kubernetes.seen_objects import Event, Job
from workers.backends.kubernetes.seen_pods import Member, no_image
from workers.contracts.observation import MemberObservation, Observation, Phase
from workers.contracts.sentences import say

WORST: Final = ("image_pull", "launch_error", "no_capacity")
"""Of several members that wait, what is said is the worst."""
QUOTA: Final = ("exceeded quota", "status unknown for quota")
"""What is refused because of a quota that is used up, or that the cluster has not counted yet."""
FETCHED: Final = frozenset({"Pulled", "Created", "Started", "Failed", "BackOff", "ErrImageNeverPull"})
NOT_FETCHED: Final = "Failed to pull image "
STUCK: Final = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"})


def explained(
    job: Job, members: Sequence[Member], observed: tuple[MemberObservation, ...], events: Sequence[Event]
) -> Observation:
    """A job that does not run yet.

    Args:
        members: its pods that count.
        observed: one for each rank.
    """
    for reason in WORST:
        for member in members:
            if member.reason == reason:
                return Observation(Phase.PENDING, reason, _why(member, events), observed)
    if len(members) < job.count:
        refusal = _latest(events, {job.metadata.uid}, frozenset({"FailedCreate"}))
        if refusal is not None:
            return _not_created(refusal.message or "", observed)
    waiting = {member.pod.metadata.uid: member for member in members if not member.running and not member.over}
    for uid, member in waiting.items():
        last = _latest(events, {uid}, FETCHED | STUCK | {"Pulling"})
        if last is not None and last.reason == "Pulling":
            return _pulling(member, observed)
        if last is not None and last.reason in STUCK:
            detail = say("cluster_setup", member=member.index, said=(last.message or "").strip())
            return Observation(Phase.PENDING, "", detail, observed)
    return Observation(Phase.PENDING, "", "", observed)


def _why(member: Member, events: Sequence[Event]) -> str:
    """What a member says, or what was noted about the last try to fetch its image where it does not say why."""
    if member.unexplained:
        tries = [each for each in events if (each.message or "").startswith(NOT_FETCHED)]
        last = _latest(tries, {member.pod.metadata.uid}, frozenset({"Failed"}))
        if last is not None:
            return no_image(member, (last.message or "").partition('": ')[2]).detail
    return member.detail


def _not_created(message: str, observed: tuple[MemberObservation, ...]) -> Observation:
    """The Job is there, its pods are refused."""
    said = message.removeprefix("Error creating: ").strip()
    if of_quota(said):
        return Observation(Phase.PENDING, "waiting_for_quota", say("cluster_quota", said=said), observed)
    return Observation(Phase.PENDING, "launch_error", say("cluster_refused", said=said), observed)


def of_quota(said: str) -> bool:
    """Whether it is a quota that refuses, for now."""
    return any(words in said for words in QUOTA)


def _pulling(member: Member, observed: tuple[MemberObservation, ...]) -> Observation:
    index = member.index
    fetching = tuple(MemberObservation(index, Phase.PULLING) if each.index == index else each for each in observed)
    return Observation(Phase.PULLING, "", "", fetching)


def _latest(events: Sequence[Event], uids: set[str], reasons: frozenset[str]) -> Event | None:
    """The youngest event about one of these objects; of several at one second, that which was noted last."""
    found = [each for each in events if each.involved_object.uid in uids and each.reason in reasons]
    return max(
        found,
        key=lambda each: (each.at[:19], len(each.metadata.resource_version), each.metadata.resource_version),
        default=None,
    )
