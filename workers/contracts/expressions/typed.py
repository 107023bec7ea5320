"""A tree whose every part has a type, in few operations: what the engines translate.

Operations, beside the functions of `functions.py` under their own names:

    column (value: its name)     literal (value: int, float, str, bool, date, datetime or None)
    negate add subtract multiply divide floor_divide remainder      of two int64 or two float64; divide: float64 only
    equal less less_equal        of two values of one type          and or (any number)  not  is_null
    to_float                     an int64 as float64
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from workers.contracts.expressions.patterns import Pattern

Value = int | float | str | bool | date | datetime | Pattern | None


@dataclass(frozen=True, slots=True)
class Typed:
    """`type` is a house type, `unknown`, or `null` for a null that has none yet. `value`: see above.

    The written arguments of a function (`round`, `substring`, `replace`, `matches`) are in `settings`, not in
    `arguments`: numbers and texts, and for `matches` one Pattern.
    """

    operation: str
    type: str
    arguments: tuple[Typed, ...] = ()
    value: Value = None
    settings: tuple[Any, ...] = ()
    position: int = 0
    end: int = 0

    def parts(self) -> Iterator[Typed]:
        """This and all below it."""
        yield self
        for each in self.arguments:
            yield from each.parts()

    def weight(self) -> int:
        """How many parts it becomes where an engine must write operands of some operations several times."""
        return 1 + self._repeats() * sum(each.weight() for each in self.arguments)

    def _repeats(self) -> int:
        whole = self.type == "int64"
        if self.operation in ("floor_divide", "remainder") and whole:
            return 1 if self.arguments[1].operation == "literal" else 4
        if self.operation in ("least", "greatest"):
            return int(3 ** (len(self.arguments) - 1).bit_length())
        return 3 if (self.operation == "abs" and whole) or self.operation == "substring" else 1

    @property
    def columns(self) -> dict[str, str]:
        """The columns it reads, with their types, in the order in which it names them."""
        return {str(part.value): part.type for part in self.parts() if part.operation == "column"}
