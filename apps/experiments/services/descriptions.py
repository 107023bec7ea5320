"""What the files of a model say about it: its signature, and what would load it. Small files, read whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import yaml

from apps.common.storage import store
from apps.experiments.selectors.model_files import ModelFile

MLMODEL: Final = "MLmodel"
BYTES_MOST: Final = 4 << 20
LOADERS: Final = "mlflow."
"""Modules below this are MLflow's own; another one is code that comes with the model."""


class Refused(NamedTuple):
    """A file that names code, and which."""

    name: str
    why: str


def signature_read(files: Sequence[ModelFile]) -> dict[str, Any]:
    """`{"source", "inputs", "outputs", "parameters", "label"}` of what the files say; empty where they say nothing.

    Inputs and outputs are lists of `{"name", "type", "required"}`.
    """
    said = _mlmodel(files).get("signature")
    if isinstance(said, dict):
        return {
            "source": "mlflow",
            "inputs": [_column(one) for one in _listed(said.get("inputs"))],
            "outputs": [_column(one) for one in _listed(said.get("outputs"))],
            "parameters": [one for one in _listed(said.get("params")) if isinstance(one, dict)],
        }
    document = _preprocessor(files)
    if not document:
        return {}
    inputs = [_column(one) for one in document.get("inputs", []) if isinstance(one, dict)]
    answer = "class" if "classes" in document else "score"  # one of any number, or how sure it is of one of two
    said = ((answer, document.get("label")), ("number", document.get("target")))
    outputs = [
        {"name": str(what.get("column")), "type": kind, "required": True}
        for kind, what in said
        if isinstance(what, dict)
    ]
    return {"source": "preprocessor", "inputs": inputs, "outputs": outputs, "parameters": []}


def loader_refused(files: Sequence[ModelFile]) -> Refused | None:
    """Whether loading the model by MLflow would import a module that is not MLflow's."""
    about = _mlmodel(files)
    flavors = about.get("flavors")
    function = flavors.get("python_function") if isinstance(flavors, dict) else None
    loader = function.get("loader_module") if isinstance(function, dict) else None
    if isinstance(loader, str) and not loader.startswith(LOADERS):
        return Refused(MLMODEL, f"loading it imports {loader[:100]}")
    return None


def _mlmodel(files: Sequence[ModelFile]) -> dict[str, Any]:
    text = _small(files, MLMODEL)
    try:
        found = yaml.safe_load(text) if text else {}
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _preprocessor(files: Sequence[ModelFile]) -> dict[str, Any]:
    text = _small(files, "preprocessor") or _small(files, "preprocessor.json")
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _small(files: Sequence[ModelFile], name: str) -> bytes:
    file = next((one for one in files if one.name == name and one.size_bytes <= BYTES_MOST), None)
    if file is None:
        return b""
    with store().open(file.path) as opened:
        return opened.read(BYTES_MOST + 1)


def _listed(text: object) -> list[Any]:
    """MLflow keeps lists as JSON in a text."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return []
    return found[:10_000] if isinstance(found, list) else []


def _column(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        return {"name": "", "type": str(said)[:100], "required": True}
    kind = said.get("type", "")
    if kind == "tensor" and isinstance(said.get("tensor-spec"), dict):
        spec = said["tensor-spec"]
        kind = f"tensor of {spec.get('dtype')} {spec.get('shape')}"
    return {
        "name": str(said.get("name", ""))[:500],
        "type": str(kind)[:500],
        "required": said.get("required") is not False,
    }
