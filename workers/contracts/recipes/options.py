"""What an option of a step takes, and the sentence that says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite
from typing import Any


def _nothing_more(_value: Any) -> str:
    return ""


class Required:
    """Stands for a default that an option does not have."""


REQUIRED = Required()


@dataclass(frozen=True, slots=True)
class Option:
    """One option: what it takes in words, the test of it, and what stands for it when it is left out.

    `schema` says the same as JSON Schema (2020-12), for forms; `x-input` in it names the field of a form that suits.
    The test decides: a schema cannot say everything.
    """

    takes: str
    holds: Callable[[Any], bool]
    default: Any = REQUIRED
    schema: Mapping[str, Any] = field(default_factory=dict)
    why: Callable[[Any], str] = _nothing_more
    """A sentence about a value that the test refuses, where more can be said than what it takes; else empty."""

    def fresh(self) -> Any:
        """The default, shared with nobody."""
        return deepcopy(self.default)

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def optional(self, default: Any) -> Option:
        """The same, with a default; None is taken where it is the default."""
        if default is None:
            kind = self.schema["type"]
            schema = {**self.schema, "type": [*([kind] if isinstance(kind, str) else kind), "null"]}
            return replace(self, holds=lambda value: value is None or self.holds(value), default=None, schema=schema)
        return replace(self, default=default)

    def among(self, *types: str) -> Option:
        """The same, for columns of these types; a hint for forms, since types may change from step to step."""
        return replace(self, schema={**self.schema, "x-column-types": list(types)})


def shown(value: Any) -> str:
    """A value as a sentence shows it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def unknown(word: Any, known: Sequence[str]) -> str:
    """The sentence about a word that is none of those that are known."""
    close = get_close_matches(word, known, n=1) if isinstance(word, str) else []
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{shown(word)} is not known; known are {', '.join(known) or 'none'}.{hint}"


def is_number(value: Any) -> bool:
    """A finite JSON number; `true` is none, and no whole number beyond 64 bits either."""
    return is_whole(value) or (isinstance(value, float) and isfinite(value))


def is_whole(value: Any) -> bool:
    """A JSON number without a fraction, of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def is_text(value: Any) -> bool:
    """A text of at most 200 characters that can be stored: no NUL, no half of a character."""
    return is_storable(value) and len(value) <= 200


def is_storable(value: Any) -> bool:
    """A text that can be stored: no NUL, no half of a character."""
    return isinstance(value, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)


def is_name(value: Any) -> bool:
    """What a column may be called."""
    return is_text(value) and value != ""


def is_names(value: Any) -> bool:
    """A list of different column names, at least one."""
    return isinstance(value, list) and bool(value) and all(map(is_name, value)) and len(set(value)) == len(value)


def is_texts(value: Any) -> bool:
    """A list of at most 100 short texts."""
    return isinstance(value, list) and len(value) <= 100 and all(map(is_text, value))


def is_mapping(value: Any) -> bool:
    """From text to whole numbers that are not negative; at most 1000."""
    if not isinstance(value, dict) or not 1 <= len(value) <= 1000:
        return False
    return all(is_text(label) and is_whole(number) and number >= 0 for label, number in value.items())


def is_values(value: Any) -> bool:
    """From text to texts, or to numbers; null among either; at most 1000."""
    if not isinstance(value, dict) or not 1 <= len(value) <= 1000 or not all(map(is_text, value)):
        return False
    found = [each for each in value.values() if each is not None]
    return all(map(is_text, found)) or all(map(is_number, found))


def is_renames(value: Any) -> bool:
    """From column to column name, each name once; at most 1000."""
    return (
        isinstance(value, dict)
        and 1 <= len(value) <= 1000
        and all(is_name(old) and is_name(new) for old, new in value.items())
    )


def is_factors(value: Any) -> bool:
    """From text that is not empty to numbers other than 0; at most 100."""
    if not isinstance(value, dict) or len(value) > 100:
        return False
    return all(is_name(unit) and is_number(factor) and factor != 0 for unit, factor in value.items())


def one_of(*choices: str) -> Option:
    words = " or ".join(repr(choice) for choice in choices)
    schema = {"type": "string", "enum": list(choices), "x-input": "choice"}
    return Option(words, lambda value: isinstance(value, str) and value in choices, schema=schema)


def some_of(*choices: str) -> Option:
    """A list of different ones, at least one."""
    words = ", ".join(repr(choice) for choice in choices)
    schema = {
        "type": "array",
        "items": {"type": "string", "enum": list(choices)},
        "minItems": 1,
        "uniqueItems": True,
        "x-input": "choices",
    }
    return Option(f"a list out of {words}", lambda value: is_names(value) and set(value) <= set(choices), schema=schema)


def whole(least: int, most: int) -> Option:
    return Option(
        f"a whole number from {least} to {most}",
        lambda value: is_whole(value) and least <= value <= most,
        schema={"type": "integer", "minimum": least, "maximum": most, "x-input": "integer"},
    )


def long_text(
    most: int, takes: str, field_of_form: str, least: int = 0, why: Callable[[Any], str] = _nothing_more
) -> Option:
    """A text of that many characters at most; `why` says what is wrong with one, else nothing."""
    return Option(
        takes,
        lambda value: is_storable(value) and least <= len(value) <= most and not why(value),
        schema={"type": "string", "minLength": least, "maxLength": most, "x-input": field_of_form},
        why=lambda value: why(value) if is_storable(value) and least <= len(value) <= most else "",
    )


_TEXT = {"type": "string", "maxLength": 200}
_NAME = {"type": "string", "minLength": 1, "maxLength": 200}

COLUMN = Option("a column name", is_name, schema={**_NAME, "x-input": "column"})
COLUMNS = Option(
    "a list of column names",
    is_names,
    schema={"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True, "x-input": "columns"},
)
TEXTS = Option(
    "a list of texts", is_texts, schema={"type": "array", "items": _TEXT, "maxItems": 100, "x-input": "texts"}
)
TEXT = Option("a text", is_text, schema={**_TEXT, "x-input": "text"})
COUNT = whole(1, 10_000)
SEED = whole(0, 2**53 - 1)
RATIO = Option(
    "a number above 0 and below 1",
    lambda value: is_number(value) and 0 < value < 1,
    schema={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "x-input": "number"},
)
POSITIVE = Option(
    "a number above 0",
    lambda value: is_number(value) and value > 0,
    schema={"type": "number", "exclusiveMinimum": 0, "x-input": "number"},
)
MAPPING = Option(
    "an object that gives each label a whole number from 0 on",
    is_mapping,
    schema={
        "type": "object",
        "additionalProperties": {"type": "integer", "minimum": 0},
        "minProperties": 1,
        "maxProperties": 1000,
        "x-input": "mapping",
    },
)
SOME_COLUMNS = COLUMNS.optional(None)
"""None stands for every column that the step is about."""
SWITCH = Option("true or false", lambda value: isinstance(value, bool), schema={"type": "boolean", "x-input": "switch"})
NUMBER = Option("a number", is_number, schema={"type": "number", "x-input": "number"})
NAME = replace(COLUMN, takes="a name for a column", schema={**_NAME, "x-input": "text"})
ON_ERROR = one_of("null", "fail", "drop").optional("null")
"""Of a value that cannot be converted: it is missing, or the run fails, or the row is left out."""
RENAMES = Option(
    "an object from column to new name",
    is_renames,
    schema={
        "type": "object",
        "propertyNames": {"minLength": 1, "maxLength": 200},
        "additionalProperties": _NAME,
        "minProperties": 1,
        "maxProperties": 1000,
        "x-input": "renames",
    },
)
VALUES_MAP = Option(
    "an object from text to texts, or to numbers, or null",
    is_values,
    schema={
        "type": "object",
        "propertyNames": {"maxLength": 200},
        "anyOf": [
            {"additionalProperties": {"type": ["string", "null"], "maxLength": 200}},
            {"additionalProperties": {"type": ["number", "null"]}},
        ],
        "minProperties": 1,
        "maxProperties": 1000,
        "x-input": "values",
    },
)
FACTORS = Option(
    "an object from unit to the number that one of it is worth",
    is_factors,
    schema={
        "type": "object",
        "propertyNames": {"minLength": 1, "maxLength": 200},
        "additionalProperties": {"type": "number", "not": {"const": 0}},
        "maxProperties": 100,
        "x-input": "factors",
    },
)
