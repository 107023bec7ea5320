"""What a pickle would have on its stack, as far as it matters which names it calls: names and short words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from workers.contracts.inspection.allowed import is_allowed


@dataclass(frozen=True, slots=True)
class Name:
    """What it imports."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Call:
    """What a call of a name made."""

    of: Name
    given: Any


class _Other:
    """Anything of which nothing need be known."""


OTHER: Final = _Other()
WORD_MOST: Final = 1000
FOUND_MOST: Final = 50
WIDE: Final = 16


def noted(value: Any) -> Any:
    """A value as it is kept: words, numbers and short tuples; of the rest, that it is there."""
    if isinstance(value, str):
        return value if len(value) <= WORD_MOST else OTHER
    if isinstance(value, bool | int | Name | Call) or value is None:
        return value
    if isinstance(value, tuple | dict):
        return value if len(value) <= WIDE else OTHER
    return OTHER


class Memo:
    """What a pickle put aside, by number. The next number is how many there are, as `pickle` has it."""

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}

    def put(self, number: int, value: Any) -> None:
        self._kept[number] = value

    def add(self, value: Any) -> None:
        self._kept[len(self._kept)] = value

    def get(self, number: int) -> Any:
        """Raises KeyError."""
        return self._kept[number]


class Stack:
    """Values, and the marks between them. Taking what is not there raises IndexError."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._below: list[list[Any]] = []

    def push(self, value: Any) -> None:
        self._values.append(value)

    def pop(self) -> Any:
        return self._values.pop()

    @property
    def top(self) -> Any:
        return self._values[-1]

    def mark(self) -> None:
        self._below.append(self._values)
        self._values = []

    def to_mark(self) -> list[Any]:
        """What lies above the last mark, which goes with it."""
        taken, self._values = self._values, self._below.pop()
        return taken

    def drop(self) -> None:
        """A value, or the mark where none lies above it."""
        if self._values:
            self._values.pop()
        else:
            self._values = self._below.pop()


@dataclass(slots=True)
class Found:
    """What was found in a file's pickles."""

    names: set[str] = field(default_factory=set)
    """Every name that is imported."""
    refused: dict[str, str] = field(default_factory=dict)
    """What is not on the list of allowed names → what is done with it: `imports`, `calls`."""
    opcodes: int = 0
    runs: bool = False
    """Something not on the list is called, by a name that Python could have."""
    has_arrays: bool = False
    """Arrays of joblib were passed over."""

    def name(self, name: Name) -> None:
        self.names.add(str(name))
        if not is_allowed(name.module, name.name):
            self.refuse(str(name), "imports")

    def refuse(self, what: str, how: str) -> None:
        if what in self.refused or len(self.refused) < FOUND_MOST:
            self.refused[what] = "calls" if "calls" in (how, self.refused.get(what)) else how

    def take(self, other: Found) -> None:
        self.names |= other.names
        self.refused |= other.refused
        self.opcodes += other.opcodes
