"""From records as clients send them to columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np

from workers.runtime.number_text import NUMBER
from workers.runtime.preprocessor.columns import Array, Columns, Record, RecordError, texts

_NUMBER: Final = re.compile(NUMBER)


class Reader:
    """Reads the fields that a document names.

    Args:
        inputs: name → `number`, `category`, `date` or `timestamp`.
        number_markers, text_markers: texts, stripped, that are a missing value where a number, or a text, is read.
    """

    def __init__(
        self, inputs: dict[str, str], known: frozenset[str], number_markers: set[str], text_markers: set[str]
    ) -> None:
        self._inputs = inputs
        self._known = known
        self._number_markers = number_markers
        self._text_markers = text_markers

    def read(self, records: Sequence[Record]) -> Columns:
        """Raises RecordError: a record does not fit; it names the first such record and field."""
        for index, record in enumerate(records):
            self._check_fields(index, record)
        return {
            name: self._column(name, kind, [each.get(name) for each in records]) for name, kind in self._inputs.items()
        }

    def _column(self, name: str, kind: str, values: list[Any]) -> Array:
        if kind == "number":
            return self._numbers(name, values)
        if kind == "category":
            return texts([self._category(index, name, value) for index, value in enumerate(values)])
        unit = "D" if kind == "date" else "us"
        made = [self._moment(index, name, value, kind) for index, value in enumerate(values)]
        return np.array(made, dtype=f"datetime64[{unit}]")

    def _check_fields(self, index: int, record: Record) -> None:
        if not isinstance(record, dict):
            raise RecordError(index, "", f"is {type(record).__name__}, not an object")
        unknown = record.keys() - self._known
        if unknown:
            field = min(unknown, key=str)
            raise RecordError(index, str(field), f"is not a field; there are {', '.join(self._inputs)}")

    def _numbers(self, name: str, values: list[Any]) -> Array:
        if not set(map(type, values)) <= {float, int, type(None)}:
            values = [self._number(index, name, value) for index, value in enumerate(values)]
        try:
            numbers = np.array(values, dtype=np.float64)
        except OverflowError:  # an integer that no float holds
            numbers = np.array([_float(value) for value in values])
        infinite = np.isinf(numbers)
        if infinite.any():
            raise RecordError(int(np.argmax(infinite)), name, "is not a finite number")
        return numbers

    def _number(self, index: int, name: str, value: Any) -> float | int | None:
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        if not isinstance(value, str):
            raise RecordError(index, name, f"is {type(value).__name__}, not a number")
        text = value.strip()
        if text in self._number_markers:
            return None
        if not _NUMBER.fullmatch(text):
            raise RecordError(index, name, f"is {value!r}, not a number")
        return float(text)

    def _category(self, index: int, name: str, value: Any) -> str | None:
        if value is None or value != value:  # NaN
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if not isinstance(value, str):
            raise RecordError(index, name, f"is {type(value).__name__}, not text")
        return None if value.strip() in self._text_markers else value

    def _moment(self, index: int, name: str, value: Any, kind: str) -> Any:
        """A date or a time as ISO 8601 says it; one with an offset becomes UTC's."""
        if value is None or (isinstance(value, str) and value.strip() in self._number_markers):
            return np.datetime64("NaT")
        wanted = "a date" if kind == "date" else "a time"
        if not isinstance(value, str):
            raise RecordError(index, name, f"is {type(value).__name__}, not {wanted} in ISO 8601")
        try:
            found = date.fromisoformat(value.strip()) if kind == "date" else datetime.fromisoformat(value.strip())
        except ValueError:
            raise RecordError(index, name, f"is {value!r}, not {wanted} in ISO 8601") from None
        if isinstance(found, datetime) and found.tzinfo is not None:
            found = found.astimezone(UTC).replace(tzinfo=None)
        return found


def _float(value: Any) -> float:
    try:
        return float("nan") if value is None else float(value)
    except OverflowError:
        return float("inf")
