"""What is withheld of machines follows from their incidents, and what is told of idle work is told as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.checks import audited_all
from apps.common.invariants import Check, query_check
from apps.quotas.models import IdlePolicy, Node, NodeIncident, Workload

CHECKS: Sequence[Check] = (
    query_check(
        "node.withheld",
        "A node is drained, and GPUs of it are cordoned, by its open incidents and by nothing else.",
        "node {} ({}): GPUs {} are cordoned and drained is {}; its incidents say {} and {}",
        """
        WITH said AS (
            SELECT n.id, coalesce(
                       (SELECT jsonb_agg(DISTINCT device) FROM {incident} i
                        CROSS JOIN jsonb_array_elements(i.devices) AS device
                        WHERE i.node_id = n.id AND i.closed_at IS NULL AND i.kind <> 'lost'), '[]'::jsonb) AS cordoned,
                   EXISTS (SELECT FROM {incident} i WHERE i.node_id = n.id AND i.closed_at IS NULL
                           AND i.kind <> 'lost' AND i.devices = '[]'::jsonb) AS drained
            FROM {node} n
        )
        SELECT n.id, n.name, n.cordoned, n.drained_at IS NOT NULL, said.cordoned, said.drained
        FROM {node} n JOIN said ON said.id = n.id
        WHERE NOT (n.cordoned @> said.cordoned AND n.cordoned <@ said.cordoned)
            OR (n.drained_at IS NOT NULL) <> said.drained
        """,
        node=Node,
        incident=NodeIncident,
    ),
    query_check(
        "node.ready",
        "A node takes new members when its backend has it, says that it is up, and it is not drained.",
        "node {} ({}) is ready: {}; up: {}, drained: {}, lost: {}",
        """
        SELECT id, name, ready, is_up, drained_at IS NOT NULL, lost_at IS NOT NULL FROM {node}
        WHERE ready <> (is_up AND drained_at IS NULL) OR (is_up AND lost_at IS NOT NULL)
        """,
        node=Node,
    ),
    query_check(
        "workload.idle",
        "A workload that was warned of its idleness has since when it idles, and one that was not has nothing of it.",
        "workload {} idles since {}, was warned at {} and is stopped at {}",
        """
        SELECT id, idle_since, idle_warned_at, idle_stops_at FROM {workload}
        WHERE (idle_since IS NULL) <> (idle_warned_at IS NULL) OR (idle_warned_at IS NULL AND idle_stops_at IS NOT NULL)
            OR idle_since > idle_warned_at
        """,
        workload=Workload,
    ),
    *audited_all([(IdlePolicy, "idle_policy.set")]),
)
