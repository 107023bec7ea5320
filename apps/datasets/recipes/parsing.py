"""How an uploaded file is parsed: the options of an ingestion, as plain values."""

from __future__ import annotations

import io
import posixpath
import re
from typing import Any

from workers.contracts.recipes.options import Option, is_name, is_number, is_texts, is_whole, one_of

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "excel", "images", "texts", "archive")
"""`archive`: whatever the names in a zip or tar say; `images` and `texts`: each file in it is a row."""
TYPES = ("int64", "float64", "string", "bool", "timestamp", "date")
COLUMN_TYPES = (*TYPES, "image")
"""Also those that no table declares: a picture comes as a file."""
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    **dict.fromkeys((".xlsx", ".xlsm", ".xls"), "excel"),
    **dict.fromkeys((".zip", ".tar", ".tgz"), "archive"),
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"), "images"),
}
"""File name endings that say a format."""
DATABASES = (".sqlite", ".sqlite3", ".db3")
"""Endings of files that are databases, which are not read: DuckDB needs an extension for it, and none is fetched."""
PRESSED = (".gz", ".zst")
"""Endings that stand after such a one: what is within is what the one before says."""

ENCODINGS = (
    "utf-8", "utf-16", "utf-32", "gb18030", "big5", "shift_jis", "euc_kr", "latin-1", "cp1252", "cp1250", "cp1251",
)  # fmt: skip
"""Those that a form offers; any that Python knows is taken."""
NO_DELIMITERS = ('"', "\n", "\r", "\0")
SKIP_MOST = 10_000
FORMAT_MOST = 60
COLUMNS_MOST = 5_000


def _is_encoding(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(io.TextIOWrapper(io.BytesIO(), encoding=value))
    except (LookupError, ValueError):  # unknown, not about text (base64), or not even a name
        return False


def _is_delimiter(value: Any) -> bool:
    return _is_mark(value) and value not in NO_DELIMITERS


def _is_mark(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode(errors="replace")) == 1 and value not in NO_DELIMITERS[1:]


def _are_nulls(value: Any) -> bool:
    return is_texts(value) and not any('"' in text for text in value)


def _is_types(value: Any) -> bool:
    return isinstance(value, dict) and all(is_name(name) and kind in TYPES for name, kind in value.items())


def _is_schema(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= COLUMNS_MOST and all(map(_is_column, value))


def _is_column(value: Any) -> bool:
    if not isinstance(value, dict) or not {"name", "type"} <= value.keys() <= {"name", "type", "nullable"}:
        return False
    return is_name(value["name"]) and value["type"] in TYPES and isinstance(value.get("nullable", True), bool)


def _mark(takes: str, pattern: str, *, may_be_empty: bool = False) -> Option:
    return Option(
        takes,
        lambda value: _is_mark(value) or (may_be_empty and value == ""),
        schema={"type": "string", "maxLength": 1, "pattern": pattern, "x-input": "text"},
    ).optional(None)


_FLAG = Option("true or false", lambda value: isinstance(value, bool), schema={"type": "boolean", "x-input": "switch"})
_MARK = r"^(?![\n\r\u0000])[\u0001-\u007f]$"
_PARTS = r"^(?=.*%[^%])([^%\u0000-\u001f]|%-?[aAbBcdfgGhHIjmMnpSuUVwWxXyYzZ%])+$"
_TIME_FORMAT = Option(
    "a format such as %d/%m/%Y, of at most 60 characters",
    lambda value: isinstance(value, str) and len(value) <= FORMAT_MOST and re.search(_PARTS, value) is not None,
    schema={"type": "string", "maxLength": FORMAT_MOST, "pattern": _PARTS, "x-input": "text"},
)
_NAME = {"type": "string", "minLength": 1, "maxLength": 200, "title": "Name", "x-zh-hans": {"title": "列名"}}
_TYPE = {"type": "string", "enum": list(TYPES), "title": "Type", "x-zh-hans": {"title": "类型"}}
_NULLABLE = {
    "type": "boolean",
    "default": True,
    "title": "A value may be missing",
    "x-zh-hans": {"title": "允许缺失值"},
}

OPTIONS: dict[str, Option] = {
    "format": one_of(*FORMATS).optional(None),
    "encoding": Option(
        "the name of an encoding",
        _is_encoding,
        schema={"type": "string", "examples": list(ENCODINGS), "x-input": "encoding"},
    ).optional(None),
    "delimiter": Option(
        "one ASCII character that is no quote and ends no line",
        _is_delimiter,
        schema={"type": "string", "pattern": r"^[\u0001-\u0009\u000b\u000c\u000e-!#-\u007f]$", "x-input": "delimiter"},
    ).optional(None),
    "header": _FLAG.optional(None),
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
    "quote": _mark("one ASCII character, or an empty text", f"{_MARK[:-1]}?$", may_be_empty=True),
    "escape": _mark("one ASCII character", _MARK),
    "comment": _mark("one ASCII character", _MARK),
    "skip_rows": Option(
        f"a whole number from 0 to {SKIP_MOST}",
        lambda value: is_whole(value) and 0 <= value <= SKIP_MOST,
        schema={"type": "integer", "minimum": 0, "maximum": SKIP_MOST, "x-input": "integer"},
    ).optional(0),
    "decimal": one_of(".", ",").optional("."),
    "thousands": one_of(".", ",", "'", " ", "_").optional(None),
    "date_format": _TIME_FORMAT.optional(None),
    "timestamp_format": _TIME_FORMAT.optional(None),
    "sheet": Option(
        "the name of a sheet",
        is_name,
        schema={"type": "string", "minLength": 1, "maxLength": 200, "x-input": "text"},
    ).optional(None),
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
    "schema": Option(
        "a list of columns, each an object with `name`, `type` and, where no value may be missing, `nullable` false",
        _is_schema,
        schema={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": _NAME, "type": _TYPE, "nullable": _NULLABLE},
                "required": ["name", "type"],
                "additionalProperties": False,
            },
            "minItems": 1,
            "maxItems": COLUMNS_MOST,
            "x-input": "columns-declared",
        },
    ).optional(None),
    "max_rejected_ratio": Option(
        "a number from 0 to 1",
        lambda value: is_number(value) and 0 <= value <= 1,
        schema={"type": "number", "minimum": 0, "maximum": 1, "x-input": "number"},
    ).optional(0.5),
    "max_rejected_rows": Option(
        "a whole number from 0 on",
        lambda value: is_whole(value) and 0 <= value < 2**53,
        schema={"type": "integer", "minimum": 0, "maximum": 2**53 - 1, "x-input": "integer"},
    ).optional(None),
}
"""What `POST /ingestions` takes as `options`; what is left out is as it says here."""


def format_of(name: str) -> str:
    """The format that a file's name says; empty where it says none."""
    stem, ending = posixpath.splitext(name.lower())
    if ending in PRESSED:
        stem, ending = posixpath.splitext(stem)
    return ENDINGS.get(ending, "")


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
