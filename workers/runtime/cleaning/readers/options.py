"""What an ingestion was asked to do with its file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.schema import DECLARABLE, SQL_TYPES, Column, check_names

NO_DELIMITERS = ('"', "\n", "\r", "\0")
SKIP_MOST = 10_000
TIME_FORMAT = re.compile(r"(?=.*%[^%])([^%]|%-?[aAbBcdfgGhHIjmMnpSuUVwWxXyYzZ%])+")
"""Of what DuckDB reads with."""
RATIO_MOST = 0.5
"""Of a file of which more than half is left out, the options are wrong rather than the rows."""


@dataclass(frozen=True, slots=True)
class Options:
    """Parameters of an ingestion. None, where it stands for nothing else, means to look into the file."""

    delimiter: str | None = None
    """One character."""
    quote: str | None = None
    """One character; empty for a file in which a quote is a letter like any other."""
    escape: str | None = None
    """One character before a quote inside of quotes; None: the quote is doubled."""
    header: bool | None = None
    comment: str | None = None
    """One character that begins lines which are no data; None: there are none."""
    skip_rows: int = 0
    """Lines (of Excel rows) before the header."""
    decimal: str = "."
    thousands: str | None = None
    date_format: str | None = None
    """As strptime has it; None: ISO 8601."""
    timestamp_format: str | None = None
    null_values: tuple[str, ...] = ("",)
    """Fields that stand for a missing value."""
    encoding: str | None = None
    sheet: str | None = None
    """Of a workbook; None: the first one that people see."""
    types: dict[str, str] = field(default_factory=dict)
    """House types that the user insists on, by column; a value that does not fit rejects its row."""
    schema: tuple[Column, ...] | None = None
    """All columns; those of a file may stand in another order, and one may lack where it is nullable."""
    as_text: frozenset[str] = frozenset()
    """Columns that have other types in another file of the same upload: their text is kept as it is."""
    is_append: bool = False
    """The schema is that of the version which rows are added to: it says what is missing there, not what may be."""
    max_rejected_ratio: float = RATIO_MOST
    max_rejected_rows: int | None = None

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Self:
        """Raises UserError `invalid_parameters`."""
        known = {each.name for each in fields(cls)} - {"schema", "as_text", "is_append"}
        given: dict[str, Any] = {key: value for key, value in parameters.items() if key in known and value is not None}
        for name, value in given.items():
            if not _HOLDS[name][0](value):
                raise UserError("invalid_parameters", f"{name} {_HOLDS[name][1].format(value=value)}")
        for name, kind in given.get("types", {}).items():
            _check_type("types", name, kind)
        appended = parameters.get("declared_schema")
        schema = _schema("declared_schema" if appended else "schema", appended or parameters.get("schema"))
        options = cls(**given, schema=schema, is_append=bool(appended))
        options._check_marks()
        return options

    @property
    def declared(self) -> dict[str, str]:
        """The house type per column that must have one."""
        return {column.name: column.type for column in self.schema} if self.schema else self.types

    @property
    def is_usual(self) -> bool:
        """Nothing is said of columns, nor of how numbers and times are written."""
        said = (self.schema, self.types, self.as_text, self.thousands, self.date_format, self.timestamp_format)
        return not any(said) and self.decimal == "."

    def _check_marks(self) -> None:
        """Refuse one character for two purposes."""
        marks = {
            "delimiter": self.delimiter, "quote": self.quote or None, "comment": self.comment,
            "thousands": self.thousands,
        }  # fmt: skip
        seen: dict[str, str] = {}
        for name, mark in marks.items():
            if mark is not None and mark in seen:
                raise UserError("invalid_parameters", f"{name} and {seen[mark]} are both {mark!r}")
            if mark is not None:
                seen[mark] = name
        if self.thousands == self.decimal:
            raise UserError("invalid_parameters", f"thousands and decimal are both {self.decimal!r}")


def _schema(place: str, given: object) -> tuple[Column, ...] | None:
    if not given:
        return None
    if not isinstance(given, list) or not all(
        isinstance(each, Mapping) and each.keys() >= {"name", "type"} for each in given
    ):
        raise UserError("invalid_parameters", f"{place} is a list of columns, each with its name and type")
    columns = []
    for each in given:
        _check_type(place, each["name"], each["type"], SQL_TYPES if place == "declared_schema" else DECLARABLE)
        columns.append(Column(each["name"], each["type"], bool(each.get("nullable", True))))
    if place == "schema":  # that of a version may name the split
        check_names([column.name for column in columns], "the schema that was declared")
    return tuple(columns)


def _check_type(place: str, name: object, kind: object, known: Any = DECLARABLE) -> None:
    if not isinstance(name, str) or not isinstance(kind, str) or kind not in known:
        raise UserError("invalid_parameters", f"{place}: {name!r} cannot be {kind!r}; one of {', '.join(known)}")


def is_encoding(value: object) -> bool:
    """Whether it names an encoding of text: base64 and rot13 are none."""
    try:
        return isinstance(value, str) and bool(io.TextIOWrapper(io.BytesIO(), encoding=value))
    except (LookupError, TypeError, ValueError):
        return False


def _is_mark(value: object) -> bool:
    return isinstance(value, str) and len(value.encode(errors="replace")) == 1 and value not in ("\n", "\r", "\0")


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _is_format(value: object) -> bool:
    return (
        isinstance(value, str) and len(value) <= 60 and value.isprintable() and TIME_FORMAT.fullmatch(value) is not None
    )


_HOLDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "delimiter": (
        lambda value: _is_mark(value) and value not in NO_DELIMITERS,
        "must be one ASCII character, no quote and no end of a line, not {value!r}",
    ),
    "quote": (lambda value: value == "" or _is_mark(value), "must be one ASCII character, or empty, not {value!r}"),
    "escape": (_is_mark, "must be one ASCII character, not {value!r}"),
    "header": (lambda value: isinstance(value, bool), "is true or false, not {value!r}"),
    "comment": (_is_mark, "must be one ASCII character, not {value!r}"),
    "skip_rows": (
        lambda value: _is_whole(value, SKIP_MOST),
        f"is a whole number from 0 to {SKIP_MOST}, not {{value!r}}",
    ),
    "decimal": (lambda value: value in (".", ","), "is a point or a comma, not {value!r}"),
    "thousands": (lambda value: value in (".", ",", "'", " ", "_"), "is one of . , ' _ or a blank, not {value!r}"),
    "date_format": (_is_format, "is a format such as %d/%m/%Y, not {value!r}"),
    "timestamp_format": (_is_format, "is a format such as %d/%m/%Y %H:%M, not {value!r}"),
    "null_values": (
        lambda value: (
            isinstance(value, list | tuple) and all(isinstance(text, str) and '"' not in text for text in value)
        ),
        "is a list of texts without quotes, not {value!r}",
    ),
    "encoding": (is_encoding, "{value!r} is not known"),
    "sheet": (lambda value: isinstance(value, str) and 0 < len(value) <= 200, "is the name of a sheet, not {value!r}"),
    "types": (lambda value: isinstance(value, dict), "is an object: column → type"),
    "max_rejected_ratio": (
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1,
        "is a number from 0 to 1, not {value!r}",
    ),
    "max_rejected_rows": (lambda value: _is_whole(value, 2**53), "is a whole number from 0 on, not {value!r}"),
}
