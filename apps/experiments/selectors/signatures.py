"""What a served model takes: read from the preprocessor that was fitted with its data and travels with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from apps.common.errors import NotFound
from apps.common.storage import store
from apps.experiments.models import ModelVersion

FILE_BYTES_MOST: Final = 4 << 20


class InputColumn(msgspec.Struct):
    name: str
    type: str
    """`number`, `category`, `date`, `timestamp`, `text` or `picture`."""


class Label(msgspec.Struct):
    column: str
    mapping: dict[str, int] | None = None


class Step(msgspec.Struct):
    """Only what says which values a column has. Each kind has fields of its own kinds under these names."""

    kind: str
    columns: Any = None
    numbers: Any = None
    categories: Any = None


class Document(msgspec.Struct):
    """`preprocessor.json`, as far as it is needed here: see `workers/runtime/preprocessor/document.py`."""

    inputs: list[InputColumn]
    steps: list[Step]
    label: Label | None = None
    examples: list[dict[str, Any]] = []
    """Raw records of the held-out part."""


def signature_of(version: ModelVersion) -> dict[str, Any]:
    """Input columns, classes and an example record of a model version. Reads a small file, outside any transaction.

    Raises:
        NotFound: it has no preprocessor, or one that cannot be read, or takes pictures, which no record holds.
    """
    document = _document(version)
    if any(column.type == "picture" for column in document.inputs):
        raise NotFound("This model version takes pictures, and not records.")
    values = _values(document.steps)
    inputs = [
        {
            "name": column.name,
            "type": "number" if column.type == "number" else "category",
            "categories": values.get(("one_hot", column.name)) if column.type != "number" else None,
            "typical": values.get(("impute", column.name)),
        }
        for column in document.inputs
    ]
    return {
        "model_version": version.pk,
        "inputs": inputs,
        "label": _label(document.label),
        "example": _example(document),
    }


def _document(version: ModelVersion) -> Document:
    if version.preprocessor is None:
        raise NotFound("This model version has no preprocessor, so what it takes is not known.")
    try:
        with store().open(version.preprocessor.path) as file:
            return msgspec.json.decode(file.read(FILE_BYTES_MOST + 1), type=Document)
    except FileNotFoundError:
        raise NotFound("The object store does not have the preprocessor of this model version.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotFound(f"The preprocessor of this model version cannot be read: {error}") from error


def _values(steps: list[Step]) -> dict[tuple[str, str], Any]:
    """Kind of a step and column → the categories that it knows, or what it puts in the place of a missing value."""
    found: dict[tuple[str, str], Any] = {}
    for step in steps:
        if step.kind == "one_hot":
            found |= {("one_hot", name): known for name, known in _by_column(step.columns)}
        if step.kind == "impute":
            filled = (*_by_column(step.numbers), *_by_column(step.categories))
            found |= {("impute", name): value for name, value in filled}
    return found


def _by_column(told: Any) -> Iterable[tuple[str, Any]]:
    return told.items() if isinstance(told, dict) else ()


def _label(label: Label | None) -> dict[str, Any] | None:
    if label is None:
        return None
    mapping = label.mapping or {}
    return {"column": label.column, "classes": sorted(mapping, key=mapping.__getitem__)}


def _example(document: Document) -> dict[str, Any] | None:
    if not document.examples:
        return None
    names = {column.name for column in document.inputs}
    return {name: value for name, value in document.examples[0].items() if name in names}
