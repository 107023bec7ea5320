"""What is known of the columns at a point of a recipe, and how a step says that it does not fit there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

SPLIT = "__split"
"""`train` or `test`; a column like any other once a split has been made."""
WEIGHT = "__weight"
"""How much a row counts where a model is trained; made by a step that balances classes."""
RESERVED = frozenset({"__ordinal", SPLIT, WEIGHT, "*"})
"""Names that nobody may give a column."""
NUMBERS = ("int64", "float64")
TIMES = ("date", "timestamp")
TYPES = (*NUMBERS, "string", "bool", *TIMES, "image")
UNKNOWN = "unknown"
"""Stands for the type of a text column that may turn out to be numbers."""
NAMED_MOST = 20
"""Columns that a sentence lists."""


class Misfit(Exception):
    """A step does not fit the columns that it finds.

    Args:
        detail: a clause for people, without a capital and a full stop: `there is no column 'age'`.
        column: the column at fault; empty when none is.
        option: the option that names it; empty for the step as a whole.
    """

    def __init__(self, detail: str, column: str = "", code: str = "invalid_recipe", option: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.column = column
        self.code = code
        self.option = option


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns in order with their types, maybe before any data was read.

    `types` are house types, or `unknown`. What a step will make out of values that nobody has seen yet (`Home=rent`)
    stands in `open`, as the beginning of such names.
    """

    types: Mapping[str, str]
    label: str | None = None
    """The column that is predicted: no feature. It need not be there yet."""
    open: Mapping[str, str] = field(default_factory=dict)
    """Beginning of a name → type."""

    @classmethod
    def of(cls, columns: Iterable[Mapping[str, Any]], label: str | None = None) -> Self:
        """From a version's schema: `[{"name", "type"}]`."""
        return cls({str(column["name"]): str(column["type"]) for column in columns}, label)

    @property
    def is_split(self) -> bool:
        return SPLIT in self.types

    @property
    def features(self) -> dict[str, str]:
        return {name: kind for name, kind in self.types.items() if name not in (self.label, SPLIT, WEIGHT)}

    def features_of(self, *types: str) -> list[str]:
        """Names of the features that are, or may be, of these types."""
        return [name for name, kind in self.features.items() if kind in (*types, UNKNOWN)]

    # Another shape ------------------------------------------------------------------------------------------

    def with_types(self, changed: Mapping[str, str]) -> Shape:
        """Columns of these types: in their place, new ones at the end."""
        return replace(self, types={**self.types, **changed})

    def without(self, names: Iterable[str]) -> Shape:
        left_out = set(names)
        return replace(self, types={name: kind for name, kind in self.types.items() if name not in left_out})

    def renamed(self, names: Mapping[str, str]) -> Shape:
        """With other names for some columns; the label follows."""
        label = None if self.label is None else names.get(self.label, self.label)
        return replace(self, types={names.get(name, name): kind for name, kind in self.types.items()}, label=label)

    def in_order(self, names: Sequence[str]) -> Shape:
        return replace(self, types={name: self.types[name] for name in names})

    def opened(self, beginnings: Mapping[str, str]) -> Shape:
        return replace(self, open={**self.open, **beginnings})

    # Questions that raise -----------------------------------------------------------------------------------

    def type_of(self, name: str) -> str | None:
        """Its type; None when there is no such column."""
        if name in self.types:
            return self.types[name]
        return next((kind for beginning, kind in self.open.items() if name.startswith(beginning)), None)

    def require(self, name: str, types: Sequence[str] = (), *, option: str = "") -> str:
        """The column's type. Raises Misfit unless it is there, and of one of these types when any are given."""
        kind = self.type_of(name)
        if kind is None:
            raise Misfit(
                f"there is no column {name!r}; {_known(name, list(self.types))}", name, "unknown_column", option
            )
        if types and kind not in (*types, UNKNOWN):
            raise Misfit(f"column {name!r} is {kind}, not {' or '.join(types)}", name, "wrong_type", option)
        return kind

    def require_feature(self, name: str, types: Sequence[str] = (), *, option: str = "") -> str:
        """The same for a column that must be a feature."""
        kind = self.require(name, types, option=option)
        if name == self.label:
            raise Misfit(f"column {name!r} is the label, not a feature", name, "wrong_type", option)
        if name in (SPLIT, WEIGHT):
            says = "which part a row belongs to" if name == SPLIT else "how much a row counts"
            raise Misfit(f"column {name!r} says {says}; it is no feature", name, "wrong_type", option)
        return kind

    def require_features(
        self, names: Iterable[str] | None, types: Sequence[str] = (), *, option: str = "columns"
    ) -> None:
        for name in names or ():
            self.require_feature(name, types, option=option)

    def require_new(self, name: str, *, option: str = "") -> None:
        """Raise Misfit unless a column may be given this name: not taken, also where case does not count."""
        check_name(name, option=option)
        taken = next((each for each in self.types if each.lower() == name.lower()), None)
        if taken is not None:
            raise Misfit(f"there is a column {taken!r} already", name, "duplicate_column_names", option)

    def require_some(self) -> None:
        """Raise Misfit when nothing is left that a model could learn from."""
        if not self.features and not self.open:
            raise Misfit("no feature is left", code="no_columns")


def check_name(name: str, *, option: str = "") -> None:
    """Raise Misfit for a name that a column cannot have."""
    if name in RESERVED:
        raise Misfit(f"the name {name!r} is kept for other use", name, "reserved_column_name", option)
    if name != name.strip() or any(ord(character) < 32 or ord(character) == 127 for character in name):
        detail = f"a column cannot be named {name!r}: blanks around it or control characters"
        raise Misfit(detail, name, "wrong_column_name", option)


def _known(name: str, names: list[str]) -> str:
    """Which columns there are, the likely ones last."""
    more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
    by_lower = {each.lower(): each for each in names}
    close = [by_lower[each] for each in difflib.get_close_matches(name.lower(), by_lower, n=3)]
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"there are {', '.join(names[:NAMED_MOST])}{more}{hint}"
