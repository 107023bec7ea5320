"""How an expectation is called in a sentence, in every language alike: `between(age)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.contracts.expressions import ExpressionError, parse
from workers.contracts.expressions.syntax import Call, Name, Node

SHOWN = 40
"""Characters of what stands in the brackets."""


def label(kind: str, parameters: Mapping[str, Any]) -> str:
    """`not_null(age)`, `unique(id+day)`, `custom(a > 1)`, `row_count`: one word for lists of failing expectations.

    Without a comma or a full stop before a blank, since sentences are taken apart at those.
    """
    inner = parameters["expression"] if kind == "custom" else "+".join(columns_of(kind, parameters))
    plain = " ".join(inner.split()).replace(", ", ",").replace(". ", ".").replace(",", "·")
    shown = plain if len(plain) <= SHOWN else f"{plain[: SHOWN - 1]}…"
    return f"{kind}({shown})" if shown else kind


def columns_of(kind: str, parameters: Mapping[str, Any]) -> list[str]:
    """The columns that an expectation looks at; none of one that is about the whole, or about all of them."""
    if kind == "custom":
        try:
            return list(dict.fromkeys(_names(parse(parameters["expression"]))))
        except ExpressionError:
            return []
    named = parameters.get("columns") or parameters.get("column") or []
    return [named] if isinstance(named, str) else list(named)


def _names(node: Node) -> list[str]:
    if isinstance(node, Name):
        return [node.name]
    return [name for each in node.arguments for name in _names(each)] if isinstance(node, Call) else []
