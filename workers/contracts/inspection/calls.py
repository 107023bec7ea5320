"""What calls of a pickle may make, where that matters for what follows."""

from __future__ import annotations

from typing import Any, Final

from workers.contracts.inspection.arrays import WRAPPER
from workers.contracts.inspection.symbols import Call, Name

RECONSTRUCTORS: Final = ("copyreg._reconstructor", "copy_reg._reconstructor")
COMPUTED: Final = Call(Name("", ""), None)
"""Something that an earlier call made."""
TEXTS: Final = {
    ("builtins", "str"),
    ("__builtin__", "str"),
    ("__builtin__", "unicode"),
    ("_codecs", "encode"),
    ("", ""),
}
"""Calls that may make texts."""


def is_text(value: Any) -> bool:
    """Whether an earlier call may have made a text of it."""
    return isinstance(value, Call) and (value.of.module, value.of.name) in TEXTS


def is_clear(called: Name, given: Any) -> bool:
    """Whether it is known what is made: by `copyreg` of a class that is named, and not one that joblib looks for."""
    if str(called) not in RECONSTRUCTORS:
        return True
    made = given[0] if isinstance(given, tuple) and given else None
    return isinstance(made, Name) and str(made) != WRAPPER
