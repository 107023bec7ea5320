"""What exactly keeps a workload from starting, as values: the sentences of `explain` in parts that can be counted with.

Looked at alone, as if nothing else waited: what is in its way then is a limit or the machines. If nothing is, others
are before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from apps.quotas.scheduling.blocked import MACHINES, Blocked
from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.explain import borrowers
from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fitting import Fitting
from apps.quotas.scheduling.refusal import over_cap, refusal
from apps.quotas.scheduling.snapshot import GPUS, WHOLE, Snapshot, Waiting
from apps.quotas.scheduling.tree import Place, amounts_of

BEHIND = "behind"
"""It would fit; others are before it."""
QUEUE, COHORT, POOL = "queue", "cohort", "pool"


class Never(NamedTuple):
    """What something that could never run is told, and the largest that could."""

    reason: str
    detail: str


class Borrower(NamedTuple):
    """Who holds more than it is guaranteed of what is short."""

    kind: str
    id: UUID | None
    name: str
    amount: int
    """Beyond its nominal."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The limit that is in the way. Amounts as everywhere in the scheduler: devices in thousandths."""

    kind: str
    """Of the place: `queue`, `cohort` or `pool`."""
    id: UUID | None
    """Of the pool: None."""
    name: str
    resource: str
    flavor: str
    nominal: int
    limit: int | None
    """Most it may hold; None: as much as others leave."""
    held: int
    left: int
    needed: int


@dataclass(frozen=True, slots=True)
class Free:
    """Of one kind of GPU that would do, or of machines for what wants none."""

    flavor: str
    devices: int
    """Whole ones that nobody holds."""
    members: int
    """Of this workload, that would find room now."""


@dataclass(frozen=True, slots=True)
class Why:
    """All that is known of why something waits."""

    kind: str
    """Of `blocked.Blocked`, or `behind`."""
    bound: Bound | None
    borrowers: tuple[Borrower, ...]
    """The largest first; what they give back is what it waits for."""
    free: tuple[Free, ...]
    possible_at: float | None
    """When what is in the way will be gone at the latest, by what others have declared; None: nobody knows."""
    never: Never | None = None
    """It could not run even if nothing else did."""
    avoids: tuple[str, ...] = ()
    """Nodes on which its last start took too long: it is not placed there for a while."""


def why(snapshot: Snapshot, one: Waiting) -> Why | None:
    """What keeps one from starting; None: its queue is not in the pool.

    Args:
        snapshot: what waits in it plays no part.
    """
    books = Books(snapshot)
    leaf = books.tree.leaves.get(one.queue_id)
    if leaf is None:
        return None
    one = books.heeded(one)
    counts = one.count_min, one.count_max
    ends_at = snapshot.at + one.limit_seconds
    candidate = Candidate(one, one.workload_id, one.queue_id, one.ask, *counts, one.priority, one.created_at, ends_at)
    free = tuple(_free(books, one, kind) for kind in books.options(one.ask))
    found = Fitting(books).fit(candidate, leaf)
    capped = over_cap(leaf.queue, one.ask, one.count_min, one.limit_seconds)
    refused = capped or (refusal(books, leaf, one.ask, one.count_min) if isinstance(found, Blocked) else None)
    never = Never(*refused) if refused else None
    if not isinstance(found, Blocked):
        return Why(BEHIND, None, (), free, None, never, one.ask.avoids)
    bound = _bound(books, found, one)
    borrowers = _borrowers(books, leaf, found)
    return Why(found.kind, bound, borrowers, free, books.keep(candidate, leaf, found), never, one.ask.avoids)


def _free(books: Books, one: Waiting, flavor: str) -> Free:
    machines = books.machines
    devices = int(machines.devices.free(flavor).sum()) if one.ask.gpus else 0
    return Free(flavor, devices, machines.together(one.ask, machines.members(one.ask, flavor)))


def _bound(books: Books, blocked: Blocked, one: Waiting) -> Bound | None:
    place, key = blocked.place, blocked.key
    if place is None or not key[0]:
        return None
    kind, identity = _place(books, place)
    most = place.bound.get(key)
    needed = amounts_of(one.ask, blocked.flavor, one.count_min).get(key, 0)
    nominal, held = place.nominal.get(key, 0), place.held.get(key, 0)
    limit, left = None if most is None else int(most), max(0, int(blocked.left))
    return Bound(kind, identity, place.name, *key, nominal, limit, held, left, needed)


def _borrowers(books: Books, leaf: Place, blocked: Blocked) -> tuple[Borrower, ...]:
    """Among those that share the place that is short, or the machines."""
    if blocked.kind == MACHINES:
        place, key = books.tree.root, (GPUS, blocked.flavor)
    elif blocked.place is not None and blocked.place is not leaf:
        place, key = blocked.place, blocked.key
    else:
        return ()
    found = [Borrower(*_place(books, each), each.name, each.over(key)) for each in borrowers(leaf, place, key)]
    return tuple(sorted(found, key=lambda each: (-each.amount, each.name)))


def _place(books: Books, place: Place) -> tuple[str, UUID | None]:
    if place.queue is not None:
        return QUEUE, place.queue.id
    if place.parent is None:
        return POOL, None
    return COHORT, next(key for key, each in books.tree.cohorts.items() if each is place)


def in_units(resource: str, amount: float) -> float:
    """As people count: whole devices instead of thousandths."""
    return amount / WHOLE if resource == GPUS else float(amount)
