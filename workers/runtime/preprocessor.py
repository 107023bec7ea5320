"""The fitted transform of a cleaning run, applied to raw records where a model is served. NumPy only.

`preprocessor.json`: {"format": "bedplate-preprocessor/1", "inputs": [{"name", "type": "number" | "category"}],
"ignored": [names that a record may have], "steps": [...], "outputs": [names], "label": {...} | null,
"examples": [raw records of the held-out part]}. Steps, in order:
    {"kind": "missing_values", "markers": ["", "NA"]}
    {"kind": "outliers", "columns": {"Income": [low, high, replacement]}}
    {"kind": "impute", "numbers": {"Income": 125.0}, "categories": {"Home": "owner"}}
    {"kind": "standardise", "columns": {"Income": [mean, std]}}
    {"kind": "one_hot", "columns": {"Home": ["owner", "rent"]}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from workers.runtime.number_text import NUMBER

FORMAT = "bedplate-preprocessor/1"
_NUMBER = re.compile(NUMBER)
Record = Mapping[str, Any]
Array = npt.NDArray[Any]
Columns = dict[str, Array]
"""Numbers as float64 with NaN for a missing value, categories as objects: text, or None."""


class RecordError(ValueError):
    """A record cannot be transformed. `index` is its place in the list, from 0; `field` may be empty."""

    def __init__(self, index: int, field: str, detail: str) -> None:
        super().__init__(f"record {index}: {field + ' ' if field else ''}{detail}")
        self.index = index
        self.field = field
        self.detail = detail


class Preprocessor:
    """Turns records as a client sends them into what the model takes.

    A number may come as a number or as text; a category as text, true or false, or a whole number. Missing are:
    null, a field that is not there, NaN, and text that is a marker of the recipe, blanks around it aside. The
    label and columns that the recipe left out may be there and are ignored; any other field is an error.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        """Raises ValueError when the document is not of this format."""
        if document.get("format") != FORMAT:
            raise ValueError(f"a preprocessor of format {document.get('format')!r}; this program reads {FORMAT!r}")
        steps: list[dict[str, Any]] = document["steps"]
        unknown = [step["kind"] for step in steps if step["kind"] not in _STEPS]
        if unknown:
            raise ValueError(f"a preprocessor with the unknown step {unknown[0]!r}")
        self.inputs: dict[str, str] = {each["name"]: each["type"] for each in document["inputs"]}
        self.outputs: list[str] = list(document["outputs"])
        self.label: dict[str, Any] | None = document.get("label")
        self._steps = [step for step in steps if step["kind"] != "missing_values"]
        self._markers = {
            marker.strip() for step in steps if step["kind"] == "missing_values" for marker in step["markers"]
        }
        ignored = set(document.get("ignored", ())) | ({self.label["column"]} if self.label else set())
        self._known = frozenset(self.inputs) | ignored

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read `preprocessor.json`. Raises ValueError when it is not one."""
        return cls(json.loads(Path(path).read_text(encoding="utf-8")))

    def transform(self, records: Sequence[Record]) -> npt.NDArray[np.float32]:
        """One row per record, one column per output.

        Raises:
            RecordError: a record does not fit; it names the first such record and field.
        """
        for index, record in enumerate(records):
            self._check_fields(index, record)
        columns: Columns = {
            name: (self._numbers if kind == "number" else self._categories)(name, [each.get(name) for each in records])
            for name, kind in self.inputs.items()
        }
        for step in self._steps:
            _STEPS[step["kind"]](columns, step)
        return self._stack(columns, len(records))

    def _check_fields(self, index: int, record: Record) -> None:
        if not isinstance(record, Mapping):
            raise RecordError(index, "", f"is {type(record).__name__}, not an object")
        unknown = record.keys() - self._known
        if unknown:
            field = min(unknown, key=str)
            raise RecordError(index, str(field), f"is not a field; there are {', '.join(self.inputs)}")

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
        if text in self._markers:
            return None
        if not _NUMBER.fullmatch(text):
            raise RecordError(index, name, f"is {value!r}, not a number")
        return float(text)

    def _categories(self, name: str, values: list[Any]) -> Array:
        texts = np.empty(len(values), dtype=object)
        texts[:] = [self._category(index, name, value) for index, value in enumerate(values)]
        return texts

    def _category(self, index: int, name: str, value: Any) -> str | None:
        if value is None or value != value:  # NaN
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if not isinstance(value, str):
            raise RecordError(index, name, f"is {type(value).__name__}, not text")
        return None if value.strip() in self._markers else value

    def _stack(self, columns: Columns, count: int) -> npt.NDArray[np.float32]:
        result = np.empty((count, len(self.outputs)), dtype=np.float32)
        with np.errstate(over="ignore"):  # what a float32 cannot hold becomes infinite, and is refused below
            for place, name in enumerate(self.outputs):
                result[:, place] = columns[name]
        bad = ~np.isfinite(result)
        if bad.any():
            index, place = (int(number) for number in np.argwhere(bad)[0])
            missing = np.isnan(result[index, place])
            detail = "is missing, and the recipe does not fill it in" if missing else "is too large a number"
            raise RecordError(index, self.outputs[place], detail)
        return result


def _float(value: Any) -> float:
    try:
        return float("nan") if value is None else float(value)
    except OverflowError:
        return float("inf")


def _outliers(columns: Columns, step: dict[str, Any]) -> None:
    for name, (low, high, replacement) in _present(columns, step["columns"]):
        values = columns[name]
        columns[name] = np.where((values < low) | (values > high), replacement, values)


def _impute(columns: Columns, step: dict[str, Any]) -> None:
    for name, number in _present(columns, step["numbers"]):
        columns[name] = np.where(np.isnan(columns[name]), number, columns[name])
    for name, text in _present(columns, step["categories"]):
        texts = columns[name].copy()
        texts[np.equal(texts, np.array(None))] = text
        columns[name] = texts


def _standardise(columns: Columns, step: dict[str, Any]) -> None:
    for name, (mean, std) in _present(columns, step["columns"]):
        columns[name] = (columns[name] - mean) / std


def _one_hot(columns: Columns, step: dict[str, Any]) -> None:
    for name, categories in _present(columns, step["columns"]):
        texts = columns.pop(name)
        for category in categories:
            columns[f"{name}={category}"] = np.equal(texts, category).astype(np.float64)


def _present(columns: Columns, fitted: dict[str, Any]) -> list[tuple[str, Any]]:
    """What was fitted for columns that a later step did not leave out."""
    return [(name, value) for name, value in fitted.items() if name in columns]


def _nothing(_columns: Columns, _step: dict[str, Any]) -> None:
    """Markers are looked at where a record is read."""


_STEPS: dict[str, Callable[[Columns, dict[str, Any]], None]] = {
    "missing_values": _nothing,
    "outliers": _outliers,
    "impute": _impute,
    "standardise": _standardise,
    "one_hot": _one_hot,
}
