"""Output of jobs, as people read it: on from a cursor, by lines, from the end, by words. All answers are bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.common.cursors import Cursor, visible_up_to
from apps.quotas.models import Attempt, LogChunk, Workload

CHUNKS_MOST = 200
TEXT_MOST = 1 << 20
"""Characters in one answer, unless its first chunk alone has more."""
SEARCHED_MOST = 32 << 20
"""Bytes that one search looks at."""
MATCHES_MOST = 1000
"""Lines of one chunk that a search shows."""
DOWNLOAD_CHUNKS = 8
"""Read at once; in memory are these, deflated, and the text of one."""
ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[PX^_][^\x1b\n]*(?:\x1b\\)?|[ -/]*[0-~])"
)
"""Control sequences of terminals (ECMA-48): colours, movements, titles. None goes beyond its line."""


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some lines of one chunk."""

    id: int
    attempt: UUID
    rank: int
    sequence: int
    first_line: int
    lines: int
    text: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some output of a workload."""

    chunks: list[LogPiece]
    next_after: int
    """The cursor after it: what comes later has a greater id."""
    next_line: int | None = None
    """Of a range that did not fit: where to go on."""
    live_from: Cursor = (0, 0)
    """Where a subscription begins that misses nothing; what it brings up to `next_after` is known already."""


def logs_after(
    workload: Workload, *, after: int = 0, rank: int | None = None, attempt: UUID | None = None, search: str = ""
) -> LogPage:
    """Output that came after a cursor, of all attempts and members or of one, in the order in which it came.

    A reader that comes back with `next_after` misses nothing. With `search` only lines that contain it, each a piece of
    its own, of one chunk at most `MATCHES_MOST`; an answer without any may have a cursor that moved. Two queries.
    """
    live_from = visible_up_to()
    rows = _rows(workload, attempt, rank).filter(id__gt=after).order_by("id")[:CHUNKS_MOST]
    pieces: list[LogPiece] = []
    shown = looked_at = 0
    for chunk in rows.iterator(chunk_size=20):
        found = _matching(chunk, search) if search else [_whole(chunk)]
        shown += sum(len(piece.text) for piece in found)
        if (pieces and shown > TEXT_MOST) or looked_at > SEARCHED_MOST:
            break
        looked_at += chunk.size_bytes
        pieces += found
        after = chunk.id
    return LogPage(pieces, after, live_from=live_from)


def logs_range(attempt: Attempt, rank: int, first: int, last: int | None) -> LogPage:
    """Lines `first` to `last` (both count from 1; None: to the end) of one member, as far as they fit. Two queries."""
    live_from = visible_up_to()
    rows = LogChunk.objects.filter(attempt=attempt, rank=rank)
    rows = rows.filter(Q(first_line__gt=first - F("lines")) | Q(lines=0))  # 0: an old row, not counted
    if last is not None:
        rows = rows.filter(first_line__lte=last)
    pieces: list[LogPiece] = []
    size, after, next_line = 0, 0, None
    for chunk in rows.order_by("sequence")[: CHUNKS_MOST + 1].iterator(chunk_size=20):
        piece = _cut(_whole(chunk), first, last)
        if piece is None:
            continue
        size += len(piece.text)
        if pieces and (size > TEXT_MOST or len(pieces) == CHUNKS_MOST):
            next_line = piece.first_line
            break
        pieces.append(piece)
        after = max(after, chunk.id)
    return LogPage(pieces, after, next_line, live_from)


def logs_tail(attempt: Attempt, rank: int, count: int) -> LogPage:
    """The last `count` lines of one member, or as many of them as fit. Two queries.

    `next_after` is where to follow from.
    """
    live_from = visible_up_to()
    rows = LogChunk.objects.filter(attempt=attempt, rank=rank).order_by("-sequence")[:CHUNKS_MOST]
    pieces: list[LogPiece] = []
    after = size = 0
    for chunk in rows.iterator(chunk_size=20):
        after = max(after, chunk.id)
        whole = _whole(chunk)
        piece = _cut(whole, whole.first_line + max(whole.lines - count, 0), None)
        if piece is None:
            continue
        size += len(piece.text)
        if pieces and size > TEXT_MOST:
            break
        pieces.insert(0, piece)
        count -= piece.lines
        if count <= 0:
            break
    return LogPage(pieces, after, live_from=live_from)


def attempt_asked(workload: Workload, attempt: UUID | None) -> Attempt | None:
    """An attempt of the workload; without an id the latest. One query."""
    rows = workload.attempts.order_by("-number")
    found: Attempt | None = (rows.filter(pk=attempt) if attempt else rows).first()
    return found


def log_chunks(attempt: Attempt, rank: int, after: int = -1) -> list[LogChunk]:
    """The next few chunks of one member after a number, for a download. One query."""
    rows = LogChunk.objects.filter(attempt=attempt, rank=rank, sequence__gt=after)
    return list(rows.order_by("sequence")[:DOWNLOAD_CHUNKS])


def without_escapes(text: str) -> str:
    """The text as a terminal would show it without colours and movements."""
    return ESCAPE.sub("", text)


class Gaps:
    """Puts a line where lines were not kept: the wrapper, the store or its retention has dropped them."""

    def __init__(self) -> None:
        self._expected = 1
        self._ends_a_line = True

    def text_of(self, chunk: LogChunk) -> str:
        """The chunk's text, after a line about what is missing before it."""
        text = chunk.output()
        missing = chunk.first_line - self._expected if chunk.first_line else 0  # 0: its sender does not count
        note = f"… {missing} lines were not kept …\n" if missing > 1 else "… 1 line was not kept …\n"
        if chunk.first_line:
            self._expected = max(self._expected, chunk.first_line + (chunk.lines or lines_of(text)))
        before = ("" if self._ends_a_line else "\n") + note if missing > 0 else ""
        self._ends_a_line = text.endswith("\n") if text else self._ends_a_line
        return before + text


def lines_of(text: str) -> int:
    """Lines in a text; the last one may be unfinished."""
    return text.count("\n") + (not text.endswith("\n") and bool(text))


def _rows(workload: Workload, attempt: UUID | None, rank: int | None) -> QuerySet[LogChunk]:
    rows = LogChunk.objects.filter(attempt__workload=workload)
    if attempt is not None:
        rows = rows.filter(attempt=attempt)
    return rows if rank is None else rows.filter(rank=rank)


def _whole(chunk: LogChunk) -> LogPiece:
    text = chunk.output()
    lines = chunk.lines or lines_of(text)
    return LogPiece(chunk.id, chunk.attempt_id, chunk.rank, chunk.sequence, chunk.first_line, lines, text)


def _cut(piece: LogPiece, first: int, last: int | None) -> LogPiece | None:
    """The lines of a piece from `first` to `last`; None for none."""
    skipped = max(first - piece.first_line, 0)
    kept = piece.lines - skipped if last is None else min(last - piece.first_line + 1, piece.lines) - skipped
    if kept <= 0:
        return None
    if kept == piece.lines:
        return piece
    start = _after_lines(piece.text, skipped)
    text = piece.text[start : _after_lines(piece.text, kept, start)]
    return _part(piece, piece.first_line + skipped, kept, text)


def _after_lines(text: str, count: int, start: int = 0) -> int:
    """Where the text goes on after so many lines."""
    for _ in range(count):
        start = text.find("\n", start) + 1
        if not start:
            return len(text)
    return start


def _matching(chunk: LogChunk, search: str) -> list[LogPiece]:
    whole = _whole(chunk)
    if search not in whole.text:
        return []
    found = (_part(whole, number, 1, line) for number, line in _numbered(whole) if search in line)
    return list(islice(found, MATCHES_MOST))


def _numbered(piece: LogPiece) -> Iterator[tuple[int, str]]:
    lines: Iterable[str] = piece.text.split("\n")
    for number, line in enumerate(lines, piece.first_line):
        if number < piece.first_line + piece.lines:
            yield number, line + "\n"


def _part(piece: LogPiece, first_line: int, lines: int, text: str) -> LogPiece:
    return LogPiece(piece.id, piece.attempt, piece.rank, piece.sequence, first_line, lines, text)
