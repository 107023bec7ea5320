"""A small typed language over the columns of a table: filters, derived columns, expectations. Standard library only.

`expression("Income > 3 * Debt", {"Income": "float64", "Debt": "int64"})` reads and checks; the runtime translates the
tree that comes back for Daft, for DuckDB and for records where a model is served, and all three mean the same:

- Null is not known: what is computed of it is null; `and`, `or` and `not` as in SQL. A NaN is a null.
- A computed number that is not finite (a division by zero, the root of a negative number) is null, and so is a
  computed whole number beyond 64 bits. There is one zero. `/` gives a float64; `//` is for whole numbers and rounds
  towards zero, and `%` has the sign of what is divided.
- Text is compared by code points. Case counts everywhere, in names and words too.
"""

from __future__ import annotations

from collections.abc import Mapping

from workers.contracts.expressions.checking import TYPES, typed
from workers.contracts.expressions.errors import SENTENCES, ExpressionError
from workers.contracts.expressions.functions import FUNCTIONS, Function
from workers.contracts.expressions.lexer import LENGTH_MOST
from workers.contracts.expressions.syntax import Node, parse
from workers.contracts.expressions.typed import Typed


def expression(text: str, types: Mapping[str, str]) -> Typed:
    """Read an expression over columns of these house types. Raises ExpressionError with the place in the text."""
    return typed(parse(text), types)


def check(node: Node, types: Mapping[str, str]) -> str:
    """The type of a parsed expression: a house type, or `unknown`. Raises ExpressionError."""
    return typed(node, types).type


__all__ = [
    "FUNCTIONS",
    "LENGTH_MOST",
    "SENTENCES",
    "TYPES",
    "ExpressionError",
    "Function",
    "Node",
    "Typed",
    "check",
    "expression",
    "parse",
    "typed",
]
