"""Bodies of requests that are read while they arrive: a piece in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import UnreadablePostError
from rest_framework.parsers import BaseParser

from apps.common.errors import BedplateError
from apps.common.storage import CHUNK_BYTES


class SenderGone(BedplateError):
    """Nobody sees it but the log: the connection broke."""

    code, status, title, retryable = "sender_gone", 400, "The sender broke off", True


class AnyBodyParser(BaseParser):
    """Takes a body of any type and does not read it: the view does."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return {}


def chunks_of(request: Any) -> Iterator[bytes]:
    """The body, a piece in memory at a time, as it arrives; raises SenderGone when it breaks off."""
    try:
        while chunk := request._request.read(CHUNK_BYTES):
            yield chunk
    except UnreadablePostError as error:
        raise SenderGone from error
