"""How long work runs, learnt from how long like work has run: against its declared limit, or in seconds without one.

What still runs counts too, as having run at least so long (Kaplan and Meier, 1958): at first only what is short has
ended. Values fall into buckets, each so much wider than the one before, so a history is two counts per bucket whatever
its length. A kind of work of which little is known is taken to be like its queue, and that like its pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.snapshot import Ask

Floats = npt.NDArray[np.float64]

RATIO_EDGES: Final[Floats] = np.geomspace(2.0**-12, 1.0, 97)
"""Of running times divided by declared limits."""
SECONDS_EDGES: Final[Floats] = np.geomspace(1.0, 2.0**22, 89)
"""Of running times of what declares no limit: up to seven weeks."""
LIKE_ITS_QUEUE: Final = 20.0
"""So many ended workloads weigh as much as what is known of the larger group."""


class Kind(NamedTuple):
    """Work that is taken to be alike: of one queue, that asks for the same."""

    queue_id: UUID
    ask: Ask
    members: int
    """Wanted."""


_ANY = Kind(UUID(int=0), Ask(0, 0), 0)
"""Stands for a kind, or a queue, of which nothing is known."""


class Span(NamedTuple):
    """One attempt of the past, or that runs now."""

    kind: Kind
    limit_seconds: float
    """Infinite: none was declared."""
    seconds: float
    ended: bool
    """By itself; or it runs still, or was stopped."""


@dataclass(slots=True, eq=False)
class Counts:
    """How many ended in each bucket, and how many are known only to have come so far; the last bucket is open."""

    ended: Floats
    cut: Floats

    @classmethod
    def none(cls, edges: Floats) -> Counts:
        return cls(np.zeros(len(edges)), np.zeros(len(edges)))

    def hazard(self, above: Floats, weight: float) -> Floats:
        """Per bucket: the part of what comes to it that ends in it, drawn towards that of a larger group."""
        gone = self.ended + self.cut
        here = np.cumsum(gone[::-1])[::-1] - self.cut / 2
        found: Floats = np.clip((self.ended + weight * above) / (here + weight), 0.0, 1.0)
        return found


@dataclass(slots=True)
class _Unit:
    """Values of one sort."""

    edges: Floats
    by_group: dict[Kind | UUID | None, Counts] = field(default_factory=dict)
    """Of a kind, of a queue, and under None of the whole pool."""
    known: dict[Kind | UUID | None, Floats] = field(default_factory=dict)
    """Group → cumulative hazard at each edge."""

    def add(self, kind: Kind, bucket: int, ended: float, cut: float) -> None:
        self.known.clear()
        for group in (kind, kind.queue_id, None):
            counts = self.by_group.get(group)
            if counts is None:
                counts = self.by_group[group] = Counts.none(self.edges)
            counts.ended[bucket] += ended
            counts.cut[bucket] += cut

    def cumulative(self, kind: Kind) -> Floats:
        """−log of the part that comes to each edge."""
        found = self.known.get(kind)
        if found is None:
            hazard = self._hazard(kind)
            found = np.concatenate(([0.0], np.cumsum(-np.log1p(-np.minimum(hazard, 1 - 1e-9)))))
            self.known[kind] = found
        return found

    def known_as(self, kind: Kind) -> Kind:
        """A kind of which as much is known: that with none of its own is any of its queue, or of the pool."""
        if kind in self.by_group:
            return kind
        return kind._replace(
            queue_id=kind.queue_id if kind.queue_id in self.by_group else _ANY.queue_id, ask=_ANY.ask, members=0
        )

    def _hazard(self, kind: Kind) -> Floats:
        # One in a hundred thousand ends in any bucket, so that what nobody has seen is unlikely, not impossible.
        hazard = np.full(len(self.edges), 1e-5)
        for group in (None, kind.queue_id, kind):
            counts = self.by_group.get(group)
            if counts is not None:
                hazard = counts.hazard(hazard, LIKE_ITS_QUEUE if group is not None else 1.0)
        return hazard


class Durations:
    """What is known of running times in one pool."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._ratios, self._seconds = _Unit(RATIO_EDGES), _Unit(SECONDS_EDGES)
        self.count = 0
        for span in spans:
            limited = span.limit_seconds < inf
            value = span.seconds / max(1.0, span.limit_seconds) if limited else span.seconds
            edges = RATIO_EDGES if limited else SECONDS_EDGES
            self.add(span.kind, limited, int(np.searchsorted(edges, value, "right")) - 1, int(span.ended), 1)

    def add(self, kind: Kind, limited: bool, bucket: int, ended: int, seen: int) -> None:
        """Enter what was counted: of `seen` that came to a bucket and no further, so many ended there by themselves.

        Args:
            limited: the bucket is one of `RATIO_EDGES`, else of `SECONDS_EDGES`; −1: before the first edge.
        """
        unit = self._ratios if limited else self._seconds
        unit.add(kind, max(0, bucket), float(ended), float(seen - ended))
        self.count += ended

    def left(self, kinds: Sequence[Kind], limits: Floats, ages: Floats, chances: Floats) -> Floats:
        """Seconds that work will run on, which it exceeds with these chances.

        Args:
            limits: declared, infinite: none.
            ages: seconds that it has run already; 0: it has not begun.
            chances: between 0 and 1, each as likely as the other.
        """
        found = np.empty(len(kinds))
        finite = np.isfinite(limits)
        for limited, unit in ((True, self._ratios), (False, self._seconds)):
            rows: dict[Kind, list[int]] = {}
            alike: dict[Kind, Kind] = {}
            for number in np.flatnonzero(finite == limited).tolist():
                kind = kinds[number]
                group = alike.get(kind)
                if group is None:
                    group = alike[kind] = unit.known_as(kind)
                rows.setdefault(group, []).append(number)
            for group, numbers in rows.items():
                here = np.array(numbers)
                scale = np.maximum(1.0, limits[here]) if limited else np.ones(len(here))
                found[here] = _left(unit, group, ages[here] / scale, chances[here]) * scale
        return found


def _left(unit: _Unit, kind: Kind, ages: Floats, chances: Floats) -> Floats:
    risk = unit.cumulative(kind)[: len(unit.edges)]
    goal = np.interp(ages, unit.edges, risk) - np.log(np.clip(chances, 1e-6, 1.0))
    ends = np.interp(goal, risk, unit.edges)
    # What has outlived all that is known goes on for a tenth of its age.
    beyond = np.maximum(ages * 1.1, ages + unit.edges[0])
    left: Floats = np.maximum(np.where(goal > risk[-1], np.maximum(beyond, unit.edges[-1]), ends) - ages, unit.edges[0])
    return left
