"""One admission cycle: a decision for everything that waits or wants to grow.

The rule. What was promised places gets them once they are free. Then a contest (`fair_share`) names who is next, and it
starts with at least its least members at once, on machines with room and within the limits of all above it; or it
waits, and others may pass it. The first that the machines turn away gets its places kept from the moment on at which
they will be free, and so does what waits for a limit: who passes ends before that, or takes what is left beside it.
What is guaranteed, or has a class that preempts, may make others leave (`preemption`). What could never run is refused.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from uuid import UUID

from apps.quotas.scheduling.blocked import CAP, NO_QUOTA, Blocked
from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.explain import behind, sentence
from apps.quotas.scheduling.fair_share import Candidate, Contest
from apps.quotas.scheduling.fitting import Fitting
from apps.quotas.scheduling.promises import preempted, promised
from apps.quotas.scheduling.refusal import over_cap
from apps.quotas.scheduling.shapes import Shape
from apps.quotas.scheduling.snapshot import (
    WAITING_FOR_CAPACITY,
    Admit,
    Decision,
    Grow,
    Holding,
    Refuse,
    Snapshot,
    Wait,
    Waiting,
)
from apps.quotas.scheduling.tree import Place

Kind = Shape | tuple[Shape, int]
"""What is asked for; of a class that preempts, also its priority."""
Row = tuple[int, float, int, Waiting | Holding, Shape]
"""Level (negative: priority and what was gained by waiting), since when, which, who, what is asked for."""
PREEMPTIONS_MOST = 8
"""Preemptions in one cycle: the next cycle goes on."""
FRUITLESS_MOST, FRUITLESS_FIRST, TURN = 10, 6, 32
"""Searches for victims in one cycle that find too few; after the first of them only one kind of so many is tried,
another each second, so that nobody's search is for ever in the way of another's."""


def cycle(snapshot: Snapshot) -> tuple[Decision, ...]:
    """At least one decision for each waiting workload and each holding that wants more than it holds.

    Raises ValueError: a cohort is its own ancestor.
    """
    with _without_collection():
        return tuple(_Cycle(snapshot).decide())


@contextmanager
def _without_collection() -> Iterator[None]:
    """Nearly all that a cycle makes stays until its end: to look meanwhile for what nobody uses would take a fifth of
    its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Line:
    """What waits in one queue, in its order; whoever is of a kind that is turned away is passed over."""

    def __init__(self, leaf: Place, rows: list[Row], at: float) -> None:
        self.leaf = leaf
        self.head = ""
        """Why the first that was turned away waits."""
        self._rows, self._next, self._at = sorted(rows), 0, at
        queue = leaf.queue
        caps = (queue.running_most, queue.gpus_per_run_most, queue.run_seconds_most) if queue is not None else ()
        self._caps = any(cap is not None for cap in caps)
        self._closed = ""
        """Why nobody more can start, if so."""
        self._behind: dict[str, str] = {}
        """Reason → the sentence for those that are passed over for it."""
        self._least: dict[Kind, tuple[int, str]] = {}
        """Kind → the fewest members that were turned away, and why."""
        self._ends_at: dict[tuple[Kind, int], float] = {}
        """Kind → what ends so late, or later, was turned away."""

    def advance(self, fitting: Fitting, hopeless: bool, decisions: list[Decision]) -> Candidate | None:
        """The next that is worth a look; the others before it wait.

        Args:
            hopeless: nobody makes room for anybody any more.
        """
        rows, last, at = self._rows, len(self._rows), self._at
        while self._next < last:
            level, since, _, one, shape = rows[self._next]
            self._next += 1
            if isinstance(one, Holding):
                return _growing(one, shape)
            ends_at = at + one.limit_seconds
            reason = self._closed
            if not reason and self.head and not (self._caps and self._is_capped(one, fitting.books)):
                reason = self._turned_away(one, shape, ends_at)
                if not reason and fitting.is_full(one, shape, self.leaf, ends_at, hopeless=hopeless):
                    reason = WAITING_FOR_CAPACITY
            if not reason:
                counts = one.count_min, one.count_max
                return Candidate(
                    one, one.workload_id, one.queue_id, one.ask, *counts, -level, since, ends_at, False, shape
                )
            detail = self._behind.get(reason)
            if detail is None:
                detail = self._behind[reason] = behind(self.leaf, reason)
            decisions.append(Wait(one.workload_id, reason, detail))
        return None

    def _is_capped(self, one: Waiting, books: Books) -> bool:
        """Whether it is no matter of room: its queue would not let it start, or never."""
        capped = over_cap(self.leaf.queue, one.ask, one.count_min, one.limit_seconds)
        return capped is not None or books.is_capped(self.leaf, one.queue_id)

    def _turned_away(self, one: Waiting, shape: Shape, ends_at: float) -> str:
        """Why it need not be looked at; empty: it is."""
        kind = (shape, one.priority) if one.preempts else shape
        least = self._least.get(kind)
        if least is not None and least[0] <= one.count_min:
            return least[1]
        if not self._ends_at:
            return ""
        bound = self._ends_at.get((kind, one.count_min))
        return self.head if bound is not None and ends_at >= bound else ""

    def turn_away(self, one: Candidate, kind: Kind, why: Blocked, reason: str) -> None:
        """It waits, and so will others of its kind in this cycle."""
        if why.kind == CAP:
            self._closed = reason
        elif why.by_other:
            self._ends_at[kind, one.least] = min(one.ends_at, self._ends_at.get((kind, one.least), inf))
        else:
            least = self._least.get(kind)
            if least is None or one.least < least[0]:
                self._least[kind] = (one.least, reason)


def _growing(holding: Holding, shape: Shape) -> Candidate:
    more, queue, level = holding.wanted - len(holding.assignments), holding.queue_id, holding.priority
    identity, since, ends_at = holding.workload_id, holding.admitted_at, holding.ends_at
    return Candidate(holding, identity, queue, shape.ask, 1, more, level, since, ends_at, True, shape)


class _Cycle:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.books = Books(snapshot)
        self.fitting = Fitting(self.books)
        self.decisions: list[Decision] = []
        self.preemptions = self.asked = 0
        self.fruitless: set[tuple[UUID, Kind, int]] = set()

    def decide(self) -> list[Decision]:
        kept, self.decisions = promised(self.snapshot, self.books)
        lines = self._lines(kept)
        contest = Contest(self.books.tree, self.books.shares)
        for line in lines.values():
            contest.enter(line.leaf, self._next(line))
        while (candidate := contest.next()) is not None:
            line = lines[candidate.queue_id.int]
            self._look_at(candidate, line)
            contest.enter(line.leaf, self._next(line))
        return self.decisions

    def _next(self, line: _Line) -> Candidate | None:
        return line.advance(self.fitting, not self._may_search(), self.decisions)

    def _may_search(self) -> bool:
        """Whether anybody's victims are looked for in this cycle, still."""
        is_spent = self.preemptions >= PREEMPTIONS_MOST or len(self.fruitless) >= FRUITLESS_MOST
        return self.snapshot.policy.preemption and not is_spent

    def _lines(self, without: set[UUID]) -> dict[int, _Line]:
        """Queue, by the number of its id, → what waits in it."""
        policy, at = self.snapshot.policy, self.snapshot.at
        young = at - policy.ageing_seconds  # who waits since later has gained nothing yet
        rows: dict[int, list[Row]] = defaultdict(list)
        shape = self.fitting.shape
        for one in self.snapshot.waiting:
            if not without or one.workload_id not in without:
                since = one.created_at
                level = one.priority if since > young else one.priority + policy.gained(at - since)
                if one.ask.avoids:
                    one = self.books.heeded(one)
                rows[one.queue_id.int].append((-level, since, one.workload_id.int, one, shape(one.ask)))
        for holding in self.snapshot.holdings:
            if holding.wanted > len(holding.assignments) and not holding.leaving:
                which, asks = holding.workload_id.int, shape(holding.ask._replace(flavor=holding.flavor))
                rows[holding.queue_id.int].append((-holding.priority, holding.admitted_at, which, holding, asks))
        leaves = {queue.int: leaf for queue, leaf in self.books.tree.leaves.items()}
        return {queue: _Line(leaves[queue], line, at) for queue, line in rows.items()}

    def _look_at(self, one: Candidate, line: _Line) -> None:
        capped = None if one.grows else over_cap(line.leaf.queue, one.ask, one.least, one.item.limit_seconds)
        found = Blocked(CAP) if capped else self.fitting.fit(one, line.leaf)
        if isinstance(found, Blocked):
            shape = self.fitting.shape_of(one)
            never = None if one.grows else capped or self.fitting.never(line.leaf, shape, one.least)
            if never is not None:
                self.decisions.append(Refuse(one.id, *never))
            else:
                self._turn_away(one, line, found)
            return
        want, count, chosen = found
        places = self.books.give(one, line.leaf, want, count, chosen)
        if one.grows:
            self.decisions.append(Grow(one.id, one.item.assignments + places))
        else:
            self.decisions.append(Admit(one.id, want.flavor, places))

    def _turn_away(self, one: Candidate, line: _Line, why: Blocked) -> None:
        if one.grows:
            self.decisions.append(Wait(one.id, *sentence(self.books, one, line.leaf, why, first=False)))
            return
        shape = self.fitting.shape_of(one)
        kind = (shape, one.item.priority) if one.item.preempts else shape
        if self._preempts(one, kind, line.leaf, why):
            return
        start_at = self.books.keep(one, line.leaf, why)
        reason, detail = sentence(self.books, one, line.leaf, why, first=not line.head)
        self.decisions.append(Wait(one.id, reason, detail, start_at))
        line.head = line.head or reason
        line.turn_away(one, kind, why, reason)

    def _preempts(self, one: Candidate, kind: Kind, leaf: Place, why: Blocked) -> bool:
        """Whether others leave for it."""
        if why.kind in (CAP, NO_QUOTA) or not self._may_search():
            return False
        key = (one.queue_id, kind, one.least)
        if key in self.fruitless:
            return False
        for flavor in self.books.options(one.ask):
            if not self.books.preemption.may(one, leaf, flavor) or not self._is_its_turn():
                continue
            plan = self.books.preemption.plan(one, leaf, flavor)
            if plan is not None:
                self.preemptions += 1
                self.decisions += preempted(self.books, one, plan)
                return True
            self.fruitless.add(key)
        return False

    def _is_its_turn(self) -> bool:
        self.asked += 1
        return len(self.fruitless) < FRUITLESS_FIRST or (self.asked + int(self.snapshot.at)) % TURN == 0
