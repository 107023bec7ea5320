"""Output of jobs, in numbered chunks: kept once however often it is sent."""

from __future__ import annotations

from django.db import transaction

from apps.common.errors import AttemptSuperseded, Invalid, TooLarge
from apps.quotas.models import Attempt, LogChunk
from apps.quotas.services.plain import text_cleaned
from apps.quotas.services.reports import rank_check

CHUNK_BYTES_MOST = 256 * 1024
NUMBER_MOST = 1 << 62


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
    if len(text.encode("utf-8", "replace")) > CHUNK_BYTES_MOST:
        raise TooLarge(f"A chunk may have {CHUNK_BYTES_MOST} bytes.")
    if not (0 <= sequence <= NUMBER_MOST and 0 <= first_line <= NUMBER_MOST):
        raise Invalid("sequence and first_line count from 0")
    open_now = Attempt.objects.select_for_update(no_key=True).filter(pk=attempt.pk, ended_at=None)
    if not open_now.exists():
        raise AttemptSuperseded("The attempt has ended.")
    chunk = LogChunk(attempt=attempt, rank=rank, sequence=sequence, first_line=first_line, text=text_cleaned(text))
    LogChunk.objects.bulk_create([chunk], ignore_conflicts=True)
