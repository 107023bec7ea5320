"""Steps about which columns there are, in which order, under which names, of which types."""

from __future__ import annotations

from collections.abc import Iterator

from workers.contracts.recipes.kind import Kind, Options, Serving, Warned
from workers.contracts.recipes.options import COLUMNS, ON_ERROR, RENAMES, one_of
from workers.contracts.recipes.shape import SPLIT, Misfit, Shape, check_name

CASTS = ("int64", "float64", "string", "bool", "date", "timestamp")
CASTABLE = {
    "int64": ("int64", "float64", "string", "bool"),
    "float64": ("int64", "float64", "string", "bool"),
    "string": CASTS,
    "bool": ("int64", "float64", "string", "bool"),
    "date": ("string", "date", "timestamp"),
    "timestamp": ("string", "date", "timestamp"),
    "image": (),
}
"""Type → what it can be made into."""


def _drop(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"])
    left = shape.without(options["columns"])
    left.require_some()
    return left


def _keep(shape: Shape, options: Options) -> Shape:
    for name in options["columns"]:
        shape.require(name, option="columns")
    kept = {*options["columns"], SPLIT, shape.label}
    left = shape.without([name for name in shape.types if name not in kept])
    left = left.with_types({name: str(shape.type_of(name)) for name in options["columns"] if name not in shape.types})
    left.require_some()
    return left


def _rename(shape: Shape, options: Options) -> Shape:
    names: dict[str, str] = options["columns"]
    for old, new in names.items():
        shape.require(old, option="columns")
        if old == SPLIT:
            raise Misfit(f"column {SPLIT!r} keeps its name", old, "reserved_column_name", "columns")
        check_name(new, option="columns")
    shape = shape.with_types({old: str(shape.type_of(old)) for old in names if old not in shape.types})
    seen: dict[str, str] = {}
    for made in (names.get(name, name) for name in shape.types):
        if made.lower() in seen:
            other = seen[made.lower()]
            detail = f"there would be columns {other!r} and {made!r}, equal but for case"
            detail = f"there would be two columns {made!r}" if other == made else detail
            raise Misfit(detail, made, "duplicate_column_names", "columns")
        seen[made.lower()] = made
    return shape.renamed(names)


def _reorder(shape: Shape, options: Options) -> Shape:
    for name in options["columns"]:
        shape.require(name, option="columns")
    known = shape.with_types({name: str(shape.type_of(name)) for name in options["columns"] if name not in shape.types})
    return known.in_order([*options["columns"], *(name for name in known.types if name not in options["columns"])])


def _cast(shape: Shape, options: Options) -> Shape:
    for name in options["columns"]:
        kind = shape.require(name, option="columns")
        if name == SPLIT:
            raise Misfit(f"column {SPLIT!r} keeps its type", name, "wrong_type", "columns")
        if options["to"] not in CASTABLE.get(kind, CASTS):
            raise Misfit(f"column {name!r} is {kind}; it cannot become {options['to']}", name, "wrong_type", "to")
    to: str = options["to"]
    return shape.with_types(dict.fromkeys(options["columns"], to))


def warn_dropped(_shape: Shape, options: Options) -> Iterator[Warned]:
    """For steps with `on_error`: rows are left out where data is cleaned, but no record where a model is served."""
    if options["on_error"] == "drop":
        yield Warned("rows_dropped_not_served", "A served model cannot leave a record out: there the value is missing.")


KINDS = {
    "drop_columns": Kind({"columns": COLUMNS}, _drop, serving=Serving.NOTHING),
    "keep_columns": Kind({"columns": COLUMNS}, _keep, serving=Serving.NOTHING),
    "rename_columns": Kind({"columns": RENAMES}, _rename),
    "reorder_columns": Kind({"columns": COLUMNS}, _reorder, serving=Serving.NOTHING),
    "cast": Kind({"columns": COLUMNS, "to": one_of(*CASTS), "on_error": ON_ERROR}, _cast, warns=warn_dropped),
}
