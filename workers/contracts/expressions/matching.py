"""Whether a pattern is found in a text, in time linear in the text: all ways through the pattern are walked at once.

States of the walk are remembered as sets, so that texts that are alike cost a look-up a character.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from workers.contracts.expressions.patterns import Edge, Either, One, Part, Pattern, Ranges, Repeat

REMEMBERED_MOST: Final = 2_000
"""Sets of states; beyond, what was remembered is forgotten."""

_States = frozenset[int]


@dataclass(slots=True)
class Matcher:
    """`found(text)`: is the pattern anywhere in it."""

    pattern: Pattern
    _eats: dict[int, tuple[Ranges, int]] = field(default_factory=dict)
    """State → the characters that lead on, and where to."""
    _free: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    """State → where to without a character: always (""), at the begin (^) or at the end ($)."""
    _count: int = 0
    _start: int = 0
    _final: int = 0
    _begin: _States = frozenset()
    _again: _States = frozenset()
    _known: dict[tuple[_States, str], _States] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._final = self._new()
        self._start = self._built(self.pattern.root, self._final)
        self._begin = self._closed({self._start}, "^")
        self._again = self._closed({self._start}, "")

    def found(self, text: str) -> bool:
        states = self._begin
        for character in text:
            if self._final in states:
                return True
            states = self._step(states, character)
        ends = "^$" if not text else "$"
        return self._final in states or self._final in self._closed(set(states), ends)

    def _step(self, states: _States, character: str) -> _States:
        following = self._known.get((states, character))
        if following is None:
            code = ord(character)
            eaten = {to for state in states for ranges, to in self._eaters(state) if _within(ranges, code)}
            following = self._closed(eaten, "") | self._again
            if len(self._known) >= REMEMBERED_MOST:
                self._known.clear()
            self._known[states, character] = following
        return following

    def _eaters(self, state: int) -> tuple[tuple[Ranges, int], ...]:
        eater = self._eats.get(state)
        return () if eater is None else (eater,)

    def _closed(self, states: set[int], edges: str) -> _States:
        """These states and all that are reached without a character."""
        found, waiting = set(states), list(states)
        while waiting:
            for edge, to in self._free.get(waiting.pop(), ()):
                if to not in found and (not edge or edge in edges):
                    found.add(to)
                    waiting.append(to)
        return frozenset(found)

    # Building: from the end to the begin ----------------------------------------------------------------------

    def _new(self) -> int:
        self._count += 1
        return self._count

    def _built(self, part: Part, after: int) -> int:
        """The state at which `part` begins when it is followed by the state `after`."""
        if isinstance(part, One):
            state = self._new()
            self._eats[state] = (part.ranges, after)
            return state
        if isinstance(part, Edge):
            return self._fork((part.sign, after))
        if isinstance(part, Either):
            return self._fork(*(("", self._built(each, after)) for each in part.parts))
        if isinstance(part, Repeat):
            return self._repeated(part, after)
        for each in reversed(part.parts):
            after = self._built(each, after)
        return after

    def _repeated(self, part: Repeat, after: int) -> int:
        state = after
        if part.most is None:
            state = self._fork(("", after))
            self._free[state].append(("", self._built(part.part, state)))
        else:
            for _ in range(part.most - part.least):
                state = self._fork(("", after), ("", self._built(part.part, state)))
        for _ in range(part.least):
            state = self._built(part.part, state)
        return state

    def _fork(self, *ways: tuple[str, int]) -> int:
        state = self._new()
        self._free[state] = list(ways)
        return state


def _within(ranges: Ranges, code: int) -> bool:
    place = bisect_right(ranges, (code, 0x110000)) - 1
    return place >= 0 and code <= ranges[place][1]
