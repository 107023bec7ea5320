"""Text of any length as an answer to be saved as a file, a piece in memory at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.request import Request


def saved_as(
    request: Request, name: str, following: Callable[[], bytes], *, content_type: str
) -> StreamingHttpResponse:
    """What `following` gives, one piece a call, until it gives nothing; it may read the database."""
    # Django reads a plain iterator whole into memory under ASGI, and an asynchronous one under WSGI.
    pieces = _async(following) if isinstance(request._request, ASGIRequest) else _plain(following)
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def _plain(following: Callable[[], bytes]) -> Iterator[bytes]:
    while piece := following():
        yield piece


async def _async(following: Callable[[], bytes]) -> AsyncIterator[bytes]:
    step = sync_to_async(following)
    while piece := await step():
        yield piece
