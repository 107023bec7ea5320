"""What turns records into features of a model that predicts a number: the version's preprocessor without the target.

It is a `preprocessor.json` (`workers/runtime/preprocessor/document.py`) whose `label` is null and whose `target` says
what the model predicts: {"column": name}. Of a version without a preprocessor, its columns of numbers as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from workers.runtime.preprocessor import Preprocessor
from workers.runtime.preprocessor.document import FORMAT

Document = dict[str, Any]


def served_numbers(preprocessor: Path, schema: pa.Schema, target: str) -> Document:
    """The document; its `outputs` are the features, in the order of the model.

    A feature that is made of the target is left out: a record has none.

    Raises:
        ValueError: there is no such target, or no column of numbers beside it.
    """
    if target not in schema.names:
        raise ValueError(f"the dataset has no column {target} to predict; it has {', '.join(_shown(schema))}")
    whole = json.loads(preprocessor.read_text(encoding="utf-8")) if preprocessor.exists() else _plain(schema)
    found = _without(whole, target)
    lacking = set(Preprocessor(found).lacking())
    if lacking:
        print(f"left out, as they are made of {target}: {', '.join(sorted(lacking))}")
        found["outputs"] = [name for name in found["outputs"] if name not in lacking]
    if not found["outputs"] or not _is_number(schema.field(target).type):
        raise ValueError("the target and at least one other column must be numbers: encode them in a recipe")
    return found


def _plain(schema: pa.Schema) -> Document:
    """Of rows that no recipe made: numbers as they are, true and false as the reader of records takes them."""
    made = [name for name in _shown(schema) if _is_number(schema.field(name).type)]
    kinds = {name: "category" if pa.types.is_boolean(schema.field(name).type) else "number" for name in made}
    return {
        "format": FORMAT,
        "inputs": [{"name": name, "type": kinds[name]} for name in made],
        "ignored": [name for name in _shown(schema) if name not in kinds],
        "steps": [],
        "not_served": [],
        "outputs": made,
    }


def _without(whole: Document, target: str) -> Document:
    label = whole.get("label") or {}
    gone = {target, *([label["column"]] if label else [])}
    return {
        **whole,
        "inputs": [each for each in whole["inputs"] if each["name"] not in gone],
        "ignored": sorted({*whole.get("ignored", ()), *gone}),
        "outputs": [name for name in whole["outputs"] if name not in gone],
        "label": None,
        "target": {"column": target},
        "examples": [_less(record, gone) for record in whole.get("examples", ())],
    }


def _less(record: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in gone}


def _shown(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if not name.startswith("__")]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))
