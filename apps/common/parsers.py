"""How bodies of requests are read."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEPTH_MOST = 100
"""Lists and objects inside each other. Deeper ones would exhaust the stack of whatever walks through them later."""


class JsonParser(JSONParser):
    """JSON, refused when it is nested too deeply."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            found = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise _too_deep() from error
        if _is_deeper(found, DEPTH_MOST):
            raise _too_deep()
        return found


def _is_deeper(found: Any, most: int) -> bool:
    level = [found]
    for _ in range(most + 1):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(outer: dict[str, Any] | list[Any]) -> Any:
    return outer.values() if isinstance(outer, dict) else outer


def _too_deep() -> ParseError:
    return ParseError(f"JSON parse error - more than {DEPTH_MOST} lists or objects inside each other")
