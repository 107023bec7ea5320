"""What could never run as things are, and the largest that could."""

from __future__ import annotations

from math import inf

from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    EXCEEDS_QUOTA,
    GPUS,
    MEMORY_BYTES,
    NO_MATCHING_FLAVOR,
    WHOLE,
    Ask,
    QueueView,
)
from apps.quotas.scheduling.tree import Place, allowed, amounts_of
from apps.quotas.scheduling.words import amount, asked, counted, duration
from workers.contracts.sentences import say

Why = tuple[str, str]
"""Reason and sentence."""
MOST = 1 << 40


def refusal(books: Books, leaf: Place, ask: Ask, count: int) -> Why | None:
    """Why `count` members could not run even if nothing else did; None when they could.

    A pool without any machine refuses nothing: its machines are yet to come.
    """
    if not books.snapshot.nodes:
        return None
    kind_of = (books.idle.alike(leaf.queue.id) if leaf.queue is not None else None), ask
    if books.idle.could.get(kind_of, 0) >= count:
        return None
    kinds = [kind for kind in books.idle.machines.flavors if ask.flavor in ("", kind)] if ask.gpus else [""]
    if not kinds:
        return NO_MATCHING_FLAVOR, _no_such_kind(ask, books.idle.machines.flavors)
    could: list[tuple[str, tuple[int, int]]] = []
    for kind in kinds:
        could.append((kind, largest(books, leaf, ask, kind)))
        if min(could[-1][1]) >= count:
            books.idle.could[kind_of] = min(could[-1][1])
            return None
    flavor, (by_quota, by_machines) = max(could, key=lambda found: min(found[1]))
    if by_quota < count:
        text = _above_quota(books, leaf, ask, flavor, count, (by_quota, by_machines))
        if text:
            return EXCEEDS_QUOTA, text
    if by_machines:
        most = counted(by_machines, "member")
        return NO_MATCHING_FLAVOR, say("refused_members", count=count, asked=asked(ask), room=by_machines, most=most)
    return NO_MATCHING_FLAVOR, _no_such_machine(books, ask, flavor)


def largest(books: Books, leaf: Place, ask: Ask, flavor: str) -> tuple[int, int]:
    """The most members that could run if nothing else did: by the quotas, and by the machines."""
    amounts = amounts_of(ask, flavor)
    by_quota = 0
    if leaf.queue is not None and allowed(leaf.limits, amounts) is None:
        by_quota = books.idle.members_of_quota(leaf.queue.id, amounts, MOST)
    return by_quota, books.idle.members(ask, flavor)


def over_cap(queue: QueueView | None, ask: Ask, count: int, limit_seconds: float) -> Why | None:
    """Why a queue lets nobody have so many members, or run for so long; None when it does."""
    if queue is None:
        return None
    devices, most = ask.gpus * count, queue.gpus_per_run_most
    if most is not None and devices > most:
        needs = amount(GPUS, devices * WHOLE, ask.flavor)
        told = {"project": queue.project, "needs": needs, "most": most}
        return EXCEEDS_QUOTA, say("refused_cap_gpus", **told)
    longest = queue.run_seconds_most
    if longest is not None and limit_seconds > longest:
        code = "refused_cap_seconds" if limit_seconds < inf else "refused_cap_no_limit"
        told = {"project": queue.project, "most": duration(longest)}
        return EXCEEDS_QUOTA, say(code, **(told | ({"asked": duration(limit_seconds)} if limit_seconds < inf else {})))
    return None


def _no_such_kind(ask: Ask, flavors: list[str]) -> str:
    needs = amount(GPUS, ask.gpus * ask.gpu_millis, ask.flavor)
    if not flavors:
        return say("refused_no_gpu", needs=needs)
    return say("refused_no_such_kind", needs=needs, kinds=", ".join(flavors))


def _above_quota(books: Books, leaf: Place, ask: Ask, flavor: str, count: int, most: tuple[int, int]) -> str:
    """Empty: no quota is in the way, the pool itself has no more."""
    amounts = amounts_of(ask, flavor)
    absent = allowed(leaf.limits, amounts)
    if absent is not None:
        needs = amount(absent[0], amounts[absent] * count, flavor)
        return say("refused_no_quota", needs=needs, project=leaf.name)
    twin = books.idle.tree.leaves[leaf.queue.id] if leaf.queue is not None else leaf
    bounding = books.idle.tree.bounding(twin, amounts, count)
    if bounding is None:
        return ""
    key, _, room = bounding
    needs = amount(key[0], amounts[key] * count, flavor)
    could = min(most) * amounts[key] or min(room, books.idle.most_of_one(key))
    if not could:
        return say("refused_quota_none", needs=needs, project=leaf.name)
    is_whole = key[0] == GPUS and could % WHOLE == 0
    shown = str(int(could) // WHOLE) if is_whole else amount(key[0], int(could), flavor)
    return say("refused_above_quota" if most[1] >= count else "refused_too_large", needs=needs, most=shown)


def _no_such_machine(books: Books, ask: Ask, flavor: str) -> str:
    amounts = amounts_of(ask, flavor)
    for key in ((GPUS, flavor), (CPU_MILLIS, ""), (MEMORY_BYTES, "")):
        most = books.idle.most_of_one(key)
        if amounts.get(key, 0) > most:
            needs, has = amount(key[0], amounts[key], flavor), amount(key[0], most, flavor)
            return say("refused_machine", needs=needs, most=has)
    return say("refused_together", asked=asked(ask))
