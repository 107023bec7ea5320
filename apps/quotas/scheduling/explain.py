"""Why something waits: the reason, and a sentence that says what would have to change."""

from __future__ import annotations

from apps.quotas.scheduling.blocked import CAP, CAP_GPUS, KEPT, MACHINES, NO_QUOTA, PROMISED, Blocked
from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.snapshot import GPUS, WAITING_FOR_CAPACITY, WAITING_FOR_QUOTA, Key
from apps.quotas.scheduling.tree import Place, amounts_of
from apps.quotas.scheduling.words import amount, asked, counted
from workers.contracts.sentences import say

Why = tuple[str, str]
"""Reason and sentence."""
FIRST, NOT_FIRST = "; first in queue.", "."
"""How a sentence ends about what waits."""


def sentence(books: Books, one: Candidate, leaf: Place, why: Blocked, *, first: bool) -> Why:
    """Why something that was looked at waits."""
    end = FIRST if first else NOT_FIRST
    if why.kind in (MACHINES, KEPT):
        reason, text = WAITING_FOR_CAPACITY, _machines(books, one, leaf, why, end)
    else:
        reason, text = WAITING_FOR_QUOTA, _quota(books, one, leaf, why, end)
    return reason, _granted(one, text)


def behind(leaf: Place, reason: str) -> str:
    """Why something waits that was not looked at: others of its queue and kind, before it, wait."""
    code = "wait_behind_quota" if reason == WAITING_FOR_QUOTA else "wait_behind_machine"
    return say(code, project=leaf.name)


def _granted(one: Candidate, text: str) -> str:
    if not one.grows:
        return text
    has = len(one.item.assignments)
    return f"{say('granted', has=has, wanted=counted(one.item.wanted, 'member'))} {text}"


def _quota(books: Books, one: Candidate, leaf: Place, why: Blocked, end: str) -> str:
    told = {"project": leaf.name, "first": end}
    if why.kind == CAP and leaf.queue is not None and leaf.queue.running_most == 0:
        return say("wait_cap_none", **told)
    if why.kind == CAP:
        return say("wait_cap", by=counted(int(why.left), "workload"), **told)
    if why.kind == CAP_GPUS and leaf.queue is not None:
        return say("wait_cap_gpus", most=leaf.queue.gpus_per_run_most, **told)
    amounts = amounts_of(one.ask, why.flavor, one.least)
    if why.kind == NO_QUOTA:
        return say("wait_no_quota", needs=amount(why.key[0], amounts[why.key], why.flavor), **told)
    if why.kind == PROMISED or why.place is None:
        return say("wait_quota_kept", needs=asked(one.ask, one.least), first=end)
    resource, flavor = why.key
    needs = amount(resource, amounts[why.key], flavor)
    if why.place is not leaf:
        return _of_others(leaf, why, amounts[why.key], end)
    bound = int(leaf.bound.get(why.key, 0))
    quota, by = amount(resource, bound, flavor), counted(books.holders[one.queue_id], "workload")
    if why.left <= 0:
        return say("wait_quota_used", quota=quota, by=by, **told)
    return say("wait_quota_left", quota=quota, left=amount(resource, int(why.left), flavor), by=by, needs=needs, **told)


def _of_others(leaf: Place, why: Blocked, lacks: int, end: str) -> str:
    """A cohort, or the whole pool, has no more of it: who would have to give back what is borrowed."""
    place, (resource, flavor) = why.place, why.key
    if place is None:
        raise ValueError("a quota bounds at a place")
    needs, left = amount(resource, lacks, flavor), amount(resource, max(0, int(why.left)), flavor)
    told = {"needs": needs, "left": left, "first": end}
    said = say("wait_pool", **told) if place.parent is None else say("wait_cohort", cohort=place.name, **told)
    return said + _borrowed(leaf, place, why.key, lacks - max(0, int(why.left)))


def _borrowed(leaf: Place, place: Place, key: Key, lacks: int) -> str:
    """Who holds most of what others are guaranteed, among those that share a place, and what of it is lacking."""
    others = borrowers(leaf, place, key)
    if not others:
        return ""
    most = max(others, key=lambda each: (each.over(key), each.name))
    back = min(lacks, most.over(key))
    return " " + say("wait_borrowed", amount=amount(key[0], back, key[1]), holder=most.name)


def borrowers(leaf: Place, place: Place, key: Key) -> list[Place]:
    """Those directly below a place that hold more of a resource than is theirs; what a leaf is in is none of them."""
    return [each for each in place.below if each not in leaf.path and each.over(key)]


def _machines(books: Books, one: Candidate, leaf: Place, why: Blocked, end: str) -> str:
    if not books.machines.names:
        return say("wait_no_machine", first=end)
    if why.kind == KEPT:
        return say("wait_kept", asked=asked(one.ask, one.least), first=end)
    if one.least > 1:
        machines = books.machines
        room = max(
            (machines.together(one.ask, machines.members(one.ask, kind)) for kind in books.options(one.ask)), default=0
        )
        told = say("wait_members", count=one.least, asked=asked(one.ask), room=room, first=end)
    else:
        told = say("wait_machine", asked=asked(one.ask), first=end)
    if one.ask.avoids:
        told += " " + say("wait_avoids", nodes=", ".join(one.ask.avoids))
    if not one.ask.gpus:
        return told
    return told + _borrowed(leaf, books.tree.root, (GPUS, why.flavor), one.ask.gpus * one.ask.gpu_millis * one.least)
