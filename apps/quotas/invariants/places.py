"""Places on nodes and quotas: what is held is granted, nothing is held twice, and no more than there is.

Capacity and quotas may be lowered while work runs, and what was admitted stays. So too much is wrong only if some of
it was admitted after the last time that the limit can have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from apps.common.invariants import Check, Finding, Instant, Level, by_query, listed, query_check, rows, together
from apps.common.models import AuditEvent
from apps.quotas.models import Node, Queue, Quota, Workload
from apps.quotas.states import OCCUPYING

_HOLDING = {"occupying": listed(OCCUPYING)}

_MEMBERS = """
WITH member AS (
    SELECT w.id, w.pool_id, w.queue_id, w.state, w.admitted_at, w.cpu_millis, w.memory_bytes, w.gpus, w.gpu_millis,
           w.flavor_granted, place->>'node' AS node, place->'devices' AS devices
    FROM {workload} w CROSS JOIN jsonb_array_elements(w.assignments) AS place
    WHERE w.state = ANY(%(occupying)s)
)
"""
_NODES = """
SELECT n.id, n.name, sum(m.cpu_millis), n.cpu_millis, sum(m.memory_bytes), n.memory_bytes,
       max(m.admitted_at) > max(coalesce(n.changed_at, n.seen_at)), string_agg(DISTINCT m.id::text, ', ')
FROM member m JOIN {node} n ON n.pool_id = m.pool_id AND n.name = m.node
GROUP BY n.id HAVING sum(m.cpu_millis) > n.cpu_millis OR sum(m.memory_bytes) > n.memory_bytes
"""
_QUOTAS = """
WITH held AS (
    SELECT q.id, q.queue_id, q.resource, q.flavor, q.nominal + q.borrowing_limit AS most, q.created_at, w.pool_id,
           w.admitted_at,
           w.count_granted * CASE q.resource WHEN 'cpu_millis' THEN w.cpu_millis
                                             WHEN 'memory_bytes' THEN w.memory_bytes
                                             ELSE w.gpus * w.gpu_millis / 1000.0 END AS amount
    FROM {quota} q JOIN {workload} w ON w.queue_id = q.queue_id AND w.state = ANY(%(occupying)s)
    WHERE (q.flavor = '' OR q.flavor = w.flavor_granted) AND q.borrowing_limit IS NOT NULL
)
SELECT h.queue_id, h.resource, h.flavor, sum(h.amount), h.most,
       max(h.admitted_at) > greatest(
           h.created_at,
           (SELECT max(coalesce(n.changed_at, n.seen_at)) FROM {node} n WHERE n.pool_id = h.pool_id),
           (SELECT max(a.at) + interval '1 minute' FROM {audit} a
            WHERE a.subject_id = h.id::text AND a.action = 'quota.set')
       )
FROM held h GROUP BY h.id, h.queue_id, h.resource, h.flavor, h.most, h.created_at, h.pool_id
HAVING sum(h.amount) > h.most
"""


def _nodes(instant: Instant) -> Iterator[Finding]:
    """A node whose capacity was lowered by a later discovery keeps what it had."""
    found = rows(_MEMBERS + _NODES, _HOLDING, workload=Workload, node=Node)
    for node_id, name, cpu, cpu_has, memory, memory_has, is_ours, holders in found:
        held = f"node {node_id} ({name}): {cpu} of {cpu_has} cpu_millis and {memory} of {memory_has} bytes are held"
        since = "" if is_ours else ", all since before it was last found changed"
        yield Finding(f"{held}{since}, by {holders}", Level.WRONG if is_ours else Level.WARNING)


def _quotas(instant: Instant) -> Iterator[Finding]:
    found = rows(_QUOTAS, _HOLDING, quota=Quota, workload=Workload, node=Node, audit=AuditEvent)
    for queue_id, resource, flavor, held, most, is_ours in found:
        what = f"queue {queue_id} holds {held:g} of {most} {resource} {flavor}".rstrip()
        yield (Finding(what) if is_ours else Finding(f"{what}: over since the quota was lowered", Level.WARNING))


def _of_members(text: str, sql: str, level: Level = Level.WRONG) -> Callable[[Instant], Iterator[Finding]]:
    return by_query(text, _MEMBERS + sql, _HOLDING, level=level, workload=Workload, node=Node)


CHECKS: Sequence[Check] = (
    query_check(
        "workload.grant",
        "What holds quota has been granted at least one member and has a place for each; what waits has neither.",
        "workload {} is {} with {} members granted and {} places",
        """
        SELECT id, state, count_granted, jsonb_array_length(assignments) FROM {workload}
        WHERE (state = ANY(%(occupying)s)
               AND (count_granted < 1 OR jsonb_array_length(assignments) <> count_granted OR admitted_at IS NULL))
            OR (state = 'pending' AND (count_granted > 0 OR jsonb_array_length(assignments) > 0))
        """,
        _HOLDING,
        workload=Workload,
    ),
    Check(
        "node.devices",
        "A member holds as many GPUs as it asked for, GPUs of its node, and no more of a GPU is held than there is.",
        together(
            _of_members(
                "workload {} asked for {} GPUs a member and holds {} on {}",
                "SELECT id, gpus, devices, node FROM member WHERE jsonb_array_length(devices) <> gpus",
            ),
            _of_members(
                "GPU {} of node {} is held {} times, by {}",
                "SELECT device, node, trim_scale(sum(gpu_millis) / 1000.0), string_agg(DISTINCT id::text, ', ')"
                " FROM member CROSS JOIN jsonb_array_elements_text(devices) AS device"
                " GROUP BY pool_id, node, device HAVING sum(gpu_millis) > 1000",
            ),
            _of_members(
                "workload {} holds GPU {} of node {}, which is not known to have it",
                "SELECT m.id, device, m.node FROM member m CROSS JOIN jsonb_array_elements_text(m.devices) AS device"
                " WHERE NOT EXISTS (SELECT FROM {node} n CROSS JOIN jsonb_array_elements(n.gpus) AS gpu"
                " WHERE n.pool_id = m.pool_id AND n.name = m.node AND gpu->>'index' = device)",
                Level.WARNING,
            ),
        ),
    ),
    Check("node.capacity", "No node is given more work than it has cores and memory for.", _nodes),
    Check("quota.sums", "What a queue holds is within what it is guaranteed and may borrow.", _quotas),
    query_check(
        "quota.missing",
        "A resource without a quota is not used.",
        "workload {} holds {} in queue {}, which has no quota of it",
        """
        SELECT w.id, asked.resource, w.queue_id
        FROM {workload} w
        CROSS JOIN LATERAL (VALUES ('cpu_millis', w.cpu_millis), ('memory_bytes', w.memory_bytes),
                                   ('gpus', w.gpus::bigint)) AS asked (resource, amount)
        WHERE w.state = ANY(%(occupying)s) AND asked.amount > 0 AND NOT EXISTS (
            SELECT FROM {quota} q WHERE q.queue_id = w.queue_id AND q.resource = asked.resource
                AND (q.flavor = '' OR q.flavor = w.flavor_granted))
        """,
        _HOLDING,
        workload=Workload,
        quota=Quota,
    ),
    query_check(
        "workload.queue",
        "A workload waits in a queue of its own project and pool.",
        "workload {} of project {} is in queue {} of project {}",
        """
        SELECT w.id, w.project_id, q.id, q.project_id FROM {workload} w JOIN {queue} q ON q.id = w.queue_id
        WHERE q.project_id <> w.project_id OR q.pool_id <> w.pool_id
        """,
        workload=Workload,
        queue=Queue,
    ),
)
