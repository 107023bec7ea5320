"""Words to a tree. Knows the grammar, and nothing of columns or types.

    or < and < not < comparisons, in, between, is null < + - < * / // % < unary minus

Comparisons do not chain: `1 < x < 3` is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workers.contracts.expressions.errors import ExpressionError
from workers.contracts.expressions.lexer import INT64_LEAST, KEYWORDS, Token, number_of, tokens

DEPTH_MOST: Final = 50
NODES_MOST: Final = 500

_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN = range(1, 8)
_POWERS: Final = {
    **{"or": _OR, "and": _AND, "is": _COMPARE, "in": _COMPARE, "between": _COMPARE, "not": _COMPARE},
    **dict.fromkeys(("=", "==", "!=", "<>", "<", "<=", ">", ">="), _COMPARE),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
}
_VALUES: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_SPELLED: Final = {"==": "=", "<>": "!="}


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, true, false or null, as written."""

    value: int | float | str | bool | None
    position: int
    end: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Name:
    """A column."""

    name: str
    position: int
    end: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or what a sign or word means: `+ - * / // % negate = != < <= > >= and or not in between is_null`."""

    function: str
    arguments: tuple[Node, ...]
    position: int
    end: int
    depth: int


Node = Constant | Name | Call


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError with the place of what is wrong."""
    return _Parser(tokens(text)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._nodes = 0
        self._open = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def whole(self) -> Node:
        node = self._expression(0)
        if self._next.kind != "end":
            raise self._expected("the end, or a sign such as + or `and`")
        return node

    # Parts --------------------------------------------------------------------------------------------------

    def _expression(self, power: int) -> Node:
        self._open += 1
        if self._open > DEPTH_MOST:
            raise ExpressionError("too_deep", self._next.position, self._next.end, most=DEPTH_MOST)
        left = self._first()
        compared = False
        while (binds := self._power()) > power and not (compared and binds == _COMPARE):
            compared = binds == _COMPARE
            left = self._continued(left, binds)
        self._open -= 1
        return left

    def _power(self) -> int:
        token = self._next
        return _POWERS.get(token.value, 0) if token.kind in ("sign", "word") else 0

    def _first(self) -> Node:
        token = self._take()
        if token.kind == "number":
            value = number_of(token)
            if value == -INT64_LEAST and isinstance(value, int):
                raise ExpressionError("wrong_number", token.position, token.end, text=token.value)
            return self._counted(Constant(value, token.position, token.end))
        if token.kind == "text":
            return self._counted(Constant(token.value, token.position, token.end))
        if token.kind == "quoted" or (token.kind == "name" and not self._is_sign("(")):
            return self._counted(Name(token.value, token.position, token.end))
        if token.kind == "name":
            return self._function(token)
        if token.kind == "word" and token.value in _VALUES:
            return self._counted(Constant(_VALUES[token.value], token.position, token.end))
        if token.value == "not" and token.kind == "word":
            inner = self._expression(_NOT - 1)
            return self._call("not", [inner], token.position, inner.end)
        if token.value == "-" and token.kind == "sign":
            return self._negative(token)
        if token.value == "(" and token.kind == "sign":
            inner = self._expression(0)
            self._close(token)
            return inner
        raise self._expected("a value", token)

    def _negative(self, minus: Token) -> Node:
        token = self._next
        if token.kind == "number":  # so that the least whole number can be written
            self._take()
            return self._counted(Constant(-number_of(token), minus.position, token.end))
        inner = self._expression(_SIGN)
        return self._call("negate", [inner], minus.position, inner.end)

    def _function(self, name: Token) -> Node:
        opening = self._take()
        arguments: list[Node] = []
        if not self._is_sign(")"):
            arguments = self._list()
        end = self._close(opening)
        return self._call(name.value, arguments, name.position, end)

    def _list(self) -> list[Node]:
        found = [self._expression(0)]
        while self._is_sign(","):
            self._take()
            found.append(self._expression(0))
        return found

    def _continued(self, left: Node, power: int) -> Node:
        token = self._take()
        if token.kind == "word" and power == _COMPARE:
            return self._worded(left, token)
        arguments = [left, self._expression(power)]
        name = _SPELLED.get(token.value, token.value)
        if name in ("and", "or"):  # a chain is one node, so that a long one is not deep
            while self._next.kind == "word" and self._next.value == name:
                self._take()
                arguments.append(self._expression(power))
        return self._call(name, arguments, left.position, arguments[-1].end)

    def _worded(self, left: Node, token: Token) -> Node:
        """`is [not] null`, `[not] in (…)`, `[not] between … and …`."""
        denied = token.value == "not"
        if denied:
            token = self._take()
            if token.kind != "word" or token.value not in ("in", "between"):
                raise self._expected("`in` or `between`", token)
        if token.value == "is":
            if self._next.kind == "word" and self._next.value == "not":
                self._take()
                denied = True
            if (last := self._take()).value != "null" or last.kind != "word":
                raise self._expected("`null`", last)
            node = self._call("is_null", [left], left.position, last.end)
        elif token.value == "in":
            if not self._is_sign("("):
                raise self._expected("a list such as (1, 2)")
            opening = self._take()
            values = self._list()
            node = self._call("in", [left, *values], left.position, self._close(opening))
        else:
            low = self._expression(_COMPARE)
            if (joint := self._take()).value != "and" or joint.kind != "word":
                raise self._expected("`and`", joint)
            high = self._expression(_COMPARE)
            node = self._call("between", [left, low, high], left.position, high.end)
        return self._call("not", [node], node.position, node.end) if denied else node

    # Tokens -------------------------------------------------------------------------------------------------

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":  # which stays
            self._place += 1
        return token

    def _is_sign(self, sign: str) -> bool:
        return self._next.kind == "sign" and self._next.value == sign

    def _close(self, opening: Token) -> int:
        """Take the closing bracket; its end."""
        if self._next.kind == "end":
            raise ExpressionError("not_closed", opening.position, opening.end, text=opening.value)
        if not self._is_sign(")"):
            raise self._expected("`)` or a sign such as + or `and`")
        return self._take().end

    def _expected(self, what: str, found: Token | None = None) -> ExpressionError:
        token = found or self._next
        text = "the end" if token.kind == "end" else repr(token.value)
        near = token.value.lower() if token.kind == "name" else ""
        if near in KEYWORDS:
            text = f"{token.value!r}: words such as `{near}` are written small"
        return ExpressionError("expected", token.position, token.end, expected=what, text=text)

    def _call(self, name: str, arguments: list[Node], position: int, end: int) -> Node:
        depth = 1 + max((each.depth for each in arguments), default=0)
        if depth > DEPTH_MOST:
            raise ExpressionError("too_deep", position, end, most=DEPTH_MOST)
        return self._counted(Call(name, tuple(arguments), position, end, depth))

    def _counted(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > NODES_MOST:
            raise ExpressionError("too_large", node.position, node.end, most=NODES_MOST)
        return node
