"""Steps that take out of the data who is meant: pseudonyms, masks, coarser values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.kinds.text import PATTERN
from workers.contracts.recipes.options import COLUMN, COLUMNS, POSITIVE, TEXT, Option, is_number, one_of, whole
from workers.contracts.recipes.shape import NUMBERS, SPLIT, TIMES, Misfit, Shape

_SECRET_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}")


def _is_secret(value: Any) -> bool:
    return isinstance(value, str) and _SECRET_NAME.fullmatch(value) is not None


def _are_edges(value: Any) -> bool:
    if not isinstance(value, list) or not 1 <= len(value) <= 100 or not all(map(is_number, value)):
        return False
    return all(low < high for low, high in itertools.pairwise(value))


SECRET = Option(
    "the name of a secret of the project",
    _is_secret,
    schema={"type": "string", "pattern": f"^{_SECRET_NAME.pattern}$", "x-input": "secret"},
)
EDGES = Option(
    "a list of rising numbers",
    _are_edges,
    schema={"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 100, "x-input": "numbers"},
)


def _not_split(name: str) -> None:
    if name == SPLIT:
        raise Misfit(f"column {SPLIT!r} says nothing about anybody", name, "wrong_type", "columns")


def _pseudonymise(shape: Shape, options: Options) -> Shape:
    for name in options["columns"]:
        shape.require(name, ("string", "int64", "date", "timestamp", "bool"), option="columns")
        _not_split(name)
    return shape.with_types(dict.fromkeys(options["columns"], "string"))


def _redact(shape: Shape, options: Options) -> Shape:
    for name in options["columns"]:
        shape.require(name, ("string",), option="columns")
        _not_split(name)
    return shape


def _needed(options: Options) -> Iterator[tuple[str, str]]:
    if (options["method"] == "pattern") != (options["pattern"] is not None):
        yield "pattern", "Is taken by the method 'pattern' and by no other." if options["pattern"] else "Is missing."


METHODS = {
    "bands": NUMBERS,
    "edges": NUMBERS,
    "month": TIMES,
    "quarter": TIMES,
    "year": TIMES,
    "prefix": ("string", "int64"),
}
"""Way of making values coarser → types that it takes."""
_NEEDS = {"bands": "width", "edges": "edges", "prefix": "length"}


def _generalise(shape: Shape, options: Options) -> Shape:
    shape.require_feature(options["column"], METHODS[options["method"]], option="column")
    return shape.with_types({options["column"]: "string"})


def _method(options: Options) -> Iterator[tuple[str, str]]:
    needed = _NEEDS.get(options["method"])
    for name in _NEEDS.values():
        if name == needed and options[name] is None:
            yield name, f"Is missing for the method {options['method']!r}."
        elif name != needed and options[name] is not None:
            yield name, f"Is not taken by the method {options['method']!r}."


KINDS = {
    "pseudonymise": Kind(
        {"columns": COLUMNS, "secret": SECRET, "length": whole(16, 64).optional(32)},
        _pseudonymise,
        serving=Serving.CANNOT,
    ),
    "redact": Kind(
        {
            "columns": COLUMNS.among("string"),
            "method": one_of("constant", "keep_last", "pattern").optional("constant"),
            "text": TEXT.optional("***"),
            "keep": whole(0, 100).optional(4),
            "pattern": PATTERN.optional(None),
        },
        _redact,
        check=_needed,
    ),
    "generalise": Kind(
        {
            "column": COLUMN.among(*NUMBERS, *TIMES, "string"),
            "method": one_of(*METHODS),
            "width": POSITIVE.optional(None),
            "edges": EDGES.optional(None),
            "length": whole(1, 100).optional(None),
        },
        _generalise,
        check=_method,
    ),
}
