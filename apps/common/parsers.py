"""How bodies of requests are read."""

from __future__ import annotations

import codecs
import contextlib
import json
import math
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEPTH_MOST = 100
"""Lists and objects inside each other. Deeper ones would exhaust the stack of whatever walks through them later."""
FILES_MOST = 20
TOO_LONG = "a whole number of more than 4300 digits"


class JsonParser(JSONParser):
    """JSON, refused when it is nested too deeply, or says what would be understood as something else: a number that no
    double holds, the same key twice."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        encoding = (parser_context or {}).get("encoding", settings.DEFAULT_CHARSET)
        try:
            text = codecs.getreader(encoding)(stream)
            found = json.load(text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_once)
        except RecursionError as error:
            raise _too_deep() from error
        except ValueError as error:
            said = TOO_LONG if "int_max_str_digits" in str(error) else str(error)
            raise ParseError(f"JSON parse error - {said}") from error
        if _is_deeper(found, DEPTH_MOST):
            raise _too_deep()
        return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no number that can be kept")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} is there more than once in one object")
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


class UploadedToMemory(MemoryFileUploadHandler):
    """Django's, for small requests; it hears of every file, and there may be few: each of a large request is an open
    one of this process. A view that takes many has a handler of its own."""

    files_begun = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        self.files_begun += 1
        if self.files_begun > FILES_MOST:
            raise TooManyFilesSent(f"more than {FILES_MOST} files in one request")
        super().new_file(*args, **kwargs)


class UploadedToDisk(TemporaryFileUploadHandler):
    """Django's, but a file that finds no room is removed at once, so that it does not keep what room there is."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self._gone_when_full():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        with self._gone_when_full():
            return super().file_complete(file_size)

    @contextlib.contextmanager
    def _gone_when_full(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            with contextlib.suppress(OSError):  # what is left to be written finds no room either
                self.file.close()
            raise
