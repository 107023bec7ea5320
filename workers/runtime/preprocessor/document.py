"""`preprocessor.json`: {"format": "bedplate-preprocessor/2", "inputs": [{"name", "type"}], "ignored": [names that a
record may have], "steps": [...], "not_served": [...], "outputs": [names], "label": {...} | null, "examples": [raw
records of the held-out part], "target": {"column": name}, where the model predicts a number}.

An input is a `number`, a `category` (text, true or false), a `date` or a `timestamp`. Steps are done in their order;
each is what a step of the recipe learned, under its kind:

    {"kind": "missing_values", "markers": ["", "NA"], "columns": ["Home"], "numbers": [], "sentinels": [], …}
    {"kind": "outliers", "columns": {"Income": [low, high, replacement]}, "replace": "median"}
    {"kind": "impute", "numbers": {"Income": 125.0}, "categories": {"Home": "owner"}}
    {"kind": "standardise", "columns": {"Income": [mean, std]}}
    {"kind": "one_hot", "columns": {"Home": ["owner", "rent"]}}
    {"kind": "derive", "name": "ratio", "expression": "Income / Debt", "types": {"Income": "float64", …}, …}

`not_served` are the steps of the recipe that change features and cannot be done to a record: [{"step", "kind"}]. In
format 1 markers had no columns: they were looked for in every field as it was read, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from workers.runtime.preprocessor.columns import Array, Columns, Record, RecordError
from workers.runtime.preprocessor.families import SERVED, served
from workers.runtime.preprocessor.reading import Reader

FORMAT: Final = "bedplate-preprocessor/2"
FORMATS: Final = ("bedplate-preprocessor/1", FORMAT)


class Preprocessor:
    """Turns records as a client sends them into what the model takes.

    A number may come as a number or as text; a category as text, true or false, or a whole number; a date or a time as
    text in ISO 8601. Missing are: null, a field that is not there, NaN, and text that is a marker of the recipe, blanks
    around it aside. The label and columns that the recipe left out may be there and are ignored; any other field is an
    error.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        """Raises ValueError when the document is not of a format that is known, or a step of it cannot be read."""
        if document.get("format") not in FORMATS:
            raise ValueError(f"a preprocessor of format {document.get('format')!r}; this program reads {FORMAT!r}")
        steps: list[dict[str, Any]] = document["steps"]
        unknown = [step["kind"] for step in steps if step["kind"] not in SERVED]
        if unknown:
            raise ValueError(f"a preprocessor with the unknown step {unknown[0]!r}")
        self.inputs: dict[str, str] = {each["name"]: each["type"] for each in document["inputs"]}
        self.outputs: list[str] = list(document["outputs"])
        self.label: dict[str, Any] | None = document.get("label")
        self.target: str | None = (document.get("target") or {}).get("column")
        self.not_served: list[dict[str, Any]] = list(document.get("not_served", ()))
        is_first = document["format"] == FORMATS[0]
        done = [step for step in steps if not (is_first and step["kind"] == "missing_values")]
        self._steps = [served(step) for step in done]
        markers = {marker.strip() for step in steps if step["kind"] == "missing_values" for marker in step["markers"]}
        ignored = set(document.get("ignored", ())) | ({self.label["column"]} if self.label else set())
        known = frozenset(self.inputs) | ignored
        self._reader = Reader(self.inputs, known, markers, markers if is_first else set())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read `preprocessor.json`. Raises ValueError when it is not one."""
        return cls(json.loads(Path(path).read_text(encoding="utf-8")))

    def transform(self, records: Sequence[Record]) -> npt.NDArray[np.float32]:
        """One row per record, one column per output.

        Raises:
            RecordError: a record does not fit; it names the first such record and field.
        """
        columns = self._reader.read(records)
        for step in self._steps:
            step(columns)
        return self._stack(columns, len(records))

    def lacking(self) -> list[str]:
        """Outputs that no step makes of the inputs."""
        columns = self._reader.read([{}])
        for step in self._steps:
            step(columns)
        return [name for name in self.outputs if name not in columns]

    def _stack(self, columns: Columns, count: int) -> npt.NDArray[np.float32]:
        result = np.empty((count, len(self.outputs)), dtype=np.float32)
        with np.errstate(over="ignore"):  # what a float32 cannot hold becomes infinite, and is refused below
            for place, name in enumerate(self.outputs):
                result[:, place] = _numbers(columns[name])
        bad = ~np.isfinite(result)
        if bad.any():
            index, place = (int(number) for number in np.argwhere(bad)[0])
            missing = np.isnan(result[index, place])
            detail = "is missing, and the recipe does not fill it in" if missing else "is too large a number"
            raise RecordError(index, self.outputs[place], detail)
        return result


def _numbers(values: Array) -> Array:
    """A column as numbers: of true and false 1 and 0."""
    if values.dtype != object:
        return values
    return np.array([np.nan if value is None else float(value == "true") for value in values.tolist()])
