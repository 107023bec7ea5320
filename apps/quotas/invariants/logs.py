"""Output of jobs, chunk by chunk. Gaps, which a shipper that was killed or full leaves, are told and not judged."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.invariants import Check, Level, by_query, query_check, together
from apps.quotas.models import LogChunk

_LINE = """
SELECT attempt_id, rank, sequence, lag(sequence) OVER line AS before, first_line,
       lag(first_line) OVER line + lag(lines) OVER line AS expected, lag(lines) OVER line AS counted
FROM {chunk} WINDOW line AS (PARTITION BY attempt_id, rank ORDER BY sequence)
"""

CHECKS: Sequence[Check] = (
    query_check(
        "log.sequence",
        "A chunk of output is kept once.",
        "chunk {} of member {} of attempt {} is kept {} times",
        """
        SELECT sequence, rank, attempt_id, count(*) FROM {chunk}
        GROUP BY attempt_id, rank, sequence HAVING count(*) > 1
        """,
        chunk=LogChunk,
    ),
    Check(
        "log.gaps",
        "Chunks of output follow each other without a hole, and so do their lines.",
        together(
            by_query(
                "output of member {} of attempt {} lacks the chunks between {} and {}",
                f"SELECT rank, attempt_id, before, sequence FROM ({_LINE}) AS lined"  # noqa: S608 - our own words
                " WHERE sequence > before + 1",
                level=Level.WARNING,
                chunk=LogChunk,
            ),
            by_query(
                "output of member {} of attempt {}: chunk {} begins with line {}, expected was {}",
                f"SELECT rank, attempt_id, sequence, first_line, expected FROM ({_LINE}) AS lined"  # noqa: S608
                " WHERE sequence = before + 1 AND counted > 0 AND first_line <> expected",
                level=Level.WARNING,
                chunk=LogChunk,
            ),
        ),
    ),
)
