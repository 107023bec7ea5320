"""Names and types: a parsed tree against the columns of a table becomes a typed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from workers.contracts.expressions.errors import ExpressionError
from workers.contracts.expressions.functions import FUNCTIONS, Function
from workers.contracts.expressions.syntax import NODES_MOST, Call, Constant, Name, Node
from workers.contracts.expressions.typed import Typed
from workers.contracts.expressions.written import moment, setting

NUMBERS: Final = ("int64", "float64")
MOMENTS: Final = ("date", "timestamp")
WEIGHT_MOST: Final = 5_000
TYPES: Final = ("int64", "float64", "string", "bool", "date", "timestamp")
_GROUPS: Final = {"number": NUMBERS, "moment": MOMENTS, "any": TYPES}
_ARITHMETIC: Final = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "//": "floor_divide",
    "%": "remainder",
}
_COMPARISONS: Final = {"=", "!=", "<", "<=", ">", ">="}
_WORDS: Final = {
    "int64": "a whole number",
    "float64": "a number",
    "number": "a number",
    "string": "text",
    "bool": "true or false",
    "date": "a date",
    "timestamp": "a timestamp",
    "moment": "a date or a timestamp",
    "null": "null",
    "unknown": "of a type that is not known yet",
    "any": "a value",
}


def typed(node: Node, types: Mapping[str, str]) -> Typed:
    """The tree with types. `types` are those of the columns; `unknown` fits whatever is asked.

    Raises:
        ExpressionError: a column or a function is not there, or a type does not fit.
    """
    found = _Checker(types).of(node)
    if found.type == "null":
        raise ExpressionError("no_type", found.position, found.end)
    if found.weight() > WEIGHT_MOST:
        raise ExpressionError("too_large", found.position, found.end, most=NODES_MOST)
    return found


class _Checker:
    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = types

    def of(self, node: Node) -> Typed:
        if isinstance(node, Constant):
            return _literal(node)
        if isinstance(node, Name):
            return self._column(node)
        name = node.function
        if name in _ARITHMETIC:
            return self._arithmetic(node)
        if name in _COMPARISONS:
            first, second = map(self.of, node.arguments)
            return _compared(name, first, second, node)
        if name in ("and", "or", "not"):
            flags = tuple(_as(self.of(each), "bool", f"`{name}`") for each in node.arguments)
            return _call(name, "bool", flags, node)
        if name == "is_null":
            inner = self.of(node.arguments[0])
            return _call("is_null", "bool", (inner if inner.type != "null" else _as(inner, "bool", ""),), node)
        if name in ("in", "between"):
            return self._listed(node)
        if name == "negate":
            inner = _as(self.of(node.arguments[0]), "number", "`-`")
            return _call("negate", inner.type, (inner,), node)
        return self._function(node)

    def _column(self, node: Name) -> Typed:
        if node.name not in self._types:
            raise ExpressionError(
                "unknown_column", node.position, node.end, column=repr(node.name), hint=_hint(node.name, self._types)
            )
        kind = self._types[node.name]
        if kind not in (*TYPES, "unknown"):
            raise ExpressionError(
                "wrong_type", node.position, node.end, what="An expression", expected="values", found=kind
            )
        return Typed("column", kind, value=node.name, position=node.position, end=node.end)

    def _arithmetic(self, node: Call) -> Typed:
        sign = node.function
        parts = [_as(self.of(each), "number", f"`{sign}`") for each in node.arguments]
        if sign == "//":
            parts = [_as(each, "int64", "`//`") for each in parts]
        kind = "int64" if sign != "/" and all(each.type == "int64" for each in parts) else "float64"
        return _call(_ARITHMETIC[sign], kind, tuple(_as(each, kind, f"`{sign}`") for each in parts), node)

    def _listed(self, node: Call) -> Typed:
        value, *others = map(self.of, node.arguments)
        if node.function == "between":
            parts = (_compared(">=", value, others[0], node), _compared("<=", value, others[1], node))
            return _call("and", "bool", parts, node)
        equal = [_null_flag(each) if each.type == "null" else _compared("=", value, each, node) for each in others]
        return equal[0] if len(equal) == 1 else _call("or", "bool", tuple(equal), node)

    def _function(self, node: Call) -> Typed:
        function = FUNCTIONS.get(node.function)
        if function is None:
            end = node.position + len(node.function)
            hint = _hint(node.function, FUNCTIONS)
            raise ExpressionError("unknown_function", node.position, end, text=repr(node.function), hint=hint)
        _count(node, function)
        if node.function in ("date", "timestamp"):
            return self._moment(node)
        arguments, settings = [], []
        for place, each in enumerate(node.arguments):
            wanted = function.parameters[min(place, len(function.parameters) - 1)]
            if wanted.startswith("written "):
                settings.append(setting(node.function, place, each))
            else:
                found = self.of(each)
                arguments.append(found if found.type == "null" and wanted == "any" else _as(found, wanted, _of(node)))
        if node.function in ("number", "text"):
            return _converted(node, arguments[0])
        kind = function.result
        if kind == "same":
            kind = arguments[0].type
            if kind == "int64" and node.function != "abs":
                return arguments[0]  # it is whole
        elif kind == "joined":
            fixed = 1 if node.function == "if" else 0
            kind, arguments[fixed:] = _joined(arguments[fixed:], node)
        elif function.parameters[0] == "number":
            arguments = [_as(each, "float64", _of(node)) for each in arguments]
        return _call(node.function, kind, tuple(arguments), node, tuple(settings))

    def _moment(self, node: Call) -> Typed:
        """`date('2026-01-31')`, `timestamp('…')`, and the day of a timestamp."""
        argument = node.arguments[0]
        if isinstance(argument, Constant) and isinstance(argument.value, str):
            return replace(moment(argument, node.function), position=node.position, end=node.end)
        if node.function == "timestamp":
            raise ExpressionError("not_constant", argument.position, argument.end, what="A timestamp")
        inner = self.of(argument)
        if inner.type == "string":
            raise ExpressionError("not_constant", argument.position, argument.end, what="A date")
        return _call("date", "date", (_as(inner, "moment", _of(node)),), node)


# What types become --------------------------------------------------------------------------------------------


def _literal(node: Constant) -> Typed:
    value = node.value
    kinds = {bool: "bool", int: "int64", float: "float64", str: "string"}
    kind = "null" if value is None else kinds[type(value)]
    if isinstance(value, float):
        value = value + 0.0  # there is one zero
    return Typed("literal", kind, value=value, position=node.position, end=node.end)


def _as(found: Typed, wanted: str, what: str) -> Typed:
    """The same as that type. Raises ExpressionError where it is another; whole numbers become floats."""
    kinds = _GROUPS.get(wanted, (wanted,))
    if found.type in kinds:
        return found
    if found.type == "null":
        return replace(found, type="float64" if wanted == "number" else kinds[0])
    if found.type == "unknown":
        return replace(found, type="float64") if wanted in ("number", *NUMBERS) else replace(found, type=kinds[0])
    if found.type == "int64" and wanted == "float64":
        if found.operation == "literal":
            return replace(found, type="float64", value=float(found.value))  # type: ignore[arg-type]
        return Typed("to_float", "float64", (found,), position=found.position, end=found.end)
    expected = "whole numbers" if wanted == "int64" else _WORDS[wanted]
    raise ExpressionError(
        "wrong_type", found.position, found.end, what=what, expected=expected, found=_WORDS[found.type]
    )


def _joined(parts: Sequence[Typed], node: Call) -> tuple[str, list[Typed]]:
    """One type that all have, nulls and unknown ones aside; `null` when none has any."""
    kinds = list(dict.fromkeys(part.type for part in parts if part.type not in ("null", "unknown")))
    if set(kinds) == set(NUMBERS):
        kinds = ["float64"]
    if len(kinds) > 1:
        odd = next(part for part in parts if part.type == kinds[1])
        raise ExpressionError(
            "different_types",
            odd.position,
            odd.end,
            what=_of(node),
            found=_WORDS[kinds[0]],
            other=_WORDS[kinds[1]],
        )
    if not kinds:
        kind = "unknown" if any(part.type == "unknown" for part in parts) else "null"
        return kind, list(parts)
    return kinds[0], [_as(part, kinds[0], _of(node)) for part in parts]


def _compared(sign: str, first: Typed, second: Typed, node: Call) -> Typed:
    for each in (first, second):
        if each.type == "null":
            raise ExpressionError("compares_null", each.position, each.end)
    kind, pair = _joined([first, second], node)
    if kind == "bool" and sign not in ("=", "!="):
        raise ExpressionError(
            "wrong_type", first.position, second.end, what=f"`{sign}`", expected="values with an order", found="bool"
        )
    if sign in (">", ">="):
        pair = [pair[1], pair[0]]
    operation = {"=": "equal", "!=": "equal", "<": "less", ">": "less", "<=": "less_equal", ">=": "less_equal"}[sign]
    found = _call(operation, "bool", tuple(pair), node)
    return _call("not", "bool", (found,), node) if sign == "!=" else found


def _null_flag(found: Typed) -> Typed:
    """What comparing with a null gives."""
    return replace(found, type="bool")


def _converted(node: Call, argument: Typed) -> Typed:
    takes = {"number": ("string", "bool", *NUMBERS), "text": ("string", "int64", "bool", "date")}[node.function]
    result = FUNCTIONS[node.function].result
    if argument.type in ("null", "unknown"):
        argument = replace(argument, type="string")
    if argument.type not in takes:
        expected = " or ".join(_WORDS[kind] for kind in takes)
        raise ExpressionError(
            "wrong_type",
            argument.position,
            argument.end,
            what=_of(node),
            expected=expected,
            found=_WORDS[argument.type],
        )
    if argument.type == result:
        return argument
    if argument.type == "int64" and result == "float64":
        return _as(argument, "float64", "")
    return _call(node.function, result, (argument,), node)


# Words --------------------------------------------------------------------------------------------------------


def _call(
    operation: str, kind: str, arguments: tuple[Typed, ...], node: Call, settings: tuple[object, ...] = ()
) -> Typed:
    return Typed(operation, kind, arguments, settings=settings, position=node.position, end=node.end)


def _count(node: Call, function: Function) -> None:
    given = len(node.arguments)
    if given >= function.least and (function.most is None or given <= function.most):
        return
    if function.most is None:
        expected = f"at least {function.least} values"
    elif function.least == function.most:
        expected = f"{function.least} value{'s' * (function.least > 1)}"
    else:
        expected = f"{function.least} or {function.most} values"
    raise ExpressionError(
        "wrong_arguments", node.position, node.end, function=_of(node), expected=expected, count=given
    )


def _of(node: Call) -> str:
    return f"`{node.function}`"


def _hint(name: str, known: Mapping[str, object]) -> str:
    by_lower = {each.lower(): each for each in known}
    close = [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=3)]
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
