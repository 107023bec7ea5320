"""How an uploaded file is parsed: the options of an ingestion, as plain values."""

from __future__ import annotations

import io
from typing import Any

from workers.contracts.recipes.options import Option, is_name, is_texts, one_of

FORMATS = ("csv", "tsv", "jsonl", "parquet")
TYPES = ("int64", "float64", "string", "bool", "timestamp", "date")
COLUMN_TYPES = (*TYPES, "image")
"""Also those that no table declares: a picture comes as a file."""
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""File name endings that say a format."""


ENCODINGS = ("utf-8", "utf-16", "gb18030", "big5", "latin-1", "cp1252", "shift_jis")
"""Those that a form offers; any that Python knows is taken."""
NO_DELIMITERS = ('"', "\n", "\r", "\0")


def _is_encoding(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(io.TextIOWrapper(io.BytesIO(), encoding=value))
    except (LookupError, ValueError):  # unknown, not about text (base64), or not even a name
        return False


def _is_delimiter(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode(errors="replace")) == 1 and value not in NO_DELIMITERS


def _are_nulls(value: Any) -> bool:
    return is_texts(value) and not any('"' in text for text in value)


def _is_types(value: Any) -> bool:
    return isinstance(value, dict) and all(is_name(name) and kind in TYPES for name, kind in value.items())


OPTIONS: dict[str, Option] = {
    "format": one_of(*FORMATS).optional(None),
    "delimiter": Option(
        "one ASCII character that is no quote and ends no line",
        _is_delimiter,
        schema={"type": "string", "pattern": r"^[\u0001-\u0009\u000b\u000c\u000e-!#-\u007f]$", "x-input": "delimiter"},
    ).optional(None),
    "null_values": Option(
        "a list of texts without quotes",
        _are_nulls,
        schema={
            "type": "array",
            "items": {"type": "string", "maxLength": 200, "pattern": '^[^"]*$'},
            "maxItems": 100,
            "x-input": "texts",
        },
    ).optional([""]),
    "header": Option(
        "true or false", lambda value: isinstance(value, bool), schema={"type": "boolean", "x-input": "switch"}
    ).optional(True),
    "encoding": Option(
        "the name of an encoding",
        _is_encoding,
        schema={"type": "string", "examples": list(ENCODINGS), "x-input": "encoding"},
    ).optional("utf-8"),
    "types": Option(
        f"an object from column to one of {', '.join(TYPES)}",
        _is_types,
        schema={
            "type": "object",
            "propertyNames": {"minLength": 1, "maxLength": 200},
            "additionalProperties": {"type": "string", "enum": list(TYPES)},
            "x-input": "column-types",
        },
    ).optional({}),
}
"""What `POST /ingestions` takes as `options`; what is left out is as it says here."""


def format_of(name: str) -> str:
    """The format that a file's name says; empty where it says none."""
    return next((found for ending, found in ENDINGS.items() if name.lower().endswith(ending)), "")


def parsing_problems(options: Any) -> dict[str, list[str]]:
    """What is wrong with an ingestion's options, by place (`options.delimiter`); empty when nothing is."""
    if not isinstance(options, dict):
        return {"options": ["Takes an object."]}
    found = {
        f"options.{name}": [f"Is not known; known are {', '.join(OPTIONS)}."] for name in options if name not in OPTIONS
    }
    for name, option in OPTIONS.items():
        if name in options and not option.holds(options[name]):
            found[f"options.{name}"] = [f"Takes {option.takes}."]
    return found
