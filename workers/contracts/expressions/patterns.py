"""Regular expressions that mean the same to every engine.

RE2 (DuckDB, Arrow) and Rust's regex (Daft) differ in what `\\d`, `\\w`, `.` and `$` mean, and Python's own engine can
take for ever. So a pattern is read here, in the part of the syntax that both share; `spelling.py` writes it anew with
every class spelled out, and `matching.py` matches it in linear time. Taken are

    characters   .  \\d \\w \\s \\D \\W \\S  [a-z] [^a-z]  \\. and \\ before any other sign  \\t \\n \\r \\f \\v
    ( … ) (?: … )   |   * + ? {n} {n,} {n,m}  and the same with ? behind   ^ $

Refused are look-around, back references, flags, named groups, `\\b`, `\\p{…}` and POSIX classes. `\\d` is 0-9, `\\w` is
0-9, A-Z, a-z and _, `\\s` is blank, tab, line feed, carriage return, form feed and vertical tab, `.` is anything but a
line feed; `^` and `$` are the begin and the end of the whole text. Case counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STATES_MOST: Final = 1_000
"""Single characters of the pattern, repetitions written out."""
DEPTH_MOST: Final = 30
REPEAT_MOST: Final = 1_000
LAST: Final = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
"""Code points, first and last, ascending and apart."""

_DIGITS: Final = ((0x30, 0x39),)
_WORD: Final = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Final = ((0x09, 0x0D), (0x20, 0x20))
_CLASSES: Final[dict[str, Ranges]] = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}


class PatternError(ValueError):
    """A pattern that is wrong, or that not every engine takes. `place` counts characters from 0."""

    def __init__(self, problem: str, place: int) -> None:
        super().__init__(f"at character {place + 1}: {problem}")
        self.problem = problem
        self.place = place


@dataclass(frozen=True, slots=True)
class One:
    """One character of a class."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Edge:
    """`^` or `$`."""

    sign: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after another; none at all is the empty text."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the parts."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part so many times; `most` None is without end."""

    part: Part
    least: int
    most: int | None


Part = One | Edge | Sequence | Either | Repeat


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as it was read."""

    text: str
    root: Part
    groups: int
    """How many `( … )` there are, `(?: … )` aside."""


def pattern(text: str) -> Pattern:
    """Read a pattern. Raises PatternError."""
    reader = _Reader(text)
    root = reader.whole()
    if _size(root) > STATES_MOST:
        raise PatternError(f"it stands for more than {STATES_MOST} characters", 0)
    return Pattern(text, root, reader.groups)


def negated(ranges: Ranges) -> Ranges:
    """Every other code point."""
    found, start = [], 0
    for first, last in ranges:
        if first > start:
            found.append((start, first - 1))
        start = last + 1
    return (*found, *(((start, LAST),) if start <= LAST else ()))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._open = 0
        self.groups = 0

    def whole(self) -> Part:
        part = self._either()
        if self._place < len(self._text):
            raise PatternError("a `)` closes nothing", self._place)
        return part

    @property
    def _next(self) -> str:
        return self._text[self._place : self._place + 1]

    def _take(self) -> str:
        character = self._next
        self._place += 1
        return character

    def _either(self) -> Part:
        self._open += 1
        if self._open > DEPTH_MOST:
            raise PatternError(f"it is nested more than {DEPTH_MOST} deep", self._place)
        parts = [self._sequence()]
        while self._next == "|":
            self._take()
            parts.append(self._sequence())
        self._open -= 1
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while self._next and self._next not in "|)":
            parts.append(self._repeated())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self) -> Part:
        start = self._place
        part = self._single()
        if self._next not in tuple("*+?{"):
            return part
        if self._text[start] in "^$":
            raise PatternError(f"`{self._text[start]}` cannot be repeated", start)
        least, most = self._count()
        if self._next == "?":  # which match is found first does not matter to whether there is one
            self._take()
        if self._next in tuple("*+?{"):
            raise PatternError("what is repeated is repeated again: put ( ) around it", self._place)
        return Repeat(part, least, most)

    def _count(self) -> tuple[int, int | None]:
        start = self._place
        sign = self._take()
        if sign != "{":
            simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
            return simple[sign]
        end = self._text.find("}", start)
        first, comma, second = self._text[start + 1 : end].partition(",") if end > 0 else ("", "", "")
        digits = [each for each in (first, second) if each]
        if not first or not all(each.isascii() and each.isdigit() and len(each) <= 4 for each in digits):
            raise PatternError("`{` begins a count such as {2} or {2,5}; as a sign it is \\{", start)
        least = int(first)
        most = (int(second) if second else None) if comma else least
        if max(least, most or 0) > REPEAT_MOST or (most is not None and most < least):
            raise PatternError(f"a count is at most {REPEAT_MOST}, the smaller first", start)
        self._place = end + 1
        return least, most

    def _single(self) -> Part:
        start = self._place
        character = self._take()
        if character == "(":
            return self._group(start)
        if character == "[":
            return One(self._class(start))
        if character == ".":
            return One(negated(((0x0A, 0x0A),)))
        if character in "^$":
            return Edge(character)
        if character == "\\":
            return One(self._escaped(start))
        if character in "*+?{":
            raise PatternError(f"`{character}` repeats nothing", start)
        if character in "]}":
            raise PatternError(f"as a sign `{character}` is \\{character}", start)
        return One(_only(character))

    def _group(self, start: int) -> Part:
        if self._next == "?":
            if self._text[self._place : self._place + 2] != "?:":
                raise PatternError("flags, names and look-around are not taken, only (?: )", start)
            self._place += 2
        else:
            self.groups += 1
        part = self._either()
        if self._take() != ")":
            raise PatternError("a `(` is not closed", start)
        return part

    def _escaped(self, start: int) -> Ranges:
        character = self._take()
        if not character:
            raise PatternError("a `\\` stands at the end", start)
        if character.lower() in _CLASSES:
            ranges = _CLASSES[character.lower()]
            return ranges if character.islower() else negated(ranges)
        if character in _CONTROLS:
            return _only(_CONTROLS[character])
        if character.isalnum() or character == "_" or not character.isascii():
            raise PatternError(f"\\{character} is not taken", start)
        return _only(character)

    def _class(self, start: int) -> Ranges:
        denied = self._next == "^"
        if denied:
            self._take()
        found: list[tuple[int, int]] = []
        while (character := self._take()) != "]":
            place = self._place - 1
            if not character:
                raise PatternError("a `[` is not closed", start)
            found += self._range(place, self._member(place, character))
        if not found:
            raise PatternError("a class is empty", start)
        ranges = _merged(found)
        if denied and not (ranges := negated(ranges)):
            raise PatternError("a class is empty", start)
        return ranges

    def _member(self, place: int, character: str) -> Ranges:
        if character == "\\":
            return self._escaped(place)
        # `[`, `&&`, `--` and `~~` mean something to one engine in a class and nothing to the other
        if character in "[&~" or (character == "-" and self._text[place - 1] not in "[^" and self._next != "]"):
            raise PatternError(f"in a class `{character}` is written \\{character}", place)
        return _only(character)

    def _range(self, place: int, first: Ranges) -> Ranges:
        if self._next != "-" or self._text[self._place + 1 : self._place + 2] in ("]", ""):
            return first
        self._take()
        last = self._member(self._place, self._take())
        if len(first) != 1 or len(last) != 1 or first[0][0] != first[0][1] or last[0][0] != last[0][1]:
            raise PatternError("a range goes from one character to another", place)
        if first[0][0] > last[0][0]:
            raise PatternError("a range goes from the lower character to the higher", place)
        return ((first[0][0], last[0][0]),)


def _only(character: str) -> Ranges:
    return ((ord(character), ord(character)),)


def _merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _size(part: Part) -> int:
    if isinstance(part, Sequence | Either):
        return 1 + sum(map(_size, part.parts))
    if isinstance(part, Repeat):
        return 1 + _size(part.part) * max(part.least + (part.most is None), part.most or 0, 1)
    return 1
