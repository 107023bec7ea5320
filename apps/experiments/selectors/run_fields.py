"""What a table of runs can show, sort and filter by: `name`, `params.lr`, `metrics.val_auc:max`, `labels.owner`.

A key with other characters than letters, digits and `_ - . / @ %` stands in quotes: `params."my key"`. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from django.utils.dateparse import parse_date, parse_datetime

from apps.common.errors import Invalid

TEXTS = (
    *("name", "state", "reason", "experiment", "dataset", "requested_by", "tag", "kind"),
    *("project", "notes", "image"),
)
TIMES = ("created_at", "started_at", "ended_at")
NUMBERS = ("duration_seconds", "goal", "seed")
PARTS = ("last", "min", "max", "mean", "count", "last_step")
"""Of a metric's summary; `last` where none is named."""
GROUPS = ("params", "metrics", "labels")
_GROUP_WORDS = {"params": "parameter", "metrics": "metric", "labels": "label"}
OPERATORS = (">=", "<=", "!=", "=", ">", "<", "~")

_KEY = re.compile(r"[\w\-./@%]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}

Literal = bool | float | str | datetime | None


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the table."""

    text: str
    """As it was written."""
    group: str
    """`params`, `metrics`, `labels`, or `run`: then the key is the name of a column of the run."""
    key: str
    part: str = ""
    """Of a metric's summary."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator value`. A value is a number, a truth, a time, null or text."""

    field: Field
    operator: str
    value: Literal
    plain: str
    """The value as text, for a parameter that was given as text: `"0.01"`."""


def field_name(group: str, key: str, part: str = "") -> str:
    """How a parameter or metric is written."""
    plain = _KEY.fullmatch(key) is not None
    return f"{group}.{key if plain else json.dumps(key, ensure_ascii=False)}{f':{part}' if part else ''}"


def fields_of(texts: Iterable[str], place: str) -> list[Field]:
    """Fields separated by commas, each once. Raises Invalid, naming the place."""
    found: dict[str, Field] = {}
    for text in texts:
        at = 0
        while at < len(text):
            field, at = _field(text, at, place)
            found[field.text] = field
            if at < len(text) and text[at] != ",":
                _refuse(place, at, "expected a comma")
            at += 1
    return list(found.values())


def sort_of(text: str) -> tuple[Field, bool]:
    """`-metrics.val_auc` → the field, and whether it runs downward. Raises Invalid."""
    start = 1 if text.startswith("-") else 0
    field, end = _field(text, start, "sort")
    if end != len(text):
        _refuse("sort", end, "one field only")
    if field.key == "tag" and field.group == "run":
        _refuse("sort", start, "tags have no order")
    return field, bool(start)


def conditions_of(texts: Sequence[str]) -> list[Condition]:
    """What `where` asks, all of which must hold. Raises Invalid, naming which and where in it."""
    return [_condition(text, f"where[{number}]") for number, text in enumerate(texts)]


def _condition(text: str, place: str) -> Condition:
    field, at = _field(text, 0, place)
    at = _blank(text, at)
    operator = next((each for each in OPERATORS if text.startswith(each, at)), "")
    if not operator:
        _refuse(place, at, f"expected one of {' '.join(OPERATORS)}")
    start = _blank(text, at + len(operator))
    said = text[start:].rstrip()
    if not said:
        _refuse(place, start, "expected a value")
    value = _literal(said, place, start)
    value = _fitting(field, operator, value, said, (place, start, at))
    return Condition(field, operator, value, said if not isinstance(value, str) else value)


def _fitting(field: Field, operator: str, value: Literal, said: str, at: tuple[str, int, int]) -> Literal:
    """The value as the field has them. Raises Invalid."""
    place, start, operator_at = at
    ordered = operator in (">", ">=", "<", "<=")
    is_number = isinstance(value, float)
    if field.group == "metrics" or field.key in NUMBERS:
        if not is_number and not (value is None and not ordered):
            _refuse(place, start, "expected a number")
        if operator == "~":
            _refuse(place, operator_at, "~ looks for text")
    elif field.group == "params":
        if ordered and not is_number:
            _refuse(place, start, f"{operator} compares numbers")
        if operator == "~":
            return said if not isinstance(value, str) else value
    elif field.key in TIMES:
        return _time(value, operator, at)
    else:
        if ordered:
            _refuse(place, operator_at, f"{field.key} is text: use = != ~")
        if value is None and field.group == "labels" and operator != "~":
            return None
        return said if not isinstance(value, str) else value
    return value


def _time(value: Literal, operator: str, at: tuple[str, int, int]) -> Literal:
    place, start, operator_at = at
    if operator == "~":
        _refuse(place, operator_at, "~ looks for text")
    if value is None and operator in ("=", "!="):
        return None
    text = value if isinstance(value, str) else ""
    try:
        day = parse_date(text) if len(text) <= len("2026-03-02") else None
        moment = parse_datetime(text) if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
    except ValueError:
        moment = None
    if moment is None:
        _refuse(place, start, "expected a time: 2026-03-02 or 2026-03-02T09:30:00Z")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _field(text: str, at: int, place: str) -> tuple[Field, int]:
    """The field that begins there, and where it ends."""
    start = at
    group = next((each for each in GROUPS if text.startswith(f"{each}.", at)), "")
    if not group:
        word = re.compile(r"\w*").match(text, at)
        name = word.group() if word else ""
        if name not in (*TEXTS, *TIMES, *NUMBERS):
            _refuse(
                place, at, f"expected params.…, metrics.…, labels.… or one of {', '.join((*TEXTS, *TIMES, *NUMBERS))}"
            )
        return Field(name, "run", name), at + len(name)
    at += len(group) + 1
    quoted = _QUOTED.match(text, at)
    plain = _KEY.match(text, at)
    if quoted is not None:
        key, at = _unquoted(quoted.group(), place, at), quoted.end()
    elif plain is not None:
        key, at = plain.group(), plain.end()
    else:
        _refuse(place, at, f"expected the name of a {_GROUP_WORDS[group]}")
    part = ""
    if group == "metrics":
        part, at = _part(text, at)
    return Field(text[start:at], group, key, part), at


def _part(text: str, at: int) -> tuple[str, int]:
    found = re.compile(rf":({'|'.join(sorted(PARTS, key=len, reverse=True))})\b").match(text, at)
    return (found.group(1), found.end()) if found else ("last", at)


def _literal(said: str, place: str, at: int) -> Literal:
    if said.startswith('"'):
        if _QUOTED.fullmatch(said) is None:
            _refuse(place, at, "the quotes do not end")
        return _unquoted(said, place, at)
    if said in _WORDS:
        return _WORDS[said]
    if _NUMBER.fullmatch(said):
        return float(said)
    return said


def _unquoted(text: str, place: str, at: int) -> str:
    try:
        found = str(json.loads(text))
    except ValueError:
        _refuse(place, at, "not a text as JSON has it")
    if "\x00" in found:
        _refuse(place, at, "a NUL character")
    return found


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at] == " ":
        at += 1
    return at


def _refuse(place: str, at: int, what: str) -> NoReturn:
    raise Invalid(f"{place}: at character {at + 1}: {what}", fields={place: [f"at character {at + 1}: {what}"]})
