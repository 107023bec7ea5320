"""Attempts of a workload: numbered without holes, at most one open, and open while a backend may know of it."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.invariants import Check, by_query, listed, query_check, together
from apps.quotas.models import Attempt, Workload
from apps.quotas.states import LAUNCHED, OCCUPYING, WORKLOAD

_STATES = {"launched": listed(LAUNCHED), "occupying": listed(OCCUPYING), "ended": listed(WORKLOAD.terminal)}

CHECKS: Sequence[Check] = (
    query_check(
        "workload.attempt_numbers",
        "The attempts of a workload are numbered from 1 to the number of launches, without a hole.",
        "workload {} was launched {} times; it has {} attempts, the last one number {}",
        """
        SELECT w.id, w.attempts_made, count(a.id), coalesce(max(a.number), 0)
        FROM {workload} w LEFT JOIN {attempt} a ON a.workload_id = w.id
        GROUP BY w.id HAVING count(a.id) <> w.attempts_made OR coalesce(max(a.number), 0) <> w.attempts_made
        """,
        workload=Workload,
        attempt=Attempt,
    ),
    query_check(
        "workload.open_attempt",
        "A workload that is launching, running or stopping has one open attempt, its last; any other has none.",
        "workload {} is {} and has {} open attempts of {}",
        """
        SELECT w.id, w.state, count(a.id) FILTER (WHERE a.ended_at IS NULL), count(a.id)
        FROM {workload} w LEFT JOIN {attempt} a ON a.workload_id = w.id
        GROUP BY w.id
        HAVING count(a.id) FILTER (WHERE a.ended_at IS NULL) <> (w.state = ANY(%(launched)s))::int
            OR count(a.id) FILTER (WHERE a.ended_at IS NULL AND a.number < w.attempts_made) > 0
        """,
        _STATES,
        workload=Workload,
        attempt=Attempt,
    ),
    query_check(
        "attempt.outcome",
        "An attempt that has ended says how, after it began; an open one does not.",
        "attempt {} ended at {} with the outcome {!r}, having started at {}",
        """
        SELECT id, ended_at, outcome, started_at FROM {attempt}
        WHERE (ended_at IS NULL) <> (outcome = '') OR ended_at < started_at
        """,
        attempt=Attempt,
    ),
    Check(
        "workload.ends",
        "A workload has an end exactly when its state is one, and has run when it has succeeded.",
        together(
            by_query(
                "workload {} is {} and ended at {}",
                "SELECT id, state, ended_at FROM {workload} WHERE (state = ANY(%(ended)s)) <> (ended_at IS NOT NULL)",
                _STATES,
                workload=Workload,
            ),
            by_query(
                "workload {} has succeeded without having run",
                "SELECT id FROM {workload} WHERE state = 'succeeded' AND started_at IS NULL",
                workload=Workload,
            ),
        ),
    ),
)
