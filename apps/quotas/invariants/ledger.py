"""The ledger: a workload is billed exactly while it holds something, once for each moment, and for what it held."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.invariants import Check, by_query, listed, query_check, together
from apps.common.models import Transition
from apps.quotas.models import Attempt, UsageRecord, Workload
from apps.quotas.states import LAUNCHED, OCCUPYING

_STATES = {"occupying": listed(OCCUPYING), "launched": listed(LAUNCHED)}

CHECKS: Sequence[Check] = (
    query_check(
        "usage.open",
        "An interval of the ledger is open exactly while its workload holds something.",
        "workload {} is {} and has {} open intervals",
        """
        SELECT w.id, w.state, count(u.id) FROM {workload} w
        LEFT JOIN {usage} u ON u.workload_id = w.id AND u.closed_at IS NULL
        GROUP BY w.id HAVING count(u.id) <> (w.state = ANY(%(occupying)s))::int
        """,
        _STATES,
        workload=Workload,
        usage=UsageRecord,
    ),
    Check(
        "usage.amounts",
        "An interval bills what its members asked for; an open one, the members and the attempt of now.",
        together(
            by_query(
                "interval {} of workload {} bills other amounts than those of its {} members",
                """
                SELECT u.id, w.id, u.members FROM {usage} u JOIN {workload} w ON w.id = u.workload_id
                WHERE (u.cpu_millis, u.memory_bytes, u.gpus::bigint) IS DISTINCT FROM
                    (w.cpu_millis * u.members, w.memory_bytes * u.members, w.gpus::bigint * u.members)
                """,
                workload=Workload,
                usage=UsageRecord,
            ),
            by_query(
                "the open interval {} of workload {} bills {} members of kind {!r}; {} of {!r} are granted",
                """
                SELECT u.id, w.id, u.members, u.flavor, w.count_granted, w.flavor_granted
                FROM {usage} u JOIN {workload} w ON w.id = u.workload_id
                WHERE u.closed_at IS NULL AND w.state = ANY(%(occupying)s)
                    AND (u.members <> w.count_granted OR u.flavor <> w.flavor_granted)
                """,
                _STATES,
                workload=Workload,
                usage=UsageRecord,
            ),
            by_query(
                "the open interval {} of workload {} names the attempt {}, and the open attempt is {}",
                """
                SELECT u.id, w.id, u.attempt_id, a.id
                FROM {usage} u JOIN {workload} w ON w.id = u.workload_id
                LEFT JOIN {attempt} a ON a.workload_id = w.id AND a.ended_at IS NULL
                WHERE u.closed_at IS NULL AND u.attempt_id IS DISTINCT FROM a.id
                """,
                workload=Workload,
                usage=UsageRecord,
                attempt=Attempt,
            ),
        ),
    ),
    Check(
        "usage.order",
        "An interval is reserved, used and closed in this order, and begins after the one before was closed.",
        together(
            by_query(
                "interval {} is reserved at {}, used at {} and closed at {}",
                """
                SELECT id, reserved_at, used_at, closed_at FROM {usage}
                WHERE used_at < reserved_at OR closed_at < greatest(reserved_at, used_at) OR closed_at > %(at)s
                """,
                usage=UsageRecord,
            ),
            by_query(
                "intervals {} and {} of workload {} overlap",
                """
                SELECT before, id, workload_id FROM (
                    SELECT id, workload_id, reserved_at, lag(id) OVER line AS before,
                           coalesce(lag(closed_at) OVER line, CASE WHEN lag(id) OVER line IS NOT NULL
                                                                   THEN 'infinity'::timestamptz END) AS free_at
                    FROM {usage} WINDOW line AS (PARTITION BY workload_id ORDER BY reserved_at, id)
                ) AS lined WHERE free_at > reserved_at
                """,
                usage=UsageRecord,
            ),
        ),
    ),
    Check(
        "usage.story",
        "There is an interval for each admission and for nothing else, within the time from admission to the end.",
        together(
            by_query(
                "workload {} was admitted {} times and has {} intervals",
                # A resize begins an interval of its own: then there are more.
                """
                SELECT w.id, s.admissions, count(u.id) FROM {workload} w
                JOIN LATERAL (SELECT count(*) AS admissions FROM {transition} t
                              WHERE t.object_id = w.id AND t.noun = 'workload' AND t.to_state = 'admitted') s ON TRUE
                LEFT JOIN {usage} u ON u.workload_id = w.id
                GROUP BY w.id, s.admissions
                HAVING count(u.id) < s.admissions
                    OR (count(u.id) > s.admissions AND w.kind = 'job' AND w.count_min = w.count_max)
                """,
                workload=Workload,
                usage=UsageRecord,
                transition=Transition,
            ),
            by_query(
                # The step is noted in the same transaction, a moment later.
                "interval {} of workload {} is from {} to {}; it was admitted first at {} and ended at {}",
                """
                SELECT u.id, w.id, u.reserved_at, u.closed_at, s.first_at, w.ended_at
                FROM {usage} u JOIN {workload} w ON w.id = u.workload_id
                LEFT JOIN LATERAL (SELECT min(t.at) AS first_at FROM {transition} t
                    WHERE t.object_id = w.id AND t.noun = 'workload' AND t.to_state = 'admitted') s ON TRUE
                WHERE u.reserved_at < coalesce(s.first_at, 'infinity') - interval '1 minute' OR u.closed_at > w.ended_at
                """,
                workload=Workload,
                usage=UsageRecord,
                transition=Transition,
            ),
        ),
    ),
)
