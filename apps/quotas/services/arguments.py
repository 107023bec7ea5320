"""Arguments of commands as plain JSON: which there are, and of which kind each is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from apps.common.errors import Invalid

Read = Callable[[Any], Any]
TEXT_MOST = 200
LABEL = "of"
"""What a request is about, in words: for people who decide it, not for the command."""


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a whole number")
    return value


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a number")
    return float(value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > TEXT_MOST or not value.isprintable():
        raise ValueError(f"text of {TEXT_MOST} characters at most")
    return value


def key(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise ValueError("an id") from error


def or_none(read: Read) -> Read:
    return lambda value: None if value is None else read(value)


def read_all(
    command: str, arguments: Mapping[str, Any], *, needed: Mapping[str, Read], optional: Mapping[str, Read]
) -> dict[str, Any]:
    """The arguments as they are stored: those that are named, each read.

    Raises:
        Invalid: one is missing, unknown or of another kind; with a sentence per name.
    """
    readers = {**needed, **optional}
    wrong = {name: ["is missing"] for name in needed if name not in arguments}
    wrong |= {name: ["is unknown"] for name in arguments if name not in readers and name != LABEL}
    found: dict[str, Any] = {}
    for name in readers:
        if name not in arguments:
            continue
        try:
            found[name] = readers[name](arguments[name])
        except ValueError as error:
            wrong[name] = [f"is not {error}"]
    if wrong:
        said = "; ".join(f"{name} {sentences[0]}" for name, sentences in wrong.items())
        raise Invalid(f"{command}: {said}", fields=wrong)
    return found
