"""Which column a recipe predicts, and what it is called at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Steps = Sequence[Mapping[str, Any]]


def labels_of(steps: Steps) -> list[str | None]:
    """The name of the label before each step, and after the last.

    The label is the column that is encoded, else the one that the split stratifies; what renames it is followed.
    """
    found = _named(steps)
    if found is None:
        return [None] * (len(steps) + 1)
    at, name = found
    names: list[str | None] = [None] * (len(steps) + 1)
    names[at] = name
    for index in range(at, len(steps)):
        names[index + 1] = _renames(steps[index]).get(str(names[index]), names[index])
    for index in range(at - 1, -1, -1):
        back = {new: old for old, new in _renames(steps[index]).items()}
        names[index] = back.get(str(names[index + 1]), names[index + 1])
    return names


def _named(steps: Steps) -> tuple[int, str] | None:
    encoded = [(index, step["column"]) for index, step in enumerate(steps) if step["kind"] == "encode_label"]
    stratified = [
        (index, step["stratify"])
        for index, step in enumerate(steps)
        if step["kind"] == "split" and step.get("stratify") is not None
    ]
    return next(iter([*encoded, *stratified]), None)


def _renames(step: Mapping[str, Any]) -> Mapping[str, str]:
    names: Mapping[str, str] = step["columns"] if step["kind"] == "rename_columns" else {}
    return names
