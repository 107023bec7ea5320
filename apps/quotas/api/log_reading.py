"""How output of jobs is answered: a page of it, or all of it as a file, a few chunks in memory at a time."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from apps.common.cursors import visible_up_to
from apps.common.errors import Invalid
from apps.common.streams import saved_as
from apps.quotas.models import Attempt, Workload
from apps.quotas.selectors.logs import (
    Gaps,
    LogPage,
    attempt_asked,
    log_chunks,
    logs_after,
    logs_range,
    logs_tail,
    without_escapes,
)


def log_page(workload: Workload, asked: dict[str, Any]) -> LogPage:
    """The page that a query asks for.

    Args:
        asked: of `LogQuerySerializer`.

    Raises:
        Invalid: it asks for two things at once.
    """
    tail, first, last = asked.get("tail"), asked.get("from_line"), asked.get("to_line")
    ranged = first is not None or last is not None
    if (tail is not None) + ranged + bool(asked["after"] or asked["search"]) > 1:
        raise Invalid("tail, from_line with to_line, and after with search go one at a time")
    if tail is None and not ranged:
        narrow = {"rank": asked.get("rank"), "attempt": asked.get("attempt"), "search": asked["search"]}
        return logs_after(workload, after=asked["after"], **narrow)
    attempt = attempt_asked(workload, asked.get("attempt"))
    if attempt is None:
        return LogPage([], 0, live_from=visible_up_to())
    rank = asked.get("rank", 0)
    return logs_range(attempt, rank, first or 1, last) if tail is None else logs_tail(attempt, rank, tail)


def log_download(request: Request, attempt: Attempt, rank: int, *, name: str, plain: bool) -> StreamingHttpResponse:
    """All output of one member, to be saved as a file; where lines are missing, a line says how many."""
    pieces = _Pieces(attempt, rank, plain)
    file = f"{name}-{attempt.number}-{rank}.log"
    return saved_as(request, file, pieces.next, content_type="text/plain; charset=utf-8")


class _Pieces:
    """The text of one chunk after the other; nothing at the end."""

    def __init__(self, attempt: Attempt, rank: int, plain: bool) -> None:
        self._attempt, self._rank, self._plain = attempt, rank, plain
        self._gaps = Gaps()
        self._after = -1
        self._chunks: list[Any] = []

    def next(self) -> bytes:
        while True:
            self._chunks = self._chunks or log_chunks(self._attempt, self._rank, self._after)
            if not self._chunks:
                return b""
            chunk = self._chunks.pop(0)
            self._after = chunk.sequence
            text = self._gaps.text_of(chunk)
            if text := without_escapes(text) if self._plain else text:
                return text.encode()
