"""Steps that are told by an expression over the columns of a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workers.contracts.expressions import LENGTH_MOST, ExpressionError, Typed, expression, parse
from workers.contracts.recipes.kind import Kind, Options, Serving, Warned
from workers.contracts.recipes.options import NAME, long_text
from workers.contracts.recipes.shape import SPLIT, Misfit, Shape, check_name


def _problem(value: Any) -> str:
    try:
        parse(value)
    except ExpressionError as error:
        return f"At character {error.position + 1}: {error.detail}"
    return ""


EXPRESSION = long_text(LENGTH_MOST, "an expression", "expression", least=1, why=_problem)


def checked(text: str, shape: Shape, option: str = "expression") -> Typed:
    """An expression over these columns. Raises Misfit with the place in it."""
    try:
        return expression(text, shape.types)
    except ExpressionError as error:
        said = str(error.params.get("column", "")) if error.code == "unknown_column" else ""
        column = said[1:-1] if said[:1] in ("'", '"') else said
        detail = f"at character {error.position + 1}: {error.detail}"
        raise Misfit(detail, column, "invalid_expression", option) from None


def _filter(shape: Shape, options: Options) -> Shape:
    found = checked(options["expression"], shape)
    if found.type not in ("bool", "unknown"):
        raise Misfit(f"it gives {found.type}, not true or false", code="wrong_type", option="expression")
    return shape


def _derive(shape: Shape, options: Options) -> Shape:
    name = options["name"]
    found = checked(options["expression"], shape)
    if name == SPLIT:
        raise Misfit(f"column {SPLIT!r} is made by a split only", name, "reserved_column_name", "name")
    if name not in shape.types:
        shape.require_new(name, option="name")
    check_name(name, option="name")
    return shape.with_types({name: found.type})


def _reads(shape: Shape, options: Options) -> Iterator[Warned]:
    label = shape.label
    if label is not None and options["name"] != label and label in checked(options["expression"], shape).columns:
        detail = f"It makes a feature out of the label {label!r}: the model would be told what it is asked for."
        yield Warned("reads_label", detail, label)


KINDS = {
    "filter_rows": Kind({"expression": EXPRESSION}, _filter, serving=Serving.NOTHING),
    "derive": Kind({"name": NAME, "expression": EXPRESSION}, _derive, warns=_reads),
}
