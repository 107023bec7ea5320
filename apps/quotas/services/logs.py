"""Output of jobs, in numbered chunks: kept once however often it is sent, and deflated."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from psycopg import AsyncConnection

from apps.common.errors import AttemptSuperseded, BedplateError, Invalid, TooLarge
from apps.quotas.models import Attempt, LogChunk, Workload
from apps.quotas.services.plain import text_cleaned
from apps.quotas.services.reports import no_member, rank_check

JSON_TEXT_BYTES_MOST = 256 * 1024
TEXT_BYTES_MOST = 2 << 20
"""Of a chunk in the native form, inflated."""
NUMBER_MOST = 1 << 62
LEVEL = 1
"""Output of jobs shrinks to a fifth or less at the quickest level already."""

# Ended and unknown look alike to a job: its token is of no use any more.
_LOCK = f"""
SELECT w.count_granted FROM {Attempt._meta.db_table} a JOIN {Workload._meta.db_table} w ON w.id = a.workload_id
WHERE a.id = %s AND a.ended_at IS NULL FOR NO KEY UPDATE OF a
"""  # noqa: S608 - names of our own tables
_INSERT = f"""
INSERT INTO {LogChunk._meta.db_table}
    (attempt_id, rank, sequence, first_line, lines, size_bytes, content, "text")
SELECT %s, u.*, '' FROM unnest(%b::int[], %b::bigint[], %b::bigint[], %b::int[], %b::int[], %b::bytea[]) AS u
ON CONFLICT DO NOTHING
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Chunk:
    """A numbered piece of one member's output, ready to be kept."""

    rank: int
    sequence: int
    first_line: int
    lines: int
    size_bytes: int
    content: bytes
    """Deflated."""


def chunk_of(*, rank: int, sequence: int, first_line: int, text: bytes, deflated: bytes | None = None) -> Chunk:
    """A chunk of text in UTF-8. NUL is removed: nothing shows it, and much ends at it.

    Args:
        deflated: the same text as it came, kept as it is where nothing had to be removed.

    Raises:
        Invalid: a number out of its range, or not UTF-8.
    """
    if not (0 <= sequence <= NUMBER_MOST and 0 <= first_line <= NUMBER_MOST):
        raise Invalid("sequence and first_line count from 0")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"the text is not UTF-8: byte {error.start} is {text[error.start]:#04x}") from None
    if b"\x00" in text:
        text, deflated = text.replace(b"\x00", b""), None
    lines = text.count(b"\n") + (not text.endswith(b"\n") and bool(text))
    content = zlib.compress(text, LEVEL) if deflated is None else deflated
    return Chunk(rank, sequence, first_line, lines, len(text), content)


def inflate(data: bytes, most: int) -> bytes:
    """The text of a deflated body (zlib, RFC 1950); stops as soon as it is too much.

    Raises:
        TooLarge: more than `most` bytes.
        Invalid: not deflated, cut off, or followed by something.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, most + 1)
    except zlib.error as error:
        raise Invalid(f"the body is not deflated: {error}") from None
    if len(text) > most:
        raise TooLarge(f"A chunk may have {most} bytes.")
    if not inflater.eof or inflater.unused_data:
        raise Invalid("the deflated body is cut off" if not inflater.eof else "something follows the deflated body")
    return text


@transaction.atomic
def log_append(attempt: Attempt, *, rank: int, sequence: int, text: str, first_line: int) -> None:
    """Keep one chunk; a number that was kept before is kept as it was.

    The attempt's row is locked while the chunk gets its id, so that a reader who has seen an id has seen every
    lower one: ids are handed out in the order in which they become visible.

    Raises:
        TooLarge: more than 256 KiB.
        Invalid: no such member, or a number below its range.
        AttemptSuperseded: the attempt has ended meanwhile.
    """
    rank_check(attempt, rank)
    made = chunk_of(rank=rank, sequence=sequence, first_line=first_line, text=json_text(text))
    open_now = Attempt.objects.select_for_update(no_key=True).filter(pk=attempt.pk, ended_at=None)
    if not open_now.exists():
        raise AttemptSuperseded("The attempt has ended.")
    columns = {
        name: getattr(made, name) for name in ("rank", "sequence", "first_line", "lines", "size_bytes", "content")
    }
    LogChunk.objects.bulk_create([LogChunk(attempt=attempt, **columns)], ignore_conflicts=True)


def json_text(text: str) -> bytes:
    """Text of the JSON form, cleaned, in UTF-8; raises TooLarge beyond 256 KiB."""
    encoded = text_cleaned(text).encode()
    if len(encoded) > JSON_TEXT_BYTES_MOST:
        raise TooLarge(f"A chunk may have {JSON_TEXT_BYTES_MOST} bytes.")
    return encoded


async def chunks_store(
    connection: AsyncConnection[Any], attempt_id: UUID, chunks: Sequence[Chunk]
) -> list[BedplateError | None]:
    """As `log_append`, for several chunks of one attempt in one transaction, beside Django.

    Args:
        connection: in autocommit mode.

    Returns:
        For each chunk why it was refused (Invalid: no such member), or None: it is kept.

    Raises:
        AttemptSuperseded: the attempt has ended.
    """
    async with connection.transaction():
        row = await (await connection.execute(_LOCK, [attempt_id])).fetchone()
        if row is None:
            raise AttemptSuperseded("The attempt of this token has ended.")
        granted = row[0]
        kept = [chunk for chunk in chunks if chunk.rank < granted]
        if kept:
            columns: list[list[Any]] = [
                [chunk.rank for chunk in kept],
                [chunk.sequence for chunk in kept],
                [chunk.first_line for chunk in kept],
                [chunk.lines for chunk in kept],
                [chunk.size_bytes for chunk in kept],
                [chunk.content for chunk in kept],
            ]
            await connection.execute(_INSERT, [attempt_id, *columns])
    return [None if chunk.rank < granted else no_member(chunk.rank, granted) for chunk in chunks]
