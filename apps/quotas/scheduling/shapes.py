"""What is asked for, once for all in a cycle that ask for the same: what was found out of one is known of the others.

In one cycle the machines only fill up: what they could not take once they cannot take later, nor what is larger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from apps.quotas.scheduling.snapshot import WHOLE, Ask
from apps.quotas.scheduling.tree import Amounts, amounts_of

Size = tuple[int, int, int, int]
"""Cores, memory and devices, or thousandths of one, of a member; and how many members."""


class Failed:
    """The smallest that found no place, of one kind of GPU: nothing larger does."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int, float]] = []

    def add(self, size: Size, after: float) -> None:
        """
        Args:
            after: what ends later finds no place; infinitely early: whatever its end.
        """
        cpu, memory, gpus, count = size
        self._rows = [
            row
            for row in self._rows
            if row[0] < cpu or row[1] < memory or row[2] < gpus or row[3] < count or row[4] < after
        ]
        self._rows.append((*size, after))

    def covers(self, size: Size, ends_at: float) -> bool:
        """Whether something no larger, that ends no later, has found no place."""
        cpu, memory, gpus, count = size
        for row in self._rows:
            if row[0] <= cpu and row[1] <= memory and row[2] <= gpus and row[3] <= count and row[4] < ends_at:
                return True
        return False


@dataclass(slots=True, eq=False)
class Want:
    """An ask with one kind of GPU that would do."""

    ask: Ask
    flavor: str
    amounts: Amounts
    """Of one member."""
    failed: Failed
    """Of the same form: without GPUs, with whole ones, with a part of one."""
    full: float = inf
    """The fewest members that the machines could not take."""
    room: float = inf
    """Members that the machines could take when they were counted last: no more later."""
    held_back: dict[int, float] = field(default_factory=dict)
    """Members → what ends so late, or later, has found only what is kept."""

    def is_full(self, least: int, ends_at: float) -> bool:
        """Whether the machines have turned so many members away already, or what is free is kept for others."""
        if self.full <= least:
            return True
        bound = self.held_back.get(least)
        return bound is not None and bound <= ends_at

    def size(self, count: int) -> Size:
        ask = self.ask
        gpus = 0 if not ask.gpus else ask.gpus if ask.gpu_millis == WHOLE else ask.gpu_millis
        return ask.cpu_millis, ask.memory_bytes, gpus, count


class Shape:
    """An ask, and its kinds of GPU."""

    __slots__ = ("ask", "larger", "wants")

    def __init__(self, ask: Ask, wants: list[Want]) -> None:
        self.ask, self.wants = ask, wants
        self.larger: dict[tuple[int, int], float] = {}
        """Leaves, as `Fitting` numbers them, and members → what ends so late, or later, is no smaller than what has
        found no place."""


class Shapes:
    """All that are asked for in a cycle."""

    def __init__(self, flavors: list[str]) -> None:
        self._flavors = flavors
        self._known: dict[Ask, Shape] = {}
        self._failed: dict[tuple[str, bool], Failed] = {}

    def of(self, ask: Ask) -> Shape:
        known = self._known.get(ask)
        if known is None:
            kinds = [""] if not ask.gpus else [ask.flavor] if ask.flavor else self._flavors
            known = self._known[ask] = Shape(ask, [self._want(ask, kind) for kind in kinds])
        return known

    def _want(self, ask: Ask, flavor: str) -> Want:
        # What found no place because of what it avoids says nothing of others.
        failed = Failed() if ask.avoids else self._failed.setdefault((flavor, ask.gpu_millis == WHOLE), Failed())
        return Want(ask, flavor, amounts_of(ask, flavor), failed)
