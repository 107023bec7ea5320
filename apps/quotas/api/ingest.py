"""Output of jobs: `POST /api/v1/runtime/attempts/self/logs`, a plain ASGI app beside Django.

    POST …/logs?rank=0&sequence=7&first_line=1201
    Content-Type: text/plain; charset=utf-8
    Content-Encoding: deflate                       (or none)

The body is text in UTF-8, deflated (zlib, RFC 1950) or plain, at most 2 MiB when inflated. The JSON form is
`{"rank", "sequence", "first_line", "text"}` with at most 256 KiB of text; the API's document has it from `LogsView`.
The answer is `{}` once the chunk is committed. A chunk is kept once per (attempt, rank, sequence).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import msgspec
from prometheus_client import Counter, Histogram

from apps.common.asgi_app import BUCKETS, BulkApp, Incoming, django_conninfo
from apps.common.errors import Invalid, TooLarge
from apps.common.lanes import WAIT_SECONDS, Lanes
from apps.quotas.services import attempt_tokens
from apps.quotas.services.logs import NUMBER_MOST, TEXT_BYTES_MOST, Chunk, chunk_of, chunks_store, inflate, json_text

BODY_LIMIT_BYTES = 4 << 20
RANK_MOST = 1_000_000
NATIVE = "text/plain"
HERE_BYTES = 16 << 10
"""A smaller body is worked on at once; a larger one in a thread, where it holds nobody up."""
THREADS = 2

CHUNKS = Counter("bedplate_log_chunks", "Chunks of output answered, by status.", ["status"])
BYTES = Counter("bedplate_log_bytes", "Bytes of output accepted, those sent again included.")
SECONDS = Histogram("bedplate_log_chunk_seconds", "Time per chunk.", buckets=BUCKETS)

Number = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MOST)]


class ChunkIn(msgspec.Struct):
    rank: Annotated[int, msgspec.Meta(ge=0, le=RANK_MOST)]
    sequence: Number
    text: str
    first_line: Number = 0


class LogIngestApp(BulkApp):
    """Keeps chunks of output. Its connections open with the first chunks, in the loop that serves them.

    Args:
        conninfo: keyword arguments of a psycopg connection; by default those of Django's database.
        wait_seconds: how long a chunk waits to be kept.
    """

    body_bytes_most: ClassVar[int] = BODY_LIMIT_BYTES
    answers: ClassVar[Counter] = CHUNKS
    seconds: ClassVar[Histogram] = SECONDS

    def __init__(
        self, conninfo: Callable[[], dict[str, Any]] = django_conninfo, *, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        super().__init__(attempt_tokens.verify)
        self._lanes: Lanes[Chunk] = Lanes(conninfo, chunks_store, wait_seconds=wait_seconds)
        self._threads = asyncio.Semaphore(THREADS)

    async def take(self, request: Incoming) -> Any:
        if len(request.body) < HERE_BYTES:
            chunk = _chunk(request)
        else:
            async with self._threads:
                chunk = await asyncio.to_thread(_chunk, request)
        await self._lanes.submit(request.attempt_id, chunk, len(chunk.content))
        BYTES.inc(chunk.size_bytes)
        return {}

    async def close(self) -> None:
        await self._lanes.close()


def _chunk(request: Incoming) -> Chunk:
    """Raises Invalid and TooLarge."""
    return _native(request) if request.content_type == NATIVE else _json(request)


def _native(request: Incoming) -> Chunk:
    rank, sequence = request.number("rank"), request.number("sequence")
    if rank > RANK_MOST:
        raise Invalid(f"rank: at most {RANK_MOST}", fields={"rank": ["too large"]})
    first_line = request.number("first_line", 0)
    encoding = request.headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if encoding not in ("deflate", "identity"):
        raise Invalid(f"Content-Encoding is {encoding!r}; it may be `deflate` (zlib, RFC 1950) or none")
    deflated = request.body if encoding == "deflate" else None
    text = inflate(request.body, TEXT_BYTES_MOST) if deflated is not None else request.body
    if len(text) > TEXT_BYTES_MOST:
        raise TooLarge(f"A chunk may have {TEXT_BYTES_MOST} bytes.")
    return chunk_of(rank=rank, sequence=sequence, first_line=first_line, text=text, deflated=deflated)


def _json(request: Incoming) -> Chunk:
    """Read by the standard library: a program may print half a surrogate pair, and msgspec would refuse it."""
    try:
        found = msgspec.convert(json.loads(request.body), ChunkIn, strict=False)
    except (ValueError, RecursionError) as error:  # of JSON, of UTF-8, and msgspec's own
        raise Invalid(f"not a chunk of output: {error}") from error
    return chunk_of(rank=found.rank, sequence=found.sequence, first_line=found.first_line, text=json_text(found.text))


application = LogIngestApp()
