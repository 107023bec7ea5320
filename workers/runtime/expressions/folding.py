"""What of an expression does not depend on any column, computed beforehand."""

from __future__ import annotations

from dataclasses import replace

from workers.contracts.expressions.typed import Typed
from workers.runtime.expressions import evaluate


def folded(found: Typed) -> Typed:
    """The same with constant parts as literals, and choices that are already made taken."""
    if found.operation in ("column", "literal"):
        return found
    made = replace(found, arguments=tuple(map(folded, found.arguments)))
    if all(each.operation == "literal" for each in made.arguments):
        value = evaluate(made, {}, 1).to_list()[0]
        return replace(made, operation="literal", arguments=(), settings=(), value=value)
    if made.operation == "if" and made.arguments[0].operation == "literal":
        return made.arguments[1] if made.arguments[0].value else made.arguments[2]
    return made
