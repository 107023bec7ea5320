"""Why something waits or is refused: the reason and a sentence that says what to do."""

from __future__ import annotations

from apps.quotas.scheduling.fit import Books, largest, missing, needed
from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    EXCEEDS_QUOTA,
    GPUS,
    MEMORY_BYTES,
    NO_MATCHING_FLAVOR,
    WAITING_FOR_CAPACITY,
    WAITING_FOR_QUOTA,
    Ask,
    Limit,
    NodeView,
    QueueView,
)
from apps.quotas.scheduling.words import amount, asked, counted
from workers.contracts.sentences import say

Why = tuple[str, str]
"""Reason and sentence."""
FIRST, NOT_FIRST = "; first in queue.", "."
"""How a sentence ends about what waits."""


def refusal(books: Books, queue: QueueView, nodes: tuple[NodeView, ...], ask: Ask, count: int) -> Why | None:
    """Why `count` members could not run even if nothing else did; None when they could.

    A pool without any machine refuses nothing: its machines are yet to come.
    """
    if not nodes:
        return None
    kinds = [kind for kind in books.options(ask) if kind == "" or kind in books.flavors]
    if not kinds:
        return NO_MATCHING_FLAVOR, _no_such_kind(ask, books.flavors)
    flavor, (by_quota, by_machines) = max(
        ((kind, largest(queue, nodes, ask, kind)) for kind in kinds), key=lambda found: min(found[1])
    )
    if min(by_quota, by_machines) >= count:
        return None
    if by_quota < count:
        return EXCEEDS_QUOTA, _above_quota(queue, nodes, ask, flavor, count, min(by_quota, by_machines))
    if by_machines:
        most = counted(by_machines, "member")
        return NO_MATCHING_FLAVOR, say("refused_members", count=count, asked=asked(ask), room=by_machines, most=most)
    return NO_MATCHING_FLAVOR, _no_such_machine(nodes, ask, flavor)


def _no_such_kind(ask: Ask, flavors: list[str]) -> str:
    needs = amount(GPUS, ask.gpus, ask.flavor)
    if not flavors:
        return say("refused_no_gpu", needs=needs)
    return say("refused_no_such_kind", needs=needs, kinds=", ".join(flavors))


def _above_quota(queue: QueueView, nodes: tuple[NodeView, ...], ask: Ask, flavor: str, count: int, most: int) -> str:
    absent = missing(queue.limits, ask, flavor)
    if absent:
        needs = amount(absent, _of(ask, absent) * count, flavor)
        return say("refused_no_quota", needs=needs, project=queue.project)
    limit = min((one for one in queue.limits if needed(ask, one, flavor)), key=lambda one: _share(one, ask, flavor))
    need, machine = needed(ask, limit, flavor), max(_has(node, limit.resource, flavor) for node in nodes)
    could = most * need or min(limit.nominal, machine)
    needs = amount(limit.resource, need * count, flavor)
    if not could:
        return say("refused_quota_none", needs=needs, project=queue.project)
    shown = str(could) if limit.resource == GPUS else amount(limit.resource, could)
    helps = largest(queue, nodes, ask, flavor)[1] >= count
    return say("refused_above_quota" if helps else "refused_too_large", needs=needs, most=shown)


def _no_such_machine(nodes: tuple[NodeView, ...], ask: Ask, flavor: str) -> str:
    for resource in (GPUS, CPU_MILLIS, MEMORY_BYTES):
        most = max(_has(node, resource, flavor) for node in nodes)
        if _of(ask, resource) > most:
            needs, has = amount(resource, _of(ask, resource), flavor), amount(resource, most, flavor)
            return say("refused_machine", needs=needs, most=has)
    return say("refused_together", asked=asked(ask))


def quota_wait(books: Books, queue: QueueView, ask: Ask, flavor: str, count: int, end: str) -> Why:
    """Why the queue cannot hold `count` more members now, though it could."""
    told = {"project": queue.project, "first": end}
    absent = missing(queue.limits, ask, flavor)
    if absent:
        needs = amount(absent, _of(ask, absent) * count, flavor)
        return WAITING_FOR_QUOTA, say("wait_no_quota", needs=needs, **told)
    limit = min(
        (one for one in queue.limits if needed(ask, one, flavor)),
        key=lambda one: books.left(queue.id, one) / needed(ask, one, flavor),
    )
    left, quota = books.left(queue.id, limit), amount(limit.resource, limit.nominal, limit.flavor)
    by = counted(books.holders[queue.id], "workload")
    if left <= 0:
        return WAITING_FOR_QUOTA, say("wait_quota_used", quota=quota, by=by, **told)
    has = amount(limit.resource, left, limit.flavor)
    needs = amount(limit.resource, needed(ask, limit, flavor) * count, limit.flavor)
    return WAITING_FOR_QUOTA, say("wait_quota_left", quota=quota, left=has, by=by, needs=needs, **told)


def capacity_wait(books: Books, ask: Ask, count: int, end: str) -> Why:
    """Why the machines cannot hold `count` more members now, though they could."""
    if not books.free:
        return WAITING_FOR_CAPACITY, say("wait_no_machine", first=end)
    room = max((books.members_by_capacity(ask, kind) for kind in books.options(ask)), default=0)
    if count > 1:
        return WAITING_FOR_CAPACITY, say("wait_members", count=count, asked=asked(ask), room=room, first=end)
    return WAITING_FOR_CAPACITY, say("wait_machine", asked=asked(ask), first=end)


def behind_wait(queue: QueueView, reason: str) -> Why:
    """Why something waits that is not first in its queue: for what the first one waits for."""
    code = "wait_behind_quota" if reason == WAITING_FOR_QUOTA else "wait_behind_machine"
    return reason, say(code, project=queue.project)


def _of(ask: Ask, resource: str) -> int:
    return {CPU_MILLIS: ask.cpu_millis, MEMORY_BYTES: ask.memory_bytes, GPUS: ask.gpus}[resource]


def _has(node: NodeView, resource: str, flavor: str) -> int:
    if resource == GPUS:
        return sum(gpu.flavor == flavor for gpu in node.gpus)
    return node.cpu_millis if resource == CPU_MILLIS else node.memory_bytes


def _share(limit: Limit, ask: Ask, flavor: str) -> float:
    return limit.nominal / needed(ask, limit, flavor)
