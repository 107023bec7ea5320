"""Files of the object store as answers, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from apps.common.errors import NotFound
from apps.common.storage import CHUNK_BYTES, store


def download(request: Request, path: str, *, name: str, size_bytes: int, sha256: str) -> StreamingHttpResponse:
    """The object at `path` of the store, to be saved as `name`.

    Raises:
        NotFound: the store does not have it.
    """
    try:
        file = store().open(path)
    except FileNotFoundError:
        raise NotFound("the object store does not have this file") from None
    # Django reads a plain iterator whole into memory under ASGI, and an asynchronous one under WSGI.
    chunks = _chunks_async(file) if isinstance(request._request, ASGIRequest) else _chunks(file)
    response = StreamingHttpResponse(chunks, content_type="application/octet-stream")
    response["Content-Length"] = str(size_bytes)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["ETag"] = f'"{sha256}"'
    return response


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


async def _chunks_async(file: IO[bytes]) -> AsyncIterator[bytes]:
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while chunk := await read(CHUNK_BYTES):
            yield chunk
    finally:
        await sync_to_async(file.close, thread_sensitive=False)()
