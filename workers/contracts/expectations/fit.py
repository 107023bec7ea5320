"""Can this expectation be evaluated? What it takes, then whether it fits the columns of a version."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from workers.contracts.expectations.kinds import KINDS, Options
from workers.contracts.expectations.label import columns_of
from workers.contracts.expectations.stored import normalised
from workers.contracts.expectations.values import moment_of
from workers.contracts.expressions import ExpressionError, expression
from workers.contracts.expressions.patterns import PatternError, pattern
from workers.contracts.recipes.options import shown, unknown
from workers.contracts.recipes.shape import NUMBERS, TIMES

Problems = dict[str, list[str]]
"""Place → sentences: `{"parameters.column": ["…"]}`."""


def problems(kind: Any, parameters: Any, types: Mapping[str, str] | None = None) -> Problems:
    """What is wrong, by place; empty when nothing is.

    Args:
        types: house types of the columns that there are; None: nobody knows them yet.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        return {"kind": [unknown(kind, list(KINDS))]}
    if not isinstance(parameters, dict):
        return {"parameters": ["Takes an object."]}
    found = _of_form(kind, parameters)
    if not found:
        whole = normalised(kind, parameters)
        together = KINDS[kind].together(whole)
        found = together or _written(kind, whole, types)
    if not found and types is not None:
        found = fits(kind, normalised(kind, parameters), types)
    return {f"parameters.{name}": [text] for name, text in found.items()}


def fits(kind: str, parameters: Options, types: Mapping[str, str]) -> dict[str, str]:
    """Why normalised parameters do not fit columns of these types: option → sentence."""
    place = "columns" if "columns" in parameters else "expression" if kind == "custom" else "column"
    for name in columns_of(kind, parameters):
        if name not in types:
            return {place: _no_column(name, types)}
        if types[name] == "image" and kind not in ("not_null", "type"):
            return {place: f"Column {name!r} holds images: they can only be there or missing."}
    check = _FITS.get(kind)
    return check(parameters, types) if check else {}


def _of_form(kind: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    options = KINDS[kind].options
    found = {name: unknown(name, list(options)) for name in parameters if name not in options}
    for name, option in options.items():
        if name not in parameters and option.required:
            found[name] = f"Is missing; takes {option.takes}."
        elif name in parameters and not option.holds(parameters[name]):
            found[name] = f"Takes {option.takes}, not {shown(parameters[name])}."
    return found


def _written(kind: str, parameters: Options, types: Mapping[str, str] | None) -> dict[str, str]:
    """What is written in a language of its own, as far as it can be read without columns."""
    try:
        if kind == "matches":
            pattern(parameters["pattern"])
        elif kind == "custom":
            known = types if types is not None else dict.fromkeys(columns_of(kind, parameters), "unknown")
            read = expression(parameters["expression"], known)
            if read.type != "bool":
                return {"expression": f"At character 1: an expectation is true or false; this is {read.type}."}
            if not read.columns:
                return {"expression": "At character 1: it names no column, so every row would say the same."}
    except PatternError as error:
        return {"pattern": _sentence(error)}
    except ExpressionError as error:
        return {"expression": _sentence(error)}
    return {}


def _sentence(error: ValueError) -> str:
    """`At character 5: …`: the place first, so that a page can show it there."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?")) else ".")


def _between(parameters: Options, types: Mapping[str, str]) -> dict[str, str]:
    name, kind = parameters["column"], types[parameters["column"]]
    if kind not in (*NUMBERS, *TIMES):
        return {"column": f"Column {name!r} is {kind}; only numbers, dates and times lie between others."}
    for option in ("minimum", "maximum"):
        value = parameters[option]
        if value is not None and isinstance(value, str) != (kind in TIMES):
            takes = "a date or time as text" if kind in TIMES else "a number"
            return {option: f"Column {name!r} is {kind}: takes {takes}, not {shown(value)}."}
        if kind == "date" and isinstance(value, str) and type(moment_of(value)).__name__ != "date":
            return {option: f"Column {name!r} holds dates: takes a day such as 2026-01-31, not {shown(value)}."}
    return {}


def _in_set(parameters: Options, types: Mapping[str, str]) -> dict[str, str]:
    name, kind, first = parameters["column"], types[parameters["column"]], parameters["values"][0]
    given = "bool" if isinstance(first, bool) else "string" if isinstance(first, str) else "number"
    wanted = "number" if kind in NUMBERS else kind
    if wanted not in ("bool", "string", "number"):
        return {"column": f"Column {name!r} is {kind}; its values cannot be listed."}
    return {} if given == wanted else {"values": f"Column {name!r} is {kind}, and these are of another kind."}


def _matches(parameters: Options, types: Mapping[str, str]) -> dict[str, str]:
    name = parameters["column"]
    return {} if types[name] == "string" else {"column": f"Column {name!r} is {types[name]}; patterns are for text."}


def _freshness(parameters: Options, types: Mapping[str, str]) -> dict[str, str]:
    name = parameters["column"]
    if name is None or types[name] in TIMES:
        return {}
    return {"column": f"Column {name!r} is {types[name]}; takes one of dates or times."}


_FITS = {"between": _between, "in_set": _in_set, "matches": _matches, "freshness": _freshness}


def _no_column(name: str, types: Mapping[str, str]) -> str:
    close = get_close_matches(name, list(types), n=1)
    return f"There is no column {name!r}." + (f" Did you mean {close[0]!r}?" if close else "")
