"""A pattern written anew, so that RE2 and Rust's regex read the same: no class, flag or sign in which they differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workers.contracts.expressions.patterns import Edge, Either, One, Part, Pattern, Ranges, Sequence

_SIGNS: Final[dict[tuple[int, int | None], str]] = {(0, None): "*", (1, None): "+", (0, 1): "?"}


def spelled(pattern: Pattern) -> str:
    """The pattern for either engine."""
    return _part(pattern.root)


def _part(part: Part) -> str:
    if isinstance(part, Edge):
        return part.sign
    if isinstance(part, One):
        return _class(part.ranges)
    if isinstance(part, Sequence):
        return "".join(map(_part, part.parts))
    if isinstance(part, Either):
        return f"(?:{'|'.join(map(_part, part.parts))})"
    inner = _part(part.part)
    inner = inner if isinstance(part.part, One) else f"(?:{inner})"
    if (part.least, part.most) in _SIGNS:
        return inner + _SIGNS[part.least, part.most]
    return f"{inner}{{{part.least},{'' if part.most is None else part.most}}}"


def _class(ranges: Ranges) -> str:
    code: Callable[[int], str] = "\\x{{{:X}}}".format
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return code(ranges[0][0])
    # No engine has halves of characters (surrogates), nor may they be named.
    spans = [span for first, last in ranges for span in _without_halves(first, last)]
    return f"[{''.join(code(first) + ('-' + code(last) if last > first else '') for first, last in spans)}]"


def _without_halves(first: int, last: int) -> Ranges:
    parts = ((first, min(last, 0xD7FF)), (max(first, 0xE000), last))
    return tuple(part for part in parts if part[0] <= part[1])
