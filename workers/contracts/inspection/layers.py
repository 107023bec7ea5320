"""Models of Keras: what their description names. Reading one imports and calls that."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from workers.contracts.inspection.reading import PIECE_BYTES, Source, Unreadable
from workers.contracts.inspection.reports import Format, Report, Verdict

DESCRIPTION_MOST: Final = 64 << 20
OWN: Final = ("keras", "builtins", "tensorflow.keras", "tf_keras")
"""Packages whose classes a description may name."""
CODE: Final = frozenset({"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "function"})
"""Layers that are code, or that load other files: functions, saved models, pickles."""
_AFTER: Final = rb'"class_name"\s*:\s*"'
_CODE_SAID: Final = re.compile(_AFTER + rb"(?:" + b"|".join(re.escape(one.encode()) for one in sorted(CODE)) + rb')"')
_HIDDEN: Final = re.compile(rb"\\u00[2-7][0-9a-fA-F]")
"""Letters that nobody writes so, but to hide a word."""
_SPAN: Final = 256


def description_read(file: Source) -> Report:
    """What the `config.json` of a `.keras` file names.

    Raises:
        Unreadable: it is no JSON, or too much of it.
    """
    text = b""
    while len(text) <= DESCRIPTION_MOST and (piece := file.read(PIECE_BYTES)):
        text += piece
    if len(text) > DESCRIPTION_MOST:
        raise Unreadable("its description is longer than any that Keras writes")
    try:
        found = json.loads(text)
    except ValueError:
        raise Unreadable("its description is no JSON") from None
    named = _foreign(found)
    if named:
        return Report(Format.KERAS, Verdict.EXECUTABLE, f"a part of it is Python code ({named})")
    return Report(Format.KERAS, Verdict.PLAIN)


def _foreign(value: Any) -> str:
    """The first class in it that is code, or not one of Keras; empty: none."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            name, module = str(one.get("class_name") or ""), str(one.get("module") or "keras")
            registered = str(one.get("registered_name") or "")
            if name in CODE or registered in CODE:
                return name if name in CODE else registered
            if name and not any(module == own or module.startswith(f"{own}.") for own in OWN):
                return f"{module}.{name}"
    return ""


def hdf5_searched(file: Source) -> Report:
    """An HDF5 file: its description lies somewhere in it, as text."""
    before = b""
    while piece := file.read(PIECE_BYTES):
        seen = before + piece
        if _CODE_SAID.search(seen):
            return Report(Format.KERAS, Verdict.EXECUTABLE, "a layer of it is Python code (Lambda)")
        if _HIDDEN.search(seen) and b"class_name" in seen:
            return Report(Format.KERAS, Verdict.UNREADABLE, "words in its description are hidden")
        before = piece[-_SPAN:]
    return Report(Format.KERAS, Verdict.PLAIN)
