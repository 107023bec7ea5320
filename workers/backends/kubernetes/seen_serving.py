"""A Deployment and its pods → an `Observation`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from workers.backends.kubernetes import names
from workers.backends.kubernetes.seen_events import of_quota
from workers.backends.kubernetes.seen_jobs import NOT_FOUND, Order, order_of
from workers.backends.kubernetes.seen_objects import Deployment, Pod
from workers.backends.kubernetes.seen_pods import Member, main_container, member_of
from workers.contracts import exit_codes
from workers.contracts.observation import MemberObservation, Observation, Phase
from workers.contracts.sentences import say

REPLICAS: Final = "bedplate.io/replicas"
"""Annotation: how many it was told to have."""
SUPERSEDED: Final = "superseded"
"""Reason of an order: a newer attempt took its place."""


def serving_seen(server: Deployment, pods: Iterable[Pod], port: int) -> Observation:
    """How a server is. It runs from when it is known until it is told to stop, whatever its replicas do."""
    if server.metadata.annotation(names.NEVER):
        return NOT_FOUND
    members = _members(pods)
    observed = tuple(_observed(member, port) for member in members)
    order = order_of(server.metadata.annotation(names.STOP))
    if order is not None:
        return _stopped(server, order, members, observed)
    missing = tuple(MemberObservation(index, Phase.PENDING) for index in range(len(members), server.wanted))
    refused = _refused(server)
    detail = next((member.detail for member in members if member.detail and not member.running), refused)
    return Observation(Phase.RUNNING, "", detail, observed + missing)


def serving_needed(server: Deployment, pods: Iterable[Pod]) -> Order | None:
    """What must be ordered (again): see `seen_jobs.needed`."""
    order = order_of(server.metadata.annotation(names.STOP))
    if server.metadata.annotation(names.NEVER):
        return None
    if order is not None:
        return order if server.wanted else None
    for pod in pods:
        if exit_codes.CONTROL_PLANE_GONE in _last_codes(pod):
            return Order(SUPERSEDED, say("newer_attempt"))
        member = member_of(pod, number=0)
        if member.crashed == "launch_error":  # no restart will make the command exist
            return Order(member.crashed, member.detail)
    return None


def replicas_needed(server: Deployment) -> int | None:
    """How many it must be told to have again, because somebody else told it another number."""
    told = server.metadata.annotation(REPLICAS)
    held = bool(server.metadata.annotation(names.STOP) or server.metadata.annotation(names.NEVER))
    wrong = told.isdecimal() and int(told) != server.wanted and not held
    return int(told) if wrong else None


def resized(count: int) -> dict[str, object]:
    """The merge patch of an order, which is written on it so that it is seen when somebody changes it."""
    return {"metadata": {"annotations": {REPLICAS: str(count)}}, "spec": {"replicas": count}}


def _stopped(
    server: Deployment, order: Order, members: list[Member], observed: tuple[MemberObservation, ...]
) -> Observation:
    settled = server.status.observed_generation >= server.metadata.generation and not server.status.replicas
    if members or server.wanted or not settled:
        reason = "" if order.reason == SUPERSEDED else order.reason
        return Observation(Phase.STOPPING, reason, order.detail, observed)
    if order.reason == SUPERSEDED:
        gone = MemberObservation(0, Phase.FAILED, exit_code=exit_codes.CONTROL_PLANE_GONE, reason="exit_nonzero")
        return Observation(Phase.FAILED, "exit_nonzero", order.detail, (gone,))
    if order.reason:
        return Observation(Phase.FAILED, order.reason, order.detail)
    return Observation(Phase.SUCCEEDED, "completed")


def _members(pods: Iterable[Pod]) -> list[Member]:
    """Its living replicas."""
    found = [member_of(pod, number=index) for index, pod in enumerate(in_order(pods))]
    return [member for member in found if not member.over]


def in_order(pods: Iterable[Pod]) -> list[Pod]:
    """Pods of a server as its replicas are numbered: those that stay before those that leave before those that are
    over, the oldest first. Times are whole seconds, so names decide between pods of the same one."""

    def place(pod: Pod) -> tuple[bool, bool, str, str]:
        member = member_of(pod, number=0)
        return member.over, member.deleting, pod.metadata.creation_timestamp or "", pod.metadata.name

    return sorted(pods, key=place)


def _observed(member: Member, port: int) -> MemberObservation:
    pod = member.pod
    ready = pod.condition("Ready")
    address = f"{_host(pod.status.pod_ip)}:{port}" if pod.status.pod_ip else ""
    return replace(
        member.observed(),
        ready=member.running and not member.deleting and ready is not None and ready.status == "True",
        address=address,
        detail="" if member.running or not member.reason else member.detail,
    )


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _refused(server: Deployment) -> str:
    """Why its pods cannot be made, which is written on a Deployment itself."""
    for condition in server.status.conditions or ():
        if condition.type == "ReplicaFailure" and condition.status == "True":
            said = (condition.message or "").strip()
            return say("cluster_quota" if of_quota(said) else "cluster_refused", said=said)
    return ""


def _last_codes(pod: Pod) -> set[int]:
    """With which statuses its containers ended last."""
    main = main_container(pod)
    containers = [*(pod.status.init_container_statuses or ()), *([main] if main else [])]
    ends = [end for each in containers for end in (each.state.terminated, each.last_state.terminated)]
    return {end.exit_code for end in ends if end is not None}
