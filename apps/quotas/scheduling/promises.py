"""What a preemption has freed is for who asked for it: it gets exactly these places as soon as they are free."""

from __future__ import annotations

from uuid import UUID

from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.preemption import Plan
from apps.quotas.scheduling.refusal import over_cap
from apps.quotas.scheduling.snapshot import (
    PREEMPTED,
    RECLAIMED,
    WAITING_FOR_CAPACITY,
    Admit,
    Decision,
    Holding,
    Nominate,
    Preempt,
    Shrink,
    Snapshot,
    Wait,
    Waiting,
)
from apps.quotas.scheduling.tree import allowed, amounts_of
from apps.quotas.scheduling.words import amount_held
from workers.contracts.sentences import say


def promised(snapshot: Snapshot, books: Books) -> tuple[set[UUID], list[Decision]]:
    """Who has places promised: admitted to them, or waiting for them. What cannot be kept is taken back.

    Returns the workloads that need not be looked at again in this cycle, and the decisions.
    """
    done: set[UUID] = set()
    decisions: list[Decision] = []
    nominated = [one for one in snapshot.waiting if one.nominated]
    for one in sorted(nominated, key=lambda each: (-each.priority, each.created_at, each.workload_id)):
        if one.queue_id not in books.tree.leaves:
            continue
        may = _may_have(one, books)
        if may and _is_free(one, books):
            leaf = books.tree.leaves[one.queue_id]
            books.take_up(one, leaf)
            decisions.append(Admit(one.workload_id, one.nominated_flavor, one.nominated))
        elif may and (leaving := _leaving_for(one, snapshot, books)):
            books.promise(one, one.nominated_flavor, one.nominated, leaving)
            decisions.append(Wait(one.workload_id, WAITING_FOR_CAPACITY, say("wait_promised")))
        else:
            decisions.append(Nominate(one.workload_id, "", ()))
            continue
        done.add(one.workload_id)
    return done, decisions


def _may_have(one: Waiting, books: Books) -> bool:
    """Whether its queue may have it still, if it is free: quotas change."""
    leaf, count = books.tree.leaves[one.queue_id], len(one.nominated)
    if books.is_capped(leaf, one.queue_id) or allowed(leaf.limits, amounts_of(one.ask, one.nominated_flavor)):
        return False
    return over_cap(leaf.queue, one.ask, count, one.limit_seconds) is None


def _is_free(one: Waiting, books: Books) -> bool:
    amounts, count = amounts_of(one.ask, one.nominated_flavor), len(one.nominated)
    if books.tree.members(books.tree.leaves[one.queue_id], amounts, count) < count:
        return False
    return books.machines.holds(one.ask, one.nominated)


def _leaving_for(one: Waiting, snapshot: Snapshot, books: Books) -> list[Holding]:
    """Who is still leaving for it, or giving members back; nobody counts when not all places are on machines that are
    there."""
    if any(node not in books.machines.index for node, _ in one.nominated):
        return []
    found = (holding for holding in snapshot.holdings if holding.preempted_for == one.workload_id)
    return sorted(found, key=lambda holding: holding.workload_id)


def preempted(books: Books, one: Candidate, plan: Plan) -> list[Decision]:
    """The decisions that a plan comes to."""
    leaf = books.tree.leaves[one.queue_id]
    project = leaf.name
    what = amount_held(one.ask, plan.flavor, len(plan.assignments))
    said = {
        reason: say("reclaimed_by" if reason == RECLAIMED else "preempted_by", project=project, what=what)
        for reason in (RECLAIMED, PREEMPTED)
    }
    decisions: list[Decision] = [Preempt(held, why, said[why], one.id) for held, why in plan.kills.items()]
    decisions += [Shrink(held, count, one.id, why, said[why]) for held, (count, why) in plan.shrinks.items()]
    decisions.append(Nominate(one.id, plan.flavor, plan.assignments))
    decisions.append(Wait(one.id, WAITING_FOR_CAPACITY, say("wait_promised")))
    books.preempt(one, plan)
    return decisions
