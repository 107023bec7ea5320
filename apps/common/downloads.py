"""Files of the object store as answers, a chunk in memory at a time; in part where a part is asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from apps.common.errors import NotFound
from apps.common.storage import CHUNK_BYTES, store

_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


def download(request: Request, path: str, *, name: str, size_bytes: int, tag: str) -> StreamingHttpResponse:
    """The object at `path` of the store, to be saved as `name`.

    With `Range: bytes=<first>-[<last>]` it is that part (206), so that a transfer that broke off goes on; with
    `If-Range` and another ETag the whole. Other forms of a range are answered with the whole, as RFC 9110 allows.

    Args:
        tag: tells this content from any other: its SHA-256 where that is known.

    Raises:
        NotFound: the store does not have it.
    """
    asked = _range(request, size_bytes, tag)
    if asked is not None and asked[0] >= size_bytes:
        response = StreamingHttpResponse(iter(()), status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response["Content-Range"] = f"bytes */{size_bytes}"
        return response
    first, last = asked or (0, size_bytes - 1)
    try:
        file = store().open(path)
    except FileNotFoundError:
        raise NotFound("the object store does not have this file") from None
    file.seek(first)
    length = last - first + 1
    # Django reads a plain iterator whole into memory under ASGI, and an asynchronous one under WSGI.
    chunks = _chunks_async(file, length) if isinstance(request._request, ASGIRequest) else _chunks(file, length)
    response = StreamingHttpResponse(chunks, content_type="application/octet-stream")
    if asked is not None:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response["Content-Range"] = f"bytes {first}-{last}/{size_bytes}"
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(length)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["ETag"] = f'"{tag}"'
    return response


def _range(request: Request, size_bytes: int, tag: str) -> tuple[int, int] | None:
    """First and last byte that are asked for; None: all."""
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or request.headers.get("If-Range", f'"{tag}"') != f'"{tag}"':
        return None
    first, last = int(found[1]), min(int(found[2] or size_bytes), size_bytes - 1)
    return None if found[2] and int(found[2]) < first else (first, last)


def _chunks(file: IO[bytes], length: int) -> Iterator[bytes]:
    with file:
        while length > 0 and (chunk := file.read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk


async def _chunks_async(file: IO[bytes], length: int) -> AsyncIterator[bytes]:
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while length > 0 and (chunk := await read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk
    finally:
        await sync_to_async(file.close, thread_sensitive=False)()
